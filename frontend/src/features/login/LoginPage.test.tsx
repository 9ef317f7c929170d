//! Tests of the way in, against a played API.
import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { http, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { sessionStore } from '../../shared/lib/session';
import { LoginPage } from './LoginPage';

const noProvider = http.get('/api/auth/methods', () => HttpResponse.json({ password: true, oidc: null }));
const server = setupServer(noProvider);
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(() => {
  server.resetHandlers();
  sessionStore.end('signed-out');
  history.replaceState(null, '', '/');
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
      expect(await request.json()).toEqual({ username: 'ada', password: 'right', session: 'cookie', keep: false });
      expect(request.headers.get('x-derms-dashboard')).toBe('1');
      return HttpResponse.json({ user: { username: 'ada', role: 'operator' }, expiresAtMs: 1_900_000_000_000 });
    }),
  );
  await submit(' ada', 'right');
  await expect.poll(() => sessionStore.read().session).toEqual({ username: 'ada', role: 'OPERATOR', expiresAt: 1_900_000_000_000 });
});

function withProvider(password: boolean): void {
  server.use(http.get('/api/auth/methods', () => HttpResponse.json({ password, oidc: { name: 'Grid ID' } })));
}

test('without a login provider there is a password alone', async () => {
  const asked = new Promise((resolve) => server.events.on('response:mocked', resolve));
  render(<LoginPage />);
  await asked;
  // What was answered is shown by then.
  await act(() => new Promise((resolve) => setTimeout(resolve, 50)));
  expect(screen.getByLabelText('Password')).toBeInTheDocument();
  expect(screen.queryByRole('link', { name: /^Log in with/ })).toBeNull();
});

test('with one, the way there leads back to the page that was asked for, and stays if it shall', async () => {
  withProvider(true);
  history.replaceState(null, '', '/login?next=%2Fdevices%3Ftype%3DEV');
  render(<LoginPage />);
  const link = await screen.findByRole('link', { name: 'Log in with Grid ID' });
  expect(link).toHaveAttribute('href', '/api/auth/oidc/login?next=%2Fdevices%3Ftype%3DEV');
  await userEvent.click(screen.getByLabelText('Keep me signed in on this computer'));
  expect(link).toHaveAttribute('href', '/api/auth/oidc/login?next=%2Fdevices%3Ftype%3DEV&keep=true');
  expect(screen.getByLabelText('Password')).toBeInTheDocument();
});

test('where nobody has a password, none is asked for', async () => {
  withProvider(false);
  render(<LoginPage />);
  await screen.findByRole('link', { name: 'Log in with Grid ID' });
  expect(screen.queryByLabelText('Password')).toBeNull();
});

test('a server that does not say how to sign in is asked with a password', async () => {
  server.use(http.get('/api/auth/methods', () => HttpResponse.error()));
  render(<LoginPage />);
  expect(await screen.findByLabelText('Password')).toBeInTheDocument();
});

test.each([
  ['provider-away', 'Grid ID does not answer. Try again in a moment, or sign in with a password.'],
  ['provider-refused', 'Grid ID did not accept the login. Try again; if it goes on, tell whoever runs this system.'],
  ['login-expired', 'The login took too long, or was begun in another browser. Try again.'],
  ['denied', 'Grid ID did not let you in, or you cancelled there.'],
  ['token', 'What Grid ID says of you is not accepted here. Tell whoever runs this system.'],
  ['no-role', 'Grid ID knows you, but you have no role here. Ask whoever runs this system for one.'],
  ['name', 'Your user name there is taken here by a user with a password. Tell whoever runs this system.'],
  ['busy', 'Too many people sign in at this moment. Try again.'],
  ['<b>made up</b>', 'The login did not work. Try again.'],
])('what went wrong at the provider (%s) is said in words', async (problem, words) => {
  withProvider(true);
  history.replaceState(null, '', `/login?problem=${encodeURIComponent(problem)}`);
  render(<LoginPage />);
  await screen.findByRole('link', { name: 'Log in with Grid ID' });
  expect(screen.getAllByRole('alert')[0]).toHaveTextContent(words);
});
