//! Tests of the page for each role, against a played API.
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { graphql, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { Provider } from 'urql';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DrProgramPatch, Role } from '../../shared/gql/graphql';
import { createClients } from '../../shared/lib/client';
import { BulkClientProvider } from '../../shared/lib/live';
import { sessionStore } from '../../shared/lib/session';
import { toasts } from '../../shared/lib/toasts';
import { DemandResponsePage } from './DemandResponsePage';

const HOUR = 3_600_000;
const iso = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();
const program = {
  __typename: 'DrProgram',
  id: 'p1',
  name: 'Evening peak',
  mode: 'FIXED_CAP',
  feederIds: ['feeder-a'],
  start: iso(-1),
  end: iso(2),
  targetShedKw: 20,
  incentivePerKwh: 0,
  penaltyPerKwh: 0,
  active: true,
  impact: { __typename: 'DrImpact', at: iso(0), availableBeforeKw: 80, availableAfterKw: 60, shedKw: 20 },
};
const feeder = {
  __typename: 'Feeder', id: 'feeder-a', parentId: null, mode: 'AUTOMATIC', policy: 'water-fill', policyIsDefault: true, degraded: null, stopped: null,
  importLimitKw: 100, importLimitIsDefault: false, exportLimitKw: null, effectiveLimitKw: 80, loadKw: 90, controlledKw: 60, uncontrolledKw: 30,
  reservedKw: 0, headroomKw: 0, allocatedKw: 60, waterLevel: null, deviceCount: 1, freshCount: 1, staleCount: 0, byType: [], lastDecisionAt: iso(0),
};

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: 'bypass' }));
beforeEach(() => {
  history.replaceState(null, '', '/demand-response');
  server.use(
    graphql.query('DemandResponse', () => HttpResponse.json({ data: { events: [], drPrograms: [program] } })),
    graphql.query('Feeders', () => HttpResponse.json({ data: { feeders: [feeder] } })),
  );
});
afterEach(() => {
  server.resetHandlers();
  sessionStore.end('signed-out');
  for (const { id } of toasts.read()) toasts.drop(id);
});
afterAll(() => server.close());

function show(role: Role): void {
  sessionStore.begin({ username: 'ada', role, expiresAt: null });
  const clients = createClients();
  render(
    <Provider value={clients.cached}>
      <BulkClientProvider value={clients.bulk}>
        <DemandResponsePage />
      </BulkClientProvider>
    </Provider>,
  );
}

test('a viewer sees the program and its impact and is offered nothing to change it', async () => {
  show('VIEWER');
  expect(await screen.findByRole('group', { name: 'Impact now' })).toHaveTextContent(/Sheds now 20/);
  for (const name of ['New event', 'New program', /^Deactivate/, /^Change/, /^Delete/]) {
    expect(screen.queryByRole('button', { name })).not.toBeInTheDocument();
  }
});

test('an operator switches a program off after being told what that does, but does not delete', async () => {
  let sent: object | undefined;
  server.use(
    graphql.mutation('SetProgramActive', ({ variables }) => {
      sent = variables;
      return HttpResponse.json({ data: { setDrProgramActive: { ...program, active: false, impact: null } } });
    }),
  );
  show('OPERATOR');
  await userEvent.click(await screen.findByRole('button', { name: 'Deactivate Evening peak' }));
  expect(screen.queryByRole('button', { name: /^Delete/ })).not.toBeInTheDocument();
  const asked = screen.getByRole('group', { name: 'Confirm: Deactivate Evening peak' });
  expect(asked).toHaveTextContent('the feeders return to their own limits');
  expect(sent).toBeUndefined();
  await userEvent.click(within(asked).getByRole('button', { name: 'Deactivate' }));
  await expect.poll(() => sent).toEqual({ id: 'p1', active: false });
  await expect.poll(() => toasts.read().at(-1)).toMatchObject({ text: '“Evening peak” is switched off.' });
  expect(toasts.read().at(-1)?.undo).toBeDefined();
});

test('what the API refuses stands at the field that it names, and what was typed stays', async () => {
  let sent: DrProgramPatch | undefined;
  server.use(
    graphql.mutation<object, { input: DrProgramPatch }>('UpdateProgram', ({ variables }) => {
      sent = variables.input;
      return HttpResponse.json({ errors: [{ message: 'targetShedKw: must be at most 25; you gave 40', extensions: { code: 'BAD_USER_INPUT' } }] });
    }),
  );
  show('OPERATOR');
  await userEvent.click(await screen.findByRole('button', { name: 'Change Evening peak' }));
  const field = screen.getByLabelText('Power to shed (kW)');
  await userEvent.clear(field);
  await userEvent.type(field, '40');
  await userEvent.click(screen.getByRole('button', { name: 'Save changes' }));
  await expect.poll(() => field).toHaveAccessibleDescription(/Must be at most 25; you gave 40\./);
  expect(sent).toEqual({ targetShedKw: 40 });
  expect(field).toHaveValue('40');
});
