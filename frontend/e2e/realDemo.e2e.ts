//! Journey of an operator against a `derms up --demo`: one of its own, or the one that BASE_URL names.
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter, fillLogin } from './browser';
import { FIRST_PASSWORD, startDemo } from './demo';
import type { Demo } from './demo';
import { useStage } from './stage';

const ownsDemo = inject('isMock');
let demo: Demo | undefined;
beforeAll(async () => {
  if (ownsDemo) demo = await startDemo();
}, 150_000);
afterAll(() => demo?.close());

const person = (user: string) => ({ user, password: FIRST_PASSWORD });
const stage = useStage(
  ownsDemo ? { url: () => demo?.url ?? '', operator: person('operator'), viewer: person('viewer'), admin: person('admin') } : undefined,
);
const CUT_MS = 30_000;
/** Windows of five seconds: a hole is longer than some of them. */
const HOLE_MS = 25_000;
/** The load follows over a few decisions and ramps. */
const FOLLOWS = { timeout: 90_000, interval: 500 };

/** The kilowatts of a feeder's meter: [load, limit]. */
async function meter(page: Page, id: string): Promise<[number, number]> {
  const text = (await page.getByRole('meter', { name: `Load of ${id}`, exact: true }).getAttribute('aria-valuetext')) ?? '';
  const numbers = text.replaceAll('−', '-').replaceAll(/[\u202f\u00a0]/g, '').match(/-?\d+(\.\d+)?/g) ?? [];
  return [Number(numbers[0]), Number(numbers[1])];
}

/** The feeder with the most load. */
async function busiest(page: Page): Promise<string> {
  await page.getByTestId(testIds.feederLine).nth(1).waitFor();
  const ids = await page.getByTestId(testIds.feederLine).evaluateAll((all) => all.map((line) => line.getAttribute('data-feeder') ?? ''));
  const loads = await Promise.all(ids.map(async (id) => ({ id, load: (await meter(page, id))[0] })));
  return loads.sort((a, b) => b.load - a.load)[0]?.id ?? '';
}

describe('against the demo', () => {
  test('an event pushes a feeder to its limit; why a device was curtailed; cancelled, the limit returns', { timeout: 300_000 }, async () => {
    const { page } = await stage.open();
    await enter(page, stage.operator);
    const id = await busiest(page);
    const [load, limit] = await meter(page, id);
    const wanted = Math.max(1, Math.round(load * 0.7));
    await page.getByRole('button', { name: 'New event' }).click();
    const form = page.getByRole('form', { name: 'New event' });
    await form.getByLabel('Feeder').selectOption(id);
    await form.getByLabel('Limit (kW)').fill(String(wanted));
    await form.getByRole('button', { name: 'Create event' }).click();
    await page.getByText(/^Event created\./).waitFor();
    await expect.poll(async () => (await meter(page, id))[1], FOLLOWS).toBeLessThanOrEqual(wanted);
    await expect.poll(async () => (await meter(page, id))[0], FOLLOWS).toBeLessThanOrEqual(wanted * 1.02);

    await page.getByRole('radio', { name: 'Tightest first' }).check();
    const line = page.getByTestId(testIds.feederLine).filter({ hasText: 'Lowered' }).first();
    expect(await line.getAttribute('data-feeder')).toBe(id);
    await line.getByRole('link', { name: id, exact: true }).click();
    await page.getByText(/Held by an event/).waitFor();
    const curtailed = page.getByRole('region', { name: 'Who is curtailed, and why' });
    await curtailed.getByRole('listitem').getByRole('link', { name: /ev/i }).first().click();
    const why = page.getByTestId(testIds.why);
    await why.getByText('Limit in force').waitFor();
    await why.getByText(/Bound by/).waitFor();

    await page.goto(`/feeders/${id}`);
    const row = page.getByTestId(testIds.eventRow).filter({ hasText: 'Active' }).first();
    await row.getByRole('button', { name: /^Cancel the event/ }).click();
    await row.getByRole('button', { name: 'Cancel event' }).click();
    await page.getByText(`Event on ${id} cancelled.`).waitFor();
    await expect.poll(async () => (await meter(page, id))[1], FOLLOWS).toBeCloseTo(limit, 0);
  });

  test('a battery is overridden and let go', async () => {
    const { page } = await stage.open();
    await enter(page, stage.operator, '/devices?type=BATTERY&state=FRESH');
    await page.getByTestId(testIds.deviceRow).first().getByRole('link').click();
    const panel = page.getByRole('region', { name: 'Override' });
    await panel.getByRole('button', { name: 'Set its power' }).click();
    await panel.getByLabel('Power (kW)').fill('0.5');
    await panel.getByRole('button', { name: 'Set power' }).click();
    await panel.getByText(/Told to/).waitFor();
    await panel.getByRole('button', { name: 'Clear override' }).click();
    await panel.getByText('None: control sets its power.').waitFor();
  });

  test('a limit is changed and taken back', async () => {
    const { page } = await stage.open();
    await enter(page, stage.operator);
    const id = await busiest(page);
    const [, before] = await meter(page, id);
    const wanted = Math.round(before * 0.9);
    await page.goto(`/feeders/${id}`);
    const settings = page.getByRole('region', { name: 'Settings' });
    await settings.getByRole('button', { name: 'Change' }).click();
    const form = page.getByRole('form', { name: `Settings of ${id}` });
    await form.getByLabel('Import limit (kW)').fill(String(wanted));
    await form.getByRole('button', { name: 'Apply…' }).click();
    await form.getByRole('button', { name: 'Yes, apply' }).click();
    await page.getByText(new RegExp(`^${id} changed\\.`)).waitFor();
    await expect.poll(async () => (await meter(page, id))[1], FOLLOWS).toBeCloseTo(wanted, 0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText(`${id} is as it was.`).waitFor();
    await expect.poll(async () => (await meter(page, id))[1], FOLLOWS).toBeCloseTo(before, 0);
  });

  test.skipIf(stage.viewer === null)('a viewer sees the same pages without the actions', async () => {
    const { page } = await stage.open();
    if (!stage.viewer) return;
    await enter(page, stage.viewer);
    const id = await busiest(page);
    const acting = page.getByRole('main').getByRole('button', { name: /^(New|Change|Cancel|Resume|Set its power|Clear override|Replace|Retire|Approve|Register|Activate|Deactivate)/ });
    for (const path of ['/', `/feeders/${id}`, '/devices', '/demand-response', '/violations', '/health', `/replay?feeder=${id}`]) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).first().waitFor({ state: 'attached' });
      await page.getByRole('main').getByRole('region').or(page.getByTestId(testIds.deviceRow)).first().waitFor();
      expect(await acting.count(), path).toBe(0);
    }
  });

  test('a network that is cut for 30 seconds is said, and leaves no hole in the chart', { timeout: 240_000 }, async () => {
    const { page, errors } = await stage.open();
    await enter(page, stage.operator);
    const id = await busiest(page);
    await page.goto(`/feeders/${id}?range=15m`);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByTestId(testIds.feederChart).locator('canvas').waitFor();

    const cut = Date.now();
    await page.context().setOffline(true);
    await page.getByText('Reconnecting…').waitFor();
    await expect.poll(() => Date.now() - cut, { timeout: CUT_MS * 2, interval: 500 }).toBeGreaterThan(CUT_MS);
    await page.context().setOffline(false);
    await page.getByText('Live', { exact: true }).waitFor();
    const back = Date.now();

    const longestStep = async (): Promise<number> => {
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Save this chart as CSV' }).click();
      const text = await readFile(await (await download).path(), 'utf8');
      const times = text.split('\r\n').slice(1).map((row) => Date.parse(row.split(',')[0] ?? '')).filter((at) => at > cut - 20_000);
      if ((times.at(-1) ?? 0) < back) return Number.POSITIVE_INFINITY;
      return Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at)));
    };
    await expect.poll(longestStep, { timeout: 60_000, interval: 2000 }).toBeLessThan(HOLE_MS);
    // The browser itself logs what it could not reach meanwhile.
    errors.splice(0, errors.length, ...errors.filter((error) => !/ERR_INTERNET_DISCONNECTED|WebSocket/.test(error)));
  });

  // Control stops when its plans fail their own check again and again, and nothing that devices or operators say brings that
  // about. So the answers say that it has; what is asked for then is real.
  test('a feeder whose control has stopped is resumed', async () => {
    const { page } = await stage.open();
    let id = '';
    const stopped = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(stopped);
      if (typeof value !== 'object' || value === null) return value;
      const entries = Object.entries(value).map(([key, each]) => [key, stopped(each)] as const);
      const copy: Record<string, unknown> = Object.fromEntries(entries);
      return copy.id === id && 'stopped' in copy ? { ...copy, stopped: '5 cycles in a row failed their check' } : copy;
    };
    let says = true;
    await page.routeWebSocket(/\/graphql\/ws/, (socket) => {
      const server = socket.connectToServer();
      server.onMessage((message) => socket.send(says ? JSON.stringify(stopped(JSON.parse(String(message)))) : message));
    });
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('"ResumeControl"')) says = false;
      const response = await route.fetch();
      if (says && response.ok()) await route.fulfill({ response, json: stopped(await response.json()) });
      else await route.fulfill({ response });
    });
    await enter(page, stage.operator);
    id = await busiest(page);
    await page.getByRole('link', { name: id, exact: true }).first().click();
    const strip = page.getByRole('region', { name: 'Control has stopped' });
    await strip.getByRole('button', { name: 'Resume control…' }).click();
    await strip.getByRole('button', { name: 'Resume control', exact: true }).click();
    await page.getByText(new RegExp(`^Control of ${id} is resumed`)).waitFor();
    await strip.waitFor({ state: 'detached' });
    await page.unrouteAll({ behavior: 'wait' });

    if (!stage.admin) return;
    const other = await stage.open();
    await enter(other.page, stage.admin, `/audit?span=all&entity=${id}`);
    await other.page.getByTestId(testIds.auditRow).filter({ hasText: /resumed/i }).first().waitFor();
  });

  test('the past is replayed with the tree and the samples as they were', { timeout: 240_000 }, async () => {
    const { page } = await stage.open();
    await enter(page, stage.operator);
    const top = await busiest(page);
    const ids = await page.getByTestId(testIds.feederLine).evaluateAll((all) => all.map((line) => line.getAttribute('data-feeder') ?? ''));
    const moved = ids.find((id) => id !== top) ?? '';
    await page.goto(`/feeders/${moved}`);
    await page.getByRole('region', { name: 'Settings' }).getByRole('button', { name: 'Change' }).click();
    const form = page.getByRole('form', { name: `Settings of ${moved}` });
    await form.getByLabel('Below').selectOption(top);
    await form.getByRole('button', { name: 'Apply…' }).click();
    await form.getByRole('button', { name: 'Yes, apply' }).click();
    await page.getByText(new RegExp(`^${moved} changed\\.`)).waitFor();

    // A moment at which it hung there; then it is put back.
    const then = page.getByTestId(testIds.replayFeeder).and(page.locator(`[data-feeder="${moved}"]`));
    const other = await stage.open();
    await enter(other.page, stage.operator);
    const hung = other.page.getByTestId(testIds.replayFeeder).and(other.page.locator(`[data-feeder="${moved}"]`));
    let at = '';
    await expect
      .poll(
        async () => {
          at = new Date(Date.now() - 3000).toISOString();
          await other.page.goto(`/replay?feeder=${top}&at=${at}`);
          await other.page.getByTestId(testIds.replayFeeder).first().waitFor();
          return hung.count();
        },
        { timeout: 90_000, interval: 2000 },
      )
      .toBe(1);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText(`${moved} is as it was.`).waitFor();

    await page.goto(`/replay?feeder=${top}&at=${at}`);
    await then.getByText(`Stood under ${top}`).waitFor();
    await then.getByRole('meter').waitFor();
    await then.getByText('Reserved').waitFor();
    const row = page.getByTestId(testIds.replayDevice).first();
    await row.getByRole('button', { name: /^Why/ }).click();
    await page.getByRole('status').filter({ hasText: /is told|kW/ }).waitFor();
  });

  // The last one: it changes the password.
  test.skipIf(!ownsDemo)('a restart, and then a new password, lose neither the page nor what stands in a form', { timeout: 300_000 }, async () => {
    const { page, errors } = await stage.open();
    if (!demo) return;
    await enter(page, stage.operator, '/demand-response?new=event');
    await page.getByText('Live', { exact: true }).waitFor();
    const form = page.getByRole('form', { name: 'New event' });
    await form.getByLabel('Limit (kW)').fill('7.25');

    await demo.stop();
    await page.getByText('Reconnecting…').waitFor();
    await demo.start();
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 });
    expect(await form.getByLabel('Limit (kW)').inputValue()).toBe('7.25');
    expect(await page.getByRole('dialog').count()).toBe(0);

    await demo.stop();
    await demo.start('another password of the journeys');
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor({ timeout: 60_000 });
    await fillLogin(page, { user: stage.operator.user, password: FIRST_PASSWORD });
    await dialog.getByText('User name or password is wrong.').waitFor();
    await fillLogin(page, demo.person('operator'));
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 });
    expect(await form.getByLabel('Limit (kW)').inputValue()).toBe('7.25');
    // The browser itself logs what it could not reach, and what was refused.
    errors.splice(0, errors.length, ...errors.filter((error) => !/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|WebSocket|401|503/.test(error)));
  });
});
