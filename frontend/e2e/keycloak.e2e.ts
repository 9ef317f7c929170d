//! The journeys of oidc.e2e.ts against Keycloak: only where scripts/keycloak has started one. What is different there: a
//! token of its own names no audience by itself, roles stand in the access token alone, and its keys are many.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { launch, newContext } from './browser';
import { startApi } from './realApi';
import type { RealApi } from './realApi';

const { KEYCLOAK_ISSUER: issuer = '', KEYCLOAK_PID: pid = '', DERMS_PORT: port = '' } = process.env;
const PASSWORD = 'a password of this test';
const SECRET = 'the secret of this test';
const NAME = 'Keycloak';

describe.skipIf(!issuer)('with Keycloak', () => {
  let browser: Browser;
  let api: RealApi;

  beforeAll(async () => {
    browser = await launch();
    api = await startApi(Number(port), {
      DERMS_OIDC_ISSUER: issuer,
      DERMS_OIDC_CLIENT_ID: 'derms',
      DERMS_OIDC_CLIENT_SECRET: SECRET,
      DERMS_OIDC_PUBLIC_URL: `http://127.0.0.1:${port}`,
      DERMS_OIDC_NAME: NAME,
      DERMS_OIDC_ROLES_CLAIM: 'realm_access.roles',
      DERMS_OIDC_ROLES: 'derms-viewer=viewer,derms-operator=operator,derms-admin=admin',
    });
  });
  afterAll(async () => {
    await api.stop();
    await browser.close();
  });

  async function newPage(): Promise<Page> {
    const page = await (await newContext(browser, api.url)).newPage();
    page.setDefaultTimeout(60_000);
    return page;
  }

  async function logIn(page: Page, user: string): Promise<void> {
    await page.goto('/devices');
    await page.getByRole('link', { name: `Log in with ${NAME}` }).click();
    await page.locator('#username').fill(user);
    await page.locator('#password').fill(PASSWORD);
    await page.locator('#kc-login').click();
  }

  const inside = (page: Page) => page.getByRole('navigation', { name: 'Pages' }).waitFor();

  async function ask(token: string): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ me { role } }' }),
    });
    return { status: response.status, body: await response.json() };
  }

  async function token(url: string, form: Record<string, string>): Promise<string> {
    const response = await fetch(`${url}/protocol/openid-connect/token`, { method: 'POST', body: new URLSearchParams(form) });
    const answer = (await response.json()) as { access_token?: string };
    if (!answer.access_token) throw new Error(JSON.stringify(answer));
    return answer.access_token;
  }

  const scripts = (client: string) => token(issuer, { grant_type: 'client_credentials', client_id: client, client_secret: SECRET });

  test.each([
    ['vera', 'Viewer'],
    ['omar', 'Operator'],
    ['anna', 'Admin'],
  ])('%s comes in as %s', async (user, role) => {
    const page = await newPage();
    await logIn(page, user);
    await inside(page);
    expect(new URL(page.url()).pathname).toBe('/devices');
    await page.getByText(role, { exact: true }).first().waitFor();
  });

  test('who has no role here is told so', async () => {
    const page = await newPage();
    await logIn(page, 'nora');
    await page.getByRole('alert').getByText(`${NAME} knows you, but you have no role here.`).waitFor();
  });

  test('a script comes in with a token for this API, and not with one of another client', async () => {
    expect(await ask(await scripts('script'))).toEqual({ status: 200, body: { data: { me: { role: 'OPERATOR' } } } });
    expect((await ask(await scripts('other'))).status).toBe(401);
  });

  test('after a change of its keys people and scripts come in as before', async () => {
    const base = issuer.replace('/realms/derms', '');
    const form = { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password: 'of this test alone' };
    const admin = await token(`${base}/realms/master`, form);
    const made = await fetch(`${base}/admin/realms/derms/components`, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'the next one',
        providerId: 'rsa-generated',
        providerType: 'org.keycloak.keys.KeyProvider',
        config: { priority: ['200'], enabled: ['true'], active: ['true'], algorithm: ['RS256'] },
      }),
    });
    expect(made.status).toBe(201);
    expect((await ask(await scripts('script'))).status).toBe(200);
    const page = await newPage();
    await logIn(page, 'omar');
    await inside(page);
  });

  test('while it stands still nobody comes in, and whoever is in goes on', async () => {
    const page = await newPage();
    await logIn(page, 'omar');
    await inside(page);
    process.kill(Number(pid), 'SIGSTOP');
    try {
      await page.reload();
      await inside(page);
      const out = await newPage();
      await out.goto('/login');
      await expect
        .poll(
          async () => (await out.request.get('/api/auth/oidc/login', { maxRedirects: 0 })).headers().location,
          { timeout: 60_000, interval: 1000 },
        )
        .toBe('/login?problem=provider-away');
      await out.getByRole('link', { name: `Log in with ${NAME}` }).click();
      await out.getByRole('alert').getByText(`${NAME} does not answer.`).waitFor();
    } finally {
      process.kill(Number(pid), 'SIGCONT');
    }
  });
});
