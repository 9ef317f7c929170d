//! Journey: one device: why it has its setpoint, now and then; its commands; what operators set, and take back.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import { useStage } from './stage';

const stage = useStage();
const { isMock } = stage;

async function openFirst(page: Page, type: string): Promise<string> {
  await page.goto(`/devices?type=${type}&state=FRESH`);
  const link = page.getByTestId(testIds.deviceRow).first().getByRole('link');
  const id = (await link.textContent()) ?? '';
  await link.click();
  await page.getByTestId(testIds.powerChart).waitFor();
  return id;
}

test('the setpoint is explained now, at a moment of the chart, and from a command; the address keeps the moment', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  const id = await openFirst(page, 'EV');
  const why = page.getByTestId(testIds.why);
  await why.getByText('Limit in force').waitFor();

  await page.getByTestId(testIds.powerChart).getByRole('img').focus();
  await page.keyboard.press('End');
  for (let step = 0; step < 3; step += 1) await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  await page.waitForURL(/[?&]at=/);
  await why.getByText('Limit in force').waitFor();

  await page.getByTestId(testIds.commandRow).nth(1).getByRole('button', { name: /^Why/ }).click();
  await why.getByText('Limit in force').waitFor();
  const at = new URL(page.url()).searchParams.get('at');
  await page.reload();
  await why.getByText('Limit in force').waitFor();
  await expect.poll(() => new URL(page.url()).searchParams.get('at')).toBe(at);
  await page.getByRole('heading', { level: 1, name: id }).waitFor();
  await why.locator('..').getByRole('button', { name: 'Now' }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get('at')).toBeNull();
});

test('the ledger shows how far each command came and goes back in pages', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  await openFirst(page, 'EV');
  const rows = page.getByTestId(testIds.commandRow);
  await rows.first().getByText('sent').waitFor();
  const before = await rows.count();
  const older = page.getByRole('button', { name: 'Show older' });
  if (await older.isVisible()) {
    await older.click();
    await expect.poll(() => rows.count()).toBeGreaterThan(before);
  }
});

test('an operator overrides a battery, clears it, and changes a setting and takes it back', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  await openFirst(page, 'BATTERY');
  await page.getByRole('button', { name: 'Set its power' }).click();
  await page.getByLabel('Power (kW)').fill('99999');
  await page.getByRole('button', { name: 'Set power', exact: true }).click();
  await page.getByText(/It is rated at/).waitFor();
  await page.getByLabel('Power (kW)').fill('0.5');
  await page.getByLabel('For (minutes)').fill('5');
  await page.getByRole('button', { name: 'Set power', exact: true }).click();
  await page.getByText(/^Told to/).filter({ hasText: 'until' }).waitFor();
  await page.getByRole('button', { name: 'Clear override' }).click();
  await page.getByText('None: control sets its power.').waitFor();

  await page.getByRole('button', { name: 'Change settings' }).click();
  const priority = page.getByLabel('Priority (1 to 10)');
  const before = await priority.inputValue();
  const after = before === '9' ? '8' : '9';
  await priority.fill(after);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText(`${after} of 10`, { exact: true }).waitFor();
  await page.getByRole('status', { name: 'Done' }).getByRole('button', { name: 'Undo' }).last().click();
  await page.getByText(`${before} of 10`, { exact: true }).waitFor();

  await page.getByRole('button', { name: 'Retire this device' }).click();
  await page.getByText(/has to be let in anew/).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Retire this device' }).waitFor();
});

test.skipIf(stage.viewer === null)('a viewer reads the same and is offered nothing to change', async () => {
  const { page } = await stage.open();
  if (!stage.viewer) return;
  await enter(page, stage.viewer);
  await openFirst(page, 'EV');
  await page.getByTestId(testIds.why).getByText('Limit in force').waitFor();
  for (const name of ['Set its power', 'Change settings', 'Retire this device']) {
    expect(await page.getByRole('button', { name }).count()).toBe(0);
  }
});

test.skipIf(!isMock)('a device is replaced by another of its type', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/devices/ev-110');
  await page.getByRole('button', { name: 'Replace this device…' }).click();
  const form = page.getByRole('form', { name: 'Replace ev-110' });
  await form.getByLabel('Replaced by').fill('pv-112');
  await form.getByRole('button', { name: 'Replace…' }).click();
  await form.getByRole('button', { name: 'Yes, replace it' }).click();
  await form.getByText(/calls itself PV/).waitFor();
  await form.getByLabel('Replaced by').fill('ev-113');
  await form.getByText(/ev-113 takes the place of ev-110/).waitFor();
  await form.getByRole('button', { name: 'Replace…' }).click();
  await form.getByRole('button', { name: 'Yes, replace it' }).click();
  await page.getByRole('heading', { level: 1, name: 'ev-113' }).waitFor();
  await page.goto('/devices/ev-110');
  await page.getByText('There is no device “ev-110”').waitFor();
});
