//! Journey: is every feeder inside its limit, live; and the events that lower a limit.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import { useStage } from './stage';

const stage = useStage();

/** The kilowatts of a feeder's meter: [load, limit]. */
async function meter(page: Page, id: string): Promise<[number, number]> {
  const text = (await page.getByRole('meter', { name: `Load of ${id}`, exact: true }).getAttribute('aria-valuetext')) ?? '';
  const numbers = text.replaceAll('−', '-').replaceAll(/[\u202f\u00a0]/g, '').match(/-?\d+(\.\d+)?/g) ?? [];
  return [Number(numbers[0]), Number(numbers[1])];
}

/** The feeders listed, in their order. */
async function listed(page: Page): Promise<string[]> {
  const lines = page.getByTestId(testIds.feederLine);
  await lines.first().waitFor();
  return lines.evaluateAll((all) => all.map((line) => line.getAttribute('data-feeder') ?? ''));
}

test('every feeder shows its load inside its limit, and its history on request', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  const feeders = await listed(page);
  expect(feeders.length).toBeGreaterThanOrEqual(2);
  for (const id of feeders) {
    await expect.poll(async () => {
      const [load, limit] = await meter(page, id);
      return limit - load;
    }).toBeGreaterThanOrEqual(0);
  }
  await page.getByRole('region', { name: 'Verdict' }).getByText(/inside their limits/).waitFor();
  const last = page.getByTestId(testIds.feederLine).last();
  const details = last.getByRole('button', { name: /^Figures and history of/ });
  if ((await details.getAttribute('aria-expanded')) === 'false') await details.click();
  await last.getByTestId(testIds.feederChart).locator('canvas').waitFor();
  await page.getByRole('radio', { name: '15 min' }).check();
  await last.getByText(/last 15 minutes/).waitFor();
  await expect.poll(() => new URL(page.url()).searchParams.get('range')).toBe('15m');
});

test('the list is ordered by tightness, narrowed by state, and the address says so', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  const all = await listed(page);
  await page.getByRole('radio', { name: 'Tightest first' }).check();
  await expect.poll(() => new URL(page.url()).searchParams.get('order')).toBe('tightest');
  expect((await listed(page)).toSorted()).toEqual(all.toSorted());
  const state = page.getByRole('group', { name: 'Show by state' }).getByRole('button').first();
  await state.click();
  await expect.poll(() => state.getAttribute('aria-pressed')).toBe('true');
  await expect.poll(() => new URL(page.url()).searchParams.get('state')).not.toBeNull();
  expect((await listed(page)).length).toBeLessThanOrEqual(all.length);
});

test('figures change by themselves', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  await page.getByText('Live', { exact: true }).waitFor();
  const [id = ''] = await listed(page);
  const before = await meter(page, id);
  await expect.poll(() => meter(page, id), { timeout: 30_000, interval: 250 }).not.toEqual(before);
});

test('a cut link is shown and comes back by itself', async () => {
  const { page } = await stage.open();
  let cut: (() => Promise<void>) | undefined;
  await page.routeWebSocket(/\/graphql\/ws/, (socket) => {
    socket.connectToServer();
    cut = () => socket.close({ code: 1012, reason: 'restart' });
  });
  await enter(page, stage.operator);
  await page.getByText('Live', { exact: true }).waitFor();
  await cut?.();
  await page.getByText('Reconnecting…').waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
});

test('a hidden tab closes the link and opens it again when shown', async () => {
  const { page } = await stage.open();
  const socket = page.waitForEvent('websocket');
  await enter(page, stage.operator);
  await page.getByText('Live', { exact: true }).waitFor();
  const closed = (await socket).waitForEvent('close');
  const turn = (state: 'hidden' | 'visible') =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => value });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  await turn('hidden');
  await closed;
  await page.getByText('Paused', { exact: true }).waitFor();
  const asked = page.waitForRequest('**/graphql');
  await turn('visible');
  await asked;
  await page.getByText('Live', { exact: true }).waitFor();
});

test('an operator makes an event, sees the limit fall, and cancels it', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  const feeder = (await listed(page))[1] ?? '';
  const [load, limit] = await meter(page, feeder);
  const wanted = Math.max(1, Math.round(load / 2));

  await page.getByRole('button', { name: 'New event' }).click();
  const form = page.getByRole('form', { name: 'New event' });
  await form.getByLabel('Feeder').selectOption(feeder);
  await form.getByRole('button', { name: 'Create event' }).click();
  await form.getByText('Enter a limit in kW.').waitFor();
  await form.getByLabel('Limit (kW)').fill(String(wanted));
  await form.getByText(`${feeder} is held at`).waitFor();
  await form.getByRole('button', { name: 'Create event' }).click();
  await page.getByText(/^Event created\./).waitFor();

  const row = page.getByTestId(testIds.eventRow).filter({ hasText: 'Active' }).filter({ hasText: feeder }).first();
  await row.waitFor();
  await expect.poll(async () => (await meter(page, feeder))[1], { timeout: 30_000, interval: 250 }).toBeLessThan(limit);

  await row.getByRole('button', { name: /^Cancel the event/ }).click();
  await row.getByRole('button', { name: 'Cancel event' }).click();
  await page.getByText(`Event on ${feeder} cancelled.`).waitFor();
  await expect.poll(async () => (await meter(page, feeder))[1], { timeout: 30_000, interval: 250 }).toBeCloseTo(limit, 0);
});

test.skipIf(stage.viewer === null)('a viewer is offered no form and no cancelling', async () => {
  const { page } = await stage.open();
  if (!stage.viewer) return;
  await enter(page, stage.viewer);
  await page.getByText(/No active or upcoming events|held at/).first().waitFor();
  expect(await page.getByRole('button', { name: 'New event' }).count()).toBe(0);
  expect(await page.getByRole('button', { name: /^Cancel/ }).count()).toBe(0);
});
