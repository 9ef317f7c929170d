//! Tests of the way in, against a played API.
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { http, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { sessionStore } from '../../shared/lib/session';
import { LoginPage } from './LoginPage';

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(() => {
  server.resetHandlers();
  sessionStore.end('signed-out');
});
afterAll(() => server.close());

async function submit(user: string, password: string): Promise<void> {
  render(<LoginPage />);
  await userEvent.type(screen.getByLabelText('User name'), user);
  await userEvent.type(screen.getByLabelText('Password'), password);
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
}

test.each([
  [401, 'User name or password is wrong.'],
  [429, 'Too many attempts. Wait a minute, then try again.'],
  [500, 'The server could not sign you in (error 500).'],
])('an answer %i is said as "%s"', async (status, words) => {
  server.use(http.post('/api/auth/login', () => HttpResponse.json({ error: 'no' }, { status })));
  await submit('ada', 'wrong');
  expect(await screen.findByText(words)).toBeInTheDocument();
  expect(sessionStore.read().session).toBeNull();
});

test.each([
  ['12', 'Too many attempts. Try again in 12 s.'],
  ['840', 'Too many attempts. Try again in 14 min.'],
])('a server that says to come back after %s s is quoted', async (seconds, words) => {
  const headers = { 'retry-after': seconds };
  server.use(http.post('/api/auth/login', () => HttpResponse.json({ error: 'no' }, { status: 429, headers })));
  await submit('ada', 'wrong');
  expect(await screen.findByText(words)).toBeInTheDocument();
});

test('a server that cannot be reached is said to be so', async () => {
  server.use(http.post('/api/auth/login', () => HttpResponse.error()));
  await submit('ada', 'right');
  expect(await screen.findByText(/cannot be reached/)).toBeInTheDocument();
});

test('the right password begins a session with the role that the API gives', async () => {
  server.use(
    http.post('/api/auth/login', async ({ request }) => {
      expect(await request.json()).toEqual({ username: 'ada', password: 'right' });
      return HttpResponse.json({ token: 'opaque', user: { username: 'ada', role: 'operator' } });
    }),
  );
  await submit(' ada', 'right');
  await expect.poll(() => sessionStore.read().session).toMatchObject({ username: 'ada', role: 'OPERATOR', token: 'opaque' });
});
