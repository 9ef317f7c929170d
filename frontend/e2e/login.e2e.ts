//! Journey: getting in, being refused, being sent to the login and back.
import { expect, test } from 'vitest';
import { enter, fillLogin } from './browser';
import { expectError, useStage } from './stage';

const stage = useStage();

test('a wrong password is refused in words and the form stays usable', async () => {
  const opened = await stage.open();
  const { page } = opened;
  await page.goto('/login');
  await fillLogin(page, { ...stage.operator, password: 'not-the-password' });
  await page.getByRole('alert').getByText('User name or password is wrong.').waitFor();
  expectError(opened, /401/);
  await fillLogin(page, stage.operator);
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  await expect.poll(() => new URL(page.url()).pathname).toBe('/');
});

test('a deep link leads through the login to the page that was asked for', async () => {
  const { page } = await stage.open();
  await page.goto('/devices?type=EV');
  await page.getByLabel('User name').waitFor();
  await expect.poll(() => new URL(page.url()).pathname).toBe('/login');
  await fillLogin(page, stage.operator);
  await page.getByRole('heading', { name: 'Devices', level: 1 }).waitFor();
  await expect.poll(() => new URL(page.url()).search).toBe('?type=EV');
});

test('signing out closes the dashboard, here and at the API', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  await page.getByRole('link', { name: 'Devices' }).first().click();
  // Nothing is on its way any more: what is asked without a session is refused, and the browser logs that.
  await page.getByRole('grid', { name: 'Devices' }).waitFor();
  await page.waitForLoadState('networkidle');
  const cookies = await page.context().cookies();
  expect(cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite }))).toEqual([{ httpOnly: true, sameSite: 'Strict' }]);
  const told = page.waitForResponse('**/api/auth/logout');
  await page.getByRole('button', { name: 'Sign out' }).click();
  expect((await told).status()).toBe(204);
  const data = { query: '{ me { name } }' };
  expect(await page.context().cookies()).toEqual([]);
  // Also for whoever has kept the cookie.
  await page.context().addCookies(cookies);
  const refused = await page.request.post('/graphql', { headers: { 'x-derms-dashboard': '1' }, data });
  expect(refused.status()).toBe(401);
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  await page.goto('/devices');
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
});

test('a page that is loaded anew, also in another tab, is still signed in', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  await page.reload();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  const other = await page.context().newPage();
  await other.goto('/devices');
  await other.getByRole('grid', { name: 'Devices' }).waitFor();
});

test('a token that the server no longer accepts leads to the login and back to the same page', async () => {
  const opened = await stage.open();
  const { page } = opened;
  await enter(page, stage.operator, '/devices');
  await page.getByRole('grid', { name: 'Devices' }).waitFor();
  await page.route('**/graphql', (route) => route.fulfill({ status: 401, json: { error: 'token expired' } }));
  await page.getByRole('link', { name: 'Overview' }).first().click();
  await page.getByText('Your session has ended.').waitFor();
  await page.unroute('**/graphql');
  await fillLogin(page, stage.operator);
  await page.getByRole('region', { name: 'Verdict' }).waitFor();
  // Several questions were open when the token was refused: the browser logs each when its answer comes.
  expectError(opened, /401/);
});
