//! Tests of the override of a device, against a played API.
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { graphql, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { Provider } from 'urql';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Role } from '../../shared/gql/graphql';
import { createClients } from '../../shared/lib/client';
import { sessionStore } from '../../shared/lib/session';
import { toasts } from '../../shared/lib/toasts';
import type { Facts } from './model';
import { OverridePanel } from './OverridePanel';

const facts = {
  __typename: 'Device', id: 'd', type: 'BATTERY', origin: 'SIMULATED', feederId: 'a', siteId: null, ratedKw: 5, minPowerKw: null, priority: 1,
  targetSoc: null, optedOut: false, overridden: false, freshness: 'FRESH', lastSeen: null, powerKw: 0, setpointKw: 0, soc: 0.5, trackingErrorKw: 0,
  compliant: true, fallbackKw: null, override: null as { powerKw: number; until: string } | null, notices: [],
};
const until = new Date(Date.now() + 600_000).toISOString();

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(() => {
  server.resetHandlers();
  sessionStore.end('signed-out');
  for (const { id } of toasts.read()) toasts.drop(id);
});
afterAll(() => server.close());

function show(role: Role, override: Facts['override'] = null): void {
  sessionStore.begin({ username: 'ada', role, expiresAt: null });
  render(
    <Provider value={createClients().cached}>
      <OverridePanel device={{ ...facts, override } as unknown as Facts} />
    </Provider>,
  );
}

test('a viewer sees what stands and no button', () => {
  show('VIEWER', { powerKw: -2, until });
  expect(screen.getByText('give 2.00 kW')).toBeInTheDocument();
  expect(screen.queryByRole('button')).not.toBeInTheDocument();
});

test('an operator is told what will happen, sets the power, and can take it back', async () => {
  const sent: object[] = [];
  server.use(
    graphql.mutation('OverrideSetpoint', ({ variables }) => {
      sent.push(variables);
      return HttpResponse.json({ data: { overrideSetpoint: { ...facts, overridden: true, override: { __typename: 'Override', powerKw: 2, until } } } });
    }),
    graphql.mutation('ClearOverride', ({ variables }) => {
      sent.push(variables);
      return HttpResponse.json({ data: { clearOverride: facts } });
    }),
  );
  show('OPERATOR');
  await userEvent.click(screen.getByRole('button', { name: 'Set its power' }));
  await userEvent.click(screen.getByRole('button', { name: 'Set power' }));
  expect(screen.getByLabelText('Power (kW)')).toHaveAccessibleDescription(/Enter a power/);
  await userEvent.type(screen.getByLabelText('Power (kW)'), '2');
  await userEvent.click(screen.getByRole('button', { name: '1 h' }));
  expect(screen.getByText(/is told to take/)).toHaveTextContent('(1 h)');
  await userEvent.click(screen.getByRole('button', { name: 'Set power' }));
  await expect.poll(() => sent).toEqual([{ deviceId: 'd', powerKw: 2, forSeconds: 3600 }]);
  await expect.poll(() => toasts.read().length).toBe(1);
  expect(await toasts.read()[0]?.undo?.()).toMatchObject({ tone: 'done' });
  expect(sent[1]).toEqual({ deviceId: 'd' });
});
