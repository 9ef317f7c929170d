//! Tests of the simulator's time of day, against a played API whose questions answer later than its changes.
import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { delay, graphql, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { Provider } from 'urql';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { SimulationMode } from '../../shared/gql/graphql';
import { createClients } from '../../shared/lib/client';
import { sessionStore } from '../../shared/lib/session';
import { toasts } from '../../shared/lib/toasts';
import { SimulationPanel } from './SimulationPanel';

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(() => {
  server.resetHandlers();
  sessionStore.end('signed-out');
  for (const { id } of toasts.read()) toasts.drop(id);
});
afterAll(() => server.close());

const simulation = (mode: SimulationMode) => ({ __typename: 'Simulation' as const, mode, overridden: mode !== 'AUTO', updatedAt: '2026-11-26T10:00:00Z', hoursAhead: 0 });
const radio = (name: string) => screen.getByRole('radio', { name });

/** The first question is answered, those after it never: what is shown then is what the changes have answered. */
function answerOnce(mode: SimulationMode): void {
  let asked = 0;
  server.use(
    graphql.query('Simulation', async () => {
      asked += 1;
      if (asked > 1) await delay('infinite');
      return HttpResponse.json({ data: { simulation: simulation(mode) } });
    }),
  );
}

function answerChanges(): void {
  server.use(
    graphql.mutation<object, { mode: SimulationMode }>('SetSimulationMode', ({ variables }) =>
      HttpResponse.json({ data: { setSimulationMode: simulation(variables.mode) } }),
    ),
  );
}

async function show(): Promise<void> {
  sessionStore.begin({ username: 'ada', role: 'OPERATOR', expiresAt: null });
  render(
    <Provider value={createClients().cached}>
      <SimulationPanel />
    </Provider>,
  );
  await screen.findByRole('radio', { name: 'Night' });
}

test('a choice stays chosen when its answer comes before the renewed question', async () => {
  answerOnce('AUTO');
  answerChanges();
  await show();
  await userEvent.click(radio('Night'));
  expect(radio('Night')).toBeChecked();
  await expect.poll(() => toasts.read().length).toBe(1);
  expect(await screen.findByText(/The simulated sun is down at any hour/)).toBeInTheDocument();
  expect(radio('Night')).toBeChecked();
});

test('undo shows the former choice, and nothing in between', async () => {
  answerOnce('DAY');
  answerChanges();
  await show();
  await userEvent.click(radio('Night'));
  await expect.poll(() => toasts.read().length).toBe(1);
  await act(async () => {
    await toasts.read()[0]?.undo?.();
  });
  await expect.poll(() => radio('Day')).toBeChecked();
});

test('of two quick choices the second is shown while both are on their way', async () => {
  answerOnce('AUTO');
  let answerSecond: () => void = () => undefined;
  const second = new Promise<void>((resolve) => {
    answerSecond = resolve;
  });
  server.use(
    graphql.mutation<object, { mode: SimulationMode }>('SetSimulationMode', async ({ variables: { mode } }) => {
      if (mode === 'DAY') await second;
      return HttpResponse.json({ data: { setSimulationMode: simulation(mode) } });
    }),
  );
  await show();
  await userEvent.click(radio('Night'));
  await userEvent.click(radio('Day'));
  await expect.poll(() => toasts.read().length).toBe(1);
  expect(radio('Day')).toBeChecked();
  answerSecond();
  await expect.poll(() => toasts.read().length).toBe(2);
  expect(radio('Day')).toBeChecked();
});

test('a refused choice goes back to what is, and says why', async () => {
  answerOnce('AUTO');
  server.use(graphql.mutation('SetSimulationMode', () => HttpResponse.json({ errors: [{ message: 'there is no simulator' }] })));
  await show();
  await userEvent.click(radio('Night'));
  expect(await screen.findByRole('alert')).toHaveTextContent('There is no simulator.');
  expect(radio('By the clock')).toBeChecked();
});
