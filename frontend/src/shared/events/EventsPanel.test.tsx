//! Tests of the events panel for each role, against a played API.
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { graphql, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { Provider } from 'urql';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { EventInput, Role } from '../gql/graphql';
import { createClients } from '../lib/client';
import { sessionStore } from '../lib/session';
import { toasts } from '../lib/toasts';
import { Toasts } from '../ui/Toasts';
import { EventsPanel } from './EventsPanel';

const hour = 3_600_000;
const event = {
  __typename: 'Event',
  id: 'e1',
  feederId: 'feeder-a',
  start: new Date(Date.now() - hour).toISOString(),
  end: new Date(Date.now() + hour).toISOString(),
  limitKw: 40,
  type: 'dr',
  rampSeconds: 0,
  cancelled: false,
  cancelledAt: null,
  createdBy: 'ada',
};
const feeders = [{ id: 'feeder-a', loadKw: 90, importLimitKw: 100 }];

const server = setupServer();
let events: (typeof event)[];
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
beforeEach(() => {
  events = [event];
  server.use(graphql.query('Events', () => HttpResponse.json({ data: { events } })));
});
afterEach(() => {
  server.resetHandlers();
  for (const { id } of toasts.read()) toasts.drop(id);
  sessionStore.end('signed-out');
});
afterAll(() => server.close());

function show(role: Role): void {
  sessionStore.begin({ username: 'ada', role, expiresAt: null });
  render(
    <Provider value={createClients().cached}>
      <EventsPanel feeders={feeders} />
      <Toasts />
    </Provider>,
  );
}

test('a viewer sees the events and is offered nothing to change them', async () => {
  show('VIEWER');
  expect(await screen.findByText('Active')).toBeInTheDocument();
  expect(screen.getAllByRole('button').map(({ textContent }) => textContent)).toEqual(['Who gave?']);
});

test('an operator creates an event with what was typed', async () => {
  let sent: EventInput | undefined;
  server.use(
    graphql.mutation<object, { input: EventInput }>('CreateEvent', ({ variables }) => {
      sent = variables.input;
      return HttpResponse.json({ data: { createEvent: { ...event, id: 'e2', limitKw: 45 } } });
    }),
  );
  show('OPERATOR');
  await userEvent.click(screen.getByRole('button', { name: 'New event' }));
  await userEvent.type(screen.getByLabelText('Limit (kW)'), '45');
  await userEvent.click(screen.getByRole('button', { name: 'Create event' }));
  expect(await screen.findByText(/^Event created\./)).toBeInTheDocument();
  expect(sent).toMatchObject({ feederId: 'feeder-a', limitKw: 45, rampSeconds: 0 });
  expect(Date.parse(sent?.end ?? '') - Date.parse(sent?.start ?? '')).toBe(30 * 60_000);
  expect(screen.queryByRole('form')).not.toBeInTheDocument();
});

test('an event that was made by mistake is cancelled by Undo', async () => {
  let cancelled = '';
  server.use(
    graphql.mutation('CreateEvent', () => HttpResponse.json({ data: { createEvent: { ...event, id: 'e2' } } })),
    graphql.mutation<object, { id: string }>('CancelEvent', ({ variables }) => {
      cancelled = variables.id;
      return HttpResponse.json({ data: { cancelEvent: { ...event, id: 'e2', cancelled: true } } });
    }),
  );
  show('OPERATOR');
  await userEvent.click(screen.getByRole('button', { name: 'New event' }));
  await userEvent.type(screen.getByLabelText('Limit (kW)'), '45');
  await userEvent.click(screen.getByRole('button', { name: 'Create event' }));
  await userEvent.click(await screen.findByRole('button', { name: 'Undo' }));
  expect(await screen.findByText('Event on feeder-a cancelled.')).toBeInTheDocument();
  expect(cancelled).toBe('e2');
});

test('an event is changed by what differs alone', async () => {
  let sent: unknown;
  server.use(
    graphql.mutation<object, { input: unknown }>('UpdateEvent', ({ variables }) => {
      sent = variables.input;
      return HttpResponse.json({ data: { updateEvent: { ...event, limitKw: 30 } } });
    }),
  );
  show('OPERATOR');
  await userEvent.click(await screen.findByRole('button', { name: /^Change the event/ }));
  const limit = screen.getByLabelText('Limit (kW)');
  await userEvent.clear(limit);
  await userEvent.type(limit, '30');
  await userEvent.click(screen.getByRole('button', { name: 'Change event' }));
  expect(await screen.findByText(/^Event changed\./)).toBeInTheDocument();
  expect(sent).toEqual({ limitKw: 30 });
});

test('a refusal of the server is shown and the form stays', async () => {
  server.use(
    graphql.mutation('CreateEvent', () =>
      HttpResponse.json({ errors: [{ message: 'the feeder is not known', extensions: { code: 'NOT_FOUND' } }] }),
    ),
  );
  show('OPERATOR');
  await userEvent.click(screen.getByRole('button', { name: 'New event' }));
  await userEvent.type(screen.getByLabelText('Limit (kW)'), '45');
  await userEvent.click(screen.getByRole('button', { name: 'Create event' }));
  expect(await within(screen.getByRole('form')).findByRole('alert')).toHaveTextContent('the feeder is not known');
});

test('cancelling asks first, and an answer UNAUTHENTICATED ends the session', async () => {
  server.use(
    graphql.mutation('CancelEvent', () =>
      HttpResponse.json({ errors: [{ message: 'sign in first', extensions: { code: 'UNAUTHENTICATED' } }] }),
    ),
  );
  show('ADMIN');
  await userEvent.click(await screen.findByRole('button', { name: /^Cancel the event on feeder-a/ }));
  expect(sessionStore.read().session).not.toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Cancel event' }));
  await expect.poll(() => sessionStore.read()).toMatchObject({ lapsed: true });
});

test('a server that does not answer is an error with a way to try again', async () => {
  server.use(graphql.query('Events', () => HttpResponse.error()));
  show('VIEWER');
  expect(await screen.findByText('Could not load the events')).toBeInTheDocument();
  server.use(graphql.query('Events', () => HttpResponse.json({ data: { events } })));
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('Active')).toBeInTheDocument();
});
