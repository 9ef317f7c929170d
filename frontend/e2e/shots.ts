//! `npm run shots -- --out DIR`: every page; wide and phone; day and night.
//! Against BASE_URL with DERMS_USER and DERMS_PASSWORD, or against the mock when BASE_URL is not set.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { testIds } from '../src/shared/testIds';
import { enter, launch, newContext, watchErrors, WIDE } from './browser';
import type { Look, Person } from './browser';
import { makeSheets } from './sheets';
import { steeringRound } from './steeringShots';
import { target } from './target';

const { values } = parseArgs({ options: { out: { type: 'string', default: '../artifacts/shots' } } });
const out = values.out;

async function shoot(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  // The whole page where it is a page of panels; on a phone what is in view, as the navigation floats above it.
  const fullPage = /^(?!login|devices).*-wide/.test(name);
  await page.evaluate(() => window.scrollTo(0, 0));
  // A window as high as the page, or the side would end where the window did.
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  if (fullPage) await page.setViewportSize({ ...WIDE, height: Math.max(WIDE.height, height) });
  await page.screenshot({ path: join(out, `${name}.png`) });
  if (fullPage) await page.setViewportSize(WIDE);
  console.log(name);
}

async function round(page: Page, suffix: string, person: Person): Promise<void> {
  await page.goto('/');
  await page.getByLabel('User name').waitFor();
  await shoot(page, `login-${suffix}`);
  await enter(page, person);
  await page.getByTestId(testIds.feederChart).first().waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('list', { name: 'Devices that follow least' }).or(page.getByText('No setpoints followed yet')).waitFor();
  await shoot(page, `overview-${suffix}`);
  await page.getByTestId(testIds.feederLine).filter({ has: page.getByTestId(testIds.feederChart) }).getByRole('link').first().click();
  await page.getByRole('heading', { name: 'Who is curtailed, and why' }).waitFor();
  await page.getByTestId(testIds.feederChart).locator('canvas').waitFor();
  await page.getByText(/gives? way/i).first().waitFor();
  await shoot(page, `feeder-${suffix}`);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Devices' }).click();
  await page.getByTestId(testIds.deviceRow).nth(3).waitFor();
  // All pages of the fleet are there.
  await page.locator('[role=grid]:not([aria-rowcount="-1"])').waitFor();
  await shoot(page, `devices-${suffix}`);
  await page.getByLabel('Type').selectOption({ label: 'Battery' });
  await page.waitForURL(/type=BATTERY/);
  await page.getByTestId(testIds.deviceRow).first().getByRole('link').click();
  await page.getByTestId(testIds.powerChart).waitFor();
  await page.getByTestId(testIds.socChart).waitFor();
  await shoot(page, `device-${suffix}`);
  await page.goto('/violations');
  await page.getByTestId(testIds.fairnessRow).first().waitFor();
  await shoot(page, `violations-${suffix}`);
  await page.goto(`/replay?at=${new Date(Date.now() - 120_000).toISOString()}`);
  await page.getByTestId(testIds.replayChart).locator('canvas').waitFor();
  await page.getByTestId(testIds.replayDevice).first().getByRole('button', { name: /^Why/ }).click();
  await page.getByText(/was told/).waitFor();
  await page.evaluate(() => window.scrollTo(0, 0));
  await shoot(page, `replay-${suffix}`);
  await steeringRound(page, suffix, shoot);
}

await mkdir(out, { recursive: true });
const { url, operator, admin, close } = await target();
const browser = await launch();
const errors: string[] = [];
try {
  for (const theme of ['day', 'night'] as const) {
    for (const phone of [false, true]) {
      const look: Look = { theme, phone };
      const context = await newContext(browser, url, look);
      const page = await context.newPage();
      const seen = watchErrors(page);
      await round(page, `${phone ? 'phone' : 'wide'}-${theme}`, admin ?? operator);
      errors.push(...seen);
      await context.close();
    }
  }
  await makeSheets(browser, out);
} finally {
  await browser.close();
  await close();
}
if (errors.length > 0) {
  console.error(errors.join('\n'));
  process.exitCode = 1;
}
