//! Journey: the past, second by second. From a violation, an alarm or a chart to the moment; steps, play, devices and why.
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter, LOOKS } from './browser';
import { axeViolations, sideways, useStage } from './stage';

const stage = useStage();
const at = (page: Page) => Date.parse(new URL(page.url()).searchParams.get('at') ?? '');

/** A moment that lies a few minutes back, when the server was running already. */
async function open(page: Page, look: { minutesAgo: number; person?: typeof stage.operator }): Promise<number> {
  const moment = Math.floor(Date.now() / 1000) * 1000 - look.minutesAgo * 60_000;
  await enter(page, look.person ?? stage.operator, `/replay?at=${new Date(moment).toISOString()}`);
  await page.getByTestId(testIds.replayDevice).first().waitFor();
  return moment;
}

test('the chart of a feeder leads to the moment that is clicked', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  const line = page.getByTestId(testIds.feederLine).nth(1);
  const id = (await line.getAttribute('data-feeder')) ?? '';
  await page.goto(`/feeders/${id}?range=15m`);
  const plot = page.getByTestId(testIds.feederChart).locator('.u-over');
  await plot.waitFor();
  const box = await plot.boundingBox();
  await plot.click({ position: { x: (box?.width ?? 0) * 0.8, y: 40 } });
  await page.getByRole('heading', { level: 1, name: 'Incident replay' }).waitFor();
  await expect.poll(() => new URL(page.url()).searchParams.get('feeder')).toBe(id);
  await page.getByTestId(testIds.replayDevice).first().waitFor();
  expect(Date.now() - at(page)).toBeLessThan(15 * 60_000);
});

test('steps go from decision to decision, by button and by key, and the address follows', async () => {
  const { page } = await stage.open();
  const moment = await open(page, { minutesAgo: 2 });
  await page.getByRole('button', { name: 'Next decision' }).click();
  await expect.poll(() => at(page)).toBeGreaterThan(moment);
  const there = at(page);
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => at(page)).toBeLessThan(there);
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => at(page)).toBe(there);
  const slider = page.getByRole('slider', { name: 'Second of the past' });
  await slider.press('ArrowRight');
  await expect.poll(() => at(page)).toBeGreaterThan(there);
  expect(at(page) - there).toBeLessThan(2000);
  await page.reload();
  await page.getByTestId(testIds.replayDevice).first().waitFor();
});

test('play goes on by itself, and rests when it is paused', async () => {
  const { page } = await stage.open();
  const moment = await open(page, { minutesAgo: 3 });
  await page.getByRole('radio', { name: '10×' }).check();
  await page.getByRole('button', { name: 'Play' }).click();
  await expect.poll(() => at(page), { timeout: 20_000 }).toBeGreaterThan(moment + 10_000);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Play' }).waitFor();
});

test('each feeder shows its load, limit and reserve, and each device its setpoint, the age of its sample and why', async () => {
  const { page } = await stage.open();
  await open(page, { minutesAgo: 1 });
  const feeders = page.getByTestId(testIds.replayFeeder);
  await feeders.first().getByRole('meter').waitFor();
  await feeders.first().getByText('Reserved').waitFor();
  await feeders.first().getByText(/^\d+ (ms|s|min).* before$/).waitFor();
  const row = page.getByTestId(testIds.replayDevice).first();
  expect(await row.getByRole('cell').allTextContents()).toEqual(expect.arrayContaining([expect.stringMatching(/kW$/), expect.stringMatching(/(s|ms|min|none)$/)]));
  await row.getByRole('button', { name: /^Why/ }).click();
  await page.getByRole('status').filter({ hasText: /was told|kW/ }).waitFor();
});

test('a time before anything was decided is shown as such', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/replay?at=2020-01-01T12:00:00Z');
  await page.getByText('No load is on record around this moment').waitFor();
  await page.getByText('Nothing was decided here').waitFor();
  await page.getByText('No decision is on record before this moment.').first().waitFor();
});

test.skipIf(!stage.isMock)('an alarm and a violation lead to their moment', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/health');
  await page.getByTestId(testIds.alarmRow).first().getByRole('link', { name: 'Replay' }).first().click();
  await page.getByRole('heading', { level: 1, name: 'Incident replay' }).waitFor();
  await page.goto('/violations');
  await page.getByRole('region', { name: 'Alarms of this time' }).locator('time').first().click();
  await page.getByRole('heading', { level: 1, name: 'Incident replay' }).waitFor();
});

test.skipIf(!stage.isMock)('while the past cannot be read that is said, and it can be asked for again', async () => {
  const { page, errors } = await stage.open();
  await page.route('**/graphql', async (route) => {
    if (route.request().postData()?.includes('"ReplaySteps"')) await route.fulfill({ status: 200, contentType: 'application/json', body: '{"errors":[{"message":"the history does not answer"}]}' });
    else await route.continue();
  });
  await enter(page, stage.operator, '/replay');
  await page.getByText('Could not load the past').waitFor();
  await page.getByText('the history does not answer').waitFor();
  await page.unroute('**/graphql');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByTestId(testIds.replayDevice).first().waitFor();
  expect(errors).toEqual([]);
});

test.skipIf(stage.viewer === null)('a viewer replays too', async () => {
  const { page } = await stage.open();
  if (!stage.viewer) return;
  await open(page, { minutesAgo: 1, person: stage.viewer });
});

describe.each(LOOKS)('accessible and fitting: $name', (look) => {
  test('replay', async () => {
    const { page } = await stage.open(look);
    await open(page, { minutesAgo: 1 });
    await page.getByTestId(testIds.replayDevice).first().getByRole('button', { name: /^Why/ }).click();
    await page.getByTestId(testIds.replayChart).locator('canvas').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    expect(await sideways(page)).toBeLessThanOrEqual(0);
  });
});
