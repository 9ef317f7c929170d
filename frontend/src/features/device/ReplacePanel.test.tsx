//! Tests of replacing a device, against a played API.
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { graphql, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { Provider } from 'urql';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Role } from '../../shared/gql/graphql';
import { createClients } from '../../shared/lib/client';
import { sessionStore } from '../../shared/lib/session';
import { toasts } from '../../shared/lib/toasts';
import type { Facts } from './model';
import { candidates, replacementPreview } from './replacement';
import { ReplacePanel } from './ReplacePanel';

const facts = {
  __typename: 'Device', id: 'ev-1', type: 'EV', origin: 'SIMULATED', feederId: 'a', siteId: null, ratedKw: 7, minPowerKw: 1.4, priority: 3,
  targetSoc: 0.8, optedOut: false, overridden: false, freshness: 'FRESH', lastSeen: null, powerKw: 0, setpointKw: 0, soc: 0.5, trackingErrorKw: 0,
  compliant: true, fallbackKw: 1.4, override: null, notices: [],
} as unknown as Facts;
const answer = {
  devices: { __typename: 'DeviceConnection' as const, edges: [{ __typename: 'DeviceEdge' as const, node: { __typename: 'Device' as const, id: 'ev-1', feederId: 'a' } }, { __typename: 'DeviceEdge' as const, node: { __typename: 'Device' as const, id: 'ev-2', feederId: 'b' } }] },
  waitingDevices: { __typename: 'WaitingDeviceConnection' as const, edges: [{ __typename: 'WaitingDeviceEdge' as const, node: { __typename: 'WaitingDevice' as const, id: 'ev-new', type: 'EV' as const } }, { __typename: 'WaitingDeviceEdge' as const, node: { __typename: 'WaitingDevice' as const, id: 'pv-new', type: 'PV' as const } }] },
};

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
beforeEach(() => server.use(graphql.query('Replacements', () => HttpResponse.json({ data: answer }))));
afterEach(() => {
  server.resetHandlers();
  sessionStore.end('signed-out');
  for (const { id } of toasts.read()) toasts.drop(id);
});
afterAll(() => server.close());

function show(role: Role): void {
  sessionStore.begin({ username: 'ada', role, expiresAt: null });
  render(
    <Provider value={createClients().cached}>
      <ReplacePanel device={facts} />
    </Provider>,
  );
}

test('those of the same type can take its place, the waiting first', () => {
  expect(candidates(facts, answer).map(({ id, where }) => `${id} ${where}`)).toEqual(['ev-new waits to be let in', 'ev-2 now on b']);
});

test('what is taken over is said', () => {
  expect(replacementPreview(facts, ' ev-2 ').replaceAll('\u00a0', ' ')).toBe(
    'ev-2 takes the place of ev-1 on a with its settings (priority 3, target 80 %, 1.40 kW without a setpoint). ev-1 is retired: if it speaks again, it is unknown.',
  );
});

test('a viewer is offered no replacing', () => {
  show('VIEWER');
  expect(screen.queryByRole('button')).not.toBeInTheDocument();
});

test('an operator is asked once more, and a refusal stands at its field', async () => {
  const sent: object[] = [];
  server.use(
    graphql.mutation('ReplaceDevice', ({ variables }) => {
      sent.push(variables);
      return HttpResponse.json({ errors: [{ message: 'by: there is no device ev-9', extensions: { code: 'NOT_FOUND' } }] });
    }),
  );
  show('OPERATOR');
  await userEvent.click(screen.getByRole('button', { name: 'Replace this device…' }));
  await userEvent.click(screen.getByRole('button', { name: 'Replace…' }));
  expect(screen.getByLabelText('Replaced by')).toHaveAccessibleDescription(/Enter the id/);
  await userEvent.type(screen.getByLabelText('Replaced by'), 'ev-9');
  await userEvent.click(screen.getByRole('button', { name: 'Replace…' }));
  expect(sent).toEqual([]);
  await userEvent.click(screen.getByRole('button', { name: 'Yes, replace it' }));
  expect(await screen.findByText('There is no device ev-9.')).toBeInTheDocument();
  expect(screen.getByLabelText('Replaced by')).toHaveAttribute('aria-invalid', 'true');
  expect(sent).toEqual([{ id: 'ev-1', by: 'ev-9' }]);
  expect(screen.queryByRole('alert')).not.toBeInTheDocument();
});
