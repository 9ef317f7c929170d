//! Journey: one feeder. Who gives way and why, a limit changed and taken back, control resumed.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import { useStage } from './stage';

const stage = useStage();

/** Opens the page of a feeder from the overview: the one with a chart of its own if there is one. */
async function openFeeder(page: Page): Promise<string> {
  const line = page.getByTestId(testIds.feederLine).nth(1);
  await line.waitFor();
  const id = (await line.getAttribute('data-feeder')) ?? '';
  await line.getByRole('link', { name: id, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: id }).waitFor();
  return id;
}

async function limit(page: Page, id: string): Promise<number> {
  const text = (await page.getByRole('meter', { name: `Load of ${id}`, exact: true }).getAttribute('aria-valuetext')) ?? '';
  return Number(/of ([\d.]+)/.exec(text.replaceAll(/[\u202f\u00a0]/g, ''))?.[1]);
}

test('the page of a feeder shows its load, and who gives way and why', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  const id = await openFeeder(page);
  await page.getByTestId(testIds.feederChart).locator('canvas').waitFor();
  await page.getByText(/give way|gives way/).waitFor();
  await page.getByText(/^Held by|Held by/).first().waitFor();
  await page.getByRole('radio', { name: '6 h' }).check();
  await page.getByText(/last 6 hours/).waitFor();
  await expect.poll(() => new URL(page.url()).searchParams.get('range')).toBe('6h');
  await page.reload();
  await page.getByText(/last 6 hours/).waitFor();
  await page.getByRole('heading', { level: 1, name: id }).waitFor();
});

test('an operator lowers a limit, reads beforehand what it does, and takes it back', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  const id = await openFeeder(page);
  const before = await limit(page, id);
  const wanted = Math.round(before / 2);
  await page.getByRole('region', { name: 'Settings' }).getByRole('button', { name: 'Change' }).click();
  const form = page.getByRole('form', { name: `Settings of ${id}` });
  await form.getByLabel('Import limit (kW)').fill('-3');
  await form.getByText('A limit cannot be below 0 kW.').waitFor();
  await form.getByLabel('Import limit (kW)').fill(String(wanted));
  await form.getByText(/The import limit goes from/).waitFor();
  await form.getByRole('button', { name: 'Apply…' }).click();
  await form.getByText(`Do this to ${id}?`).waitFor();
  await form.getByRole('button', { name: 'Yes, apply' }).click();
  const toast = page.getByText(new RegExp(`^${id} changed\\.`));
  await toast.waitFor();
  await expect.poll(() => limit(page, id), { timeout: 30_000 }).toBeCloseTo(wanted, 0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText(`${id} is as it was.`).waitFor();
  await expect.poll(() => limit(page, id), { timeout: 30_000 }).toBeCloseTo(before, 0);
});

test('an event is made on the page of its feeder, marked in the chart, changed, and taken back', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  const id = await openFeeder(page);
  const before = await limit(page, id);
  await page.getByRole('button', { name: 'New event' }).click();
  const form = page.getByRole('form', { name: 'New event' });
  await form.getByLabel('Limit (kW)').fill(String(Math.round(before / 2)));
  await form.getByRole('button', { name: 'Create event' }).click();
  await page.getByText(/^Event created\./).waitFor();
  await page.getByRole('list', { name: 'What happened in this time' }).getByText(/^Event: held at/).first().waitFor();
  const row = page.getByTestId(testIds.eventRow).filter({ hasText: 'Active' }).first();
  await row.getByRole('button', { name: /^Change the event/ }).click();
  const change = page.getByRole('form', { name: `Change the event on ${id}` });
  await change.getByLabel('Limit (kW)').fill(String(Math.round(before / 3)));
  await change.getByRole('button', { name: 'Change event' }).click();
  await page.getByText(/^Event changed\./).waitFor();
  await expect.poll(() => limit(page, id), { timeout: 30_000 }).toBeCloseTo(Math.round(before / 3), 0);
  await row.getByRole('button', { name: /^Cancel the event/ }).click();
  await row.getByRole('button', { name: 'Cancel event' }).click();
  await page.getByText(`Event on ${id} cancelled.`).waitFor();
  await expect.poll(() => limit(page, id), { timeout: 30_000 }).toBeCloseTo(before, 0);
});

test.skipIf(!stage.isMock)('an operator resumes a feeder whose control has stopped', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/feeders/feeder-c');
  const strip = page.getByRole('region', { name: 'Control has stopped' });
  await strip.getByRole('button', { name: 'Resume control…' }).click();
  await strip.getByRole('button', { name: 'Resume control', exact: true }).click();
  await page.getByText(/^Control of feeder-c is resumed/).waitFor();
  await strip.waitFor({ state: 'detached' });
});

test.skipIf(!stage.isMock)('the programs that act on a feeder stand beside its events and lead to their page', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/feeders/feeder-a');
  const row = page.getByTestId(testIds.feederProgram).filter({ hasText: 'Evening peak' });
  await row.getByText('Switched off').waitFor();
  await row.getByRole('link', { name: 'Evening peak' }).click();
  await page.getByRole('heading', { level: 1, name: 'Demand response' }).waitFor();
});

test('a feeder that does not exist is said to be missing', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/feeders/never-heard-of');
  await page.getByText('There is no feeder “never-heard-of”').waitFor();
});

test.skipIf(stage.viewer === null)('a viewer reads the same page and is offered no change', async () => {
  const { page } = await stage.open();
  if (!stage.viewer) return;
  await enter(page, stage.viewer);
  await openFeeder(page);
  await page.getByText(/give way|gives way/).waitFor();
  await page.getByRole('region', { name: 'Settings' }).waitFor();
  expect(await page.getByRole('main').getByRole('button', { name: /Change|New event|Cancel|Resume/ }).count()).toBe(0);
});
