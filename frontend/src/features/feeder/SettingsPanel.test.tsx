//! Tests of the settings of a feeder for each role, against a played API.
import { useState } from 'react';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { graphql, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { Provider } from 'urql';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { FeederFacts } from '../../shared/feeders/model';
import type { FeederInput, Role } from '../../shared/gql/graphql';
import { createClients } from '../../shared/lib/client';
import { sessionStore } from '../../shared/lib/session';
import { toasts } from '../../shared/lib/toasts';
import { Toasts } from '../../shared/ui/Toasts';
import { SettingsPanel } from './SettingsPanel';

const feeder = {
  id: 'feeder-a',
  parentId: null,
  mode: 'AUTOMATIC',
  policy: 'water-fill',
  policyIsDefault: true,
  importLimitKw: 240,
  importLimitIsDefault: false,
  exportLimitKw: null,
  effectiveLimitKw: 240,
  loadKw: 230,
  controlledKw: 170,
  uncontrolledKw: 60,
  reservedKw: 0,
  headroomKw: 10,
  allocatedKw: 170,
  waterLevel: null,
  degraded: null,
  stopped: null,
  deviceCount: 0,
  freshCount: 0,
  staleCount: 0,
  byType: [],
  lastDecisionAt: null,
} as FeederFacts;
const DEFAULT_KW = 100;

const server = setupServer();
let asked: FeederInput[];
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
beforeEach(() => {
  asked = [];
  server.use(
    graphql.query('Policies', () => HttpResponse.json({ data: { policies: ['water-fill', 'lifo'] } })),
    graphql.mutation<object, { input: FeederInput }>('SetFeeder', ({ variables }) => {
      const { input } = variables;
      asked.push(input);
      const importLimitKw = input.importLimitKw ?? DEFAULT_KW;
      return HttpResponse.json({ data: { setFeeder: { ...feeder, __typename: 'Feeder', importLimitKw, importLimitIsDefault: input.importLimitKw === null } } });
    }),
  );
});
afterEach(() => {
  server.resetHandlers();
  sessionStore.end('signed-out');
  for (const { id } of toasts.read()) toasts.drop(id);
});
afterAll(() => server.close());

/** The page around the panel, which shows what a change has answered. */
function Held() {
  const [held, setHeld] = useState(feeder);
  return <SettingsPanel feeder={held} feeders={[held]} onChanged={setHeld} />;
}

function show(role: Role): void {
  sessionStore.begin({ username: 'ada', role, expiresAt: null });
  render(
    <Provider value={createClients().cached}>
      <Held />
      <Toasts />
    </Provider>,
  );
}

test('a viewer reads the settings and is offered no change', () => {
  show('VIEWER');
  expect(screen.getByText('water-fill')).toBeInTheDocument();
  expect(screen.queryByRole('button')).not.toBeInTheDocument();
});

test('taking a limit back asks once more, tells the API null, and is undone with the former limit', async () => {
  show('OPERATOR');
  await userEvent.click(screen.getByRole('button', { name: 'Change' }));
  expect(screen.getByRole('button', { name: 'Apply…' })).toBeDisabled();
  await userEvent.click(screen.getByRole('checkbox', { name: /the default holds/ }));
  await userEvent.click(screen.getByRole('button', { name: 'Apply…' }));
  expect(asked).toEqual([]);
  await userEvent.click(screen.getByRole('button', { name: 'Yes, apply' }));
  expect(await screen.findByText(/^feeder-a changed\. Its own import limit/)).toBeInTheDocument();
  expect(asked).toEqual([{ id: 'feeder-a', importLimitKw: null }]);
  expect(screen.getByText(/^100\.0\skW/)).toHaveTextContent('(default)');
  await userEvent.click(screen.getByRole('button', { name: 'Undo' }));
  expect(await screen.findByText('feeder-a is as it was.')).toBeInTheDocument();
  expect(asked.at(-1)).toEqual({ id: 'feeder-a', importLimitKw: 240 });
  expect(screen.getByText(/^240\.0\skW/)).toBeInTheDocument();
});

test('a refusal stands at the field that it names, and the form stays', async () => {
  server.use(
    graphql.mutation('SetFeeder', () =>
      HttpResponse.json({ errors: [{ message: 'importLimitKw: must be at most 200; you gave 220', extensions: { code: 'BAD_USER_INPUT' } }] }),
    ),
  );
  show('ADMIN');
  await userEvent.click(screen.getByRole('button', { name: 'Change' }));
  const field = screen.getByLabelText('Import limit (kW)');
  await userEvent.clear(field);
  await userEvent.type(field, '220');
  await userEvent.click(screen.getByRole('button', { name: 'Apply…' }));
  await userEvent.click(screen.getByRole('button', { name: 'Yes, apply' }));
  const form = screen.getByRole('form');
  expect(await within(form).findByText('Must be at most 200; you gave 220.')).toBeInTheDocument();
  expect(field).toHaveAttribute('aria-invalid', 'true');
  expect(within(form).queryByRole('alert')).not.toBeInTheDocument();
});
