//! Journey: in by a login provider as others run them, with the real API; who is let in, who is not, and what a provider
//! that is away stops.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { launch, newContext, watchErrors } from './browser';
import { CLIENT, OTHER, ROLES, SCRIPT, SECRET, startProvider } from './provider';
import type { TestProvider } from './provider';
import { freePort, startApi } from './realApi';
import type { RealApi } from './realApi';
import { axeViolations } from './stage';

const NAME = 'Grid ID';

describe('with a login provider', () => {
  let browser: Browser;
  let provider: TestProvider;
  let api: RealApi;
  const open: { page: Page; errors: string[] }[] = [];

  beforeAll(async () => {
    browser = await launch();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    provider = await startProvider(await freePort(), url);
    api = await startApi(port, {
      DERMS_OIDC_ISSUER: provider.issuer,
      DERMS_OIDC_CLIENT_ID: CLIENT,
      DERMS_OIDC_CLIENT_SECRET: SECRET,
      DERMS_OIDC_PUBLIC_URL: url,
      DERMS_OIDC_NAME: NAME,
      DERMS_OIDC_ROLES_CLAIM: 'groups',
      DERMS_OIDC_ROLES: ROLES,
      DERMS_OIDC_AUDIENCE: 'derms-api',
    });
  });
  afterAll(async () => {
    await api.stop();
    await provider.stop();
    await browser.close();
  });
  afterEach(async () => {
    const errors = open.flatMap((each) => each.errors);
    await Promise.all(open.map(({ page }) => page.context().close()));
    open.length = 0;
    expect(errors).toEqual([]);
  });

  async function newPage(): Promise<Page> {
    const context = await newContext(browser, api.url);
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    // The provider's own pages may say what they like.
    const errors: string[] = [];
    const all = watchErrors(page);
    page.on('close', () => errors.push(...all.filter((error) => error.includes(api.url))));
    open.push({ page, errors });
    return page;
  }

  async function logIn(page: Page, user: string, path = '/'): Promise<void> {
    await page.goto(path);
    await page.getByRole('link', { name: `Log in with ${NAME}` }).click();
    await page.locator('input[name=login]').fill(user);
    await page.locator('input[name=password]').fill('any');
    await page.locator('button[type=submit]').click();
    await page.getByRole('button', { name: 'Continue' }).click();
  }

  /** Here, and at the provider, which asks once more; then back. */
  async function signOut(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Yes, sign me out' }).click();
    await page.getByRole('link', { name: `Log in with ${NAME}` }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/login');
    expect((await page.context().cookies()).filter(({ name }) => name.startsWith('derms_'))).toEqual([]);
  }

  const inside = (page: Page) => page.getByRole('navigation', { name: 'Pages' }).waitFor();

  test.each([
    ['vera', 'Viewer'],
    ['omar', 'Operator'],
    ['anna', 'Admin'],
  ])('%s comes in as %s, to the page that was asked for, and out again', async (user, role) => {
    const page = await newPage();
    await logIn(page, user, '/devices?type=EV');
    await inside(page);
    const { pathname, search } = new URL(page.url());
    expect(pathname + search).toBe('/devices?type=EV');
    await page.getByText(user, { exact: true }).waitFor();
    await page.getByText(role, { exact: true }).first().waitFor();
    const cookies = (await page.context().cookies()).filter(({ name }) => name.startsWith('derms_'));
    expect(cookies.map(({ name, httpOnly, sameSite, expires }) => ({ name, httpOnly, sameSite, expires }))).toEqual([
      { name: 'derms_session', httpOnly: true, sameSite: 'Strict', expires: -1 },
      { name: 'derms_provider', httpOnly: true, sameSite: 'Strict', expires: -1 },
    ]);
    expect(await page.evaluate(() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage))).not.toMatch(/eyJ/);
    await signOut(page);
    await page.reload();
    await page.getByRole('link', { name: `Log in with ${NAME}` }).waitFor();
    // The provider's session is over, too: it asks who it is.
    await page.getByRole('link', { name: `Log in with ${NAME}` }).click();
    await page.locator('input[name=login]').waitFor();
  });

  test('who has no role here is told so, and the login page stays usable', async () => {
    const page = await newPage();
    await logIn(page, 'nora');
    await page.getByRole('alert').getByText(`${NAME} knows you, but you have no role here.`).waitFor();
    expect(await axeViolations(page)).toEqual([]);
  });

  test('who turns back at the provider is told so', async () => {
    const page = await newPage();
    await page.goto('/');
    await page.getByRole('link', { name: `Log in with ${NAME}` }).click();
    await page.getByRole('link', { name: 'Cancel' }).click();
    await page.getByRole('alert').getByText(`${NAME} did not let you in, or you cancelled there.`).waitFor();
  });

  async function ask(token: string): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ me { role } }' }),
    });
    return { status: response.status, body: await response.json() };
  }

  test('a script comes in with a token for this API, and not with one for another', async () => {
    expect(await ask(await provider.token(SCRIPT))).toEqual({ status: 200, body: { data: { me: { role: 'OPERATOR' } } } });
    expect((await ask(await provider.token(OTHER))).status).toBe(401);
  });

  test('after a change of its keys people and scripts come in as before', async () => {
    const before = await provider.token(SCRIPT);
    expect((await ask(before)).status).toBe(200);
    await provider.rotate();
    expect((await ask(await provider.token(SCRIPT))).status).toBe(200);
    expect((await ask(before)).status).toBe(401);
    const page = await newPage();
    await logIn(page, 'omar');
    await inside(page);
  });

  test('while it is away nobody comes in, and whoever is in goes on', async () => {
    const omar = await newPage();
    await logIn(omar, 'omar');
    await inside(omar);
    await provider.stop();
    try {
      await omar.reload();
      await inside(omar);
      const page = await newPage();
      await page.goto('/devices');
      // The provider may have answered a moment ago: what it said then is taken for ten seconds.
      await expect
        .poll(
          async () => {
            const response = await page.request.get('/api/auth/oidc/login', { maxRedirects: 0 });
            return response.headers().location;
          },
          { timeout: 30_000, interval: 500 },
        )
        .toBe('/login?problem=provider-away');
      await page.getByRole('link', { name: `Log in with ${NAME}` }).click();
      await page.getByRole('alert').getByText(`${NAME} does not answer.`).waitFor();
      expect(new URL(page.url()).searchParams.get('next')).toBe('/devices');
    } finally {
      await provider.start();
    }
  });
});
