//! Journey: a session ends while somebody works. What they were at is there when they have signed in again.
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { enter, fillLogin, LOOKS } from './browser';
import type { Look } from './browser';
import { axeViolations, expectError, sideways, useStage } from './stage';
import type { Stage } from './stage';

const stage = useStage();
const dialogOf = (page: Page) => page.getByRole('dialog', { name: 'Your session has ended' });

/** Ends the session at the API, as an admin or another tab would; the page still has its cookie. */
async function revoke({ page }: Stage): Promise<void> {
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const headers = { cookie, 'x-derms-dashboard': '1' };
  const { status } = await fetch(new URL('/api/auth/logout', page.url()), { method: 'POST', headers });
  expect(status).toBe(204);
}

async function begun(look?: Look): Promise<Stage> {
  const opened = await stage.open(look);
  const { page } = opened;
  await enter(page, stage.operator, '/demand-response?new=event');
  await page.getByRole('form', { name: 'New event' }).getByLabel('Limit (kW)').fill('7.25');
  return opened;
}

async function goesOn(page: Page): Promise<void> {
  await dialogOf(page).waitFor({ state: 'detached' });
  const form = page.getByRole('form', { name: 'New event' });
  expect(await form.getByLabel('Limit (kW)').inputValue()).toBe('7.25');
  await page.getByText('Live', { exact: true }).waitFor();
  expect(new URL(page.url()).search).toContain('new=event');
}

test('a session that was revoked is begun anew above the form, which goes on', async () => {
  const opened = await begun();
  const { page } = opened;
  await revoke(opened);
  await dialogOf(page).waitFor();
  expect(await dialogOf(page).getByLabel('User name').inputValue()).toBe(stage.operator.user);
  await page.keyboard.press('Escape');
  await fillLogin(page, stage.operator);
  await goesOn(page);
  expectError(opened, /401/);
});

test('a session whose time is over says so by itself', async () => {
  const { page } = await stage.open();
  await page.route('**/api/auth/login', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...((await response.json()) as object), expiresAtMs: Date.now() + 4000 } });
  });
  await enter(page, stage.operator, '/demand-response?new=event');
  await page.getByRole('form', { name: 'New event' }).getByLabel('Limit (kW)').fill('7.25');
  await dialogOf(page).waitFor();
  await page.unroute('**/api/auth/login');
  await fillLogin(page, stage.operator);
  await goesOn(page);
});

test('whoever signs in in another tab is signed in here too', async () => {
  const opened = await begun();
  const { page } = opened;
  await revoke(opened);
  await dialogOf(page).waitFor();
  const other = await page.context().newPage();
  await enter(other, stage.operator);
  await page.bringToFront();
  await page.evaluate(() => window.dispatchEvent(new Event('focus')));
  await goesOn(page);
  expectError(opened, /401/);
});

test('whoever does not want to go on leaves, and the page is asked for anew', async () => {
  const opened = await begun();
  const { page } = opened;
  await revoke(opened);
  await dialogOf(page).getByRole('button', { name: 'Leave this page' }).click();
  await page.getByRole('heading', { name: 'Sign in to the control room' }).waitFor();
  expectError(opened, /401/);
});

test.skipIf(stage.viewer === null)('somebody else who signs in gets a page of their own', async () => {
  const opened = await begun();
  const { page } = opened;
  await revoke(opened);
  await dialogOf(page).waitFor();
  if (!stage.viewer) return;
  await fillLogin(page, stage.viewer);
  await page.getByText('Viewer', { exact: true }).first().waitFor();
  expect(await page.getByRole('form', { name: 'New event' }).count()).toBe(0);
  expectError(opened, /401/);
});

describe.each(LOOKS)('accessible and fitting: $name', (look) => {
  test('the dialog', async () => {
    const opened = await begun(look);
    const { page } = opened;
    await revoke(opened);
    await dialogOf(page).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    expect(await sideways(page)).toBeLessThanOrEqual(0);
    expectError(opened, /401/);
  });
});
