//! Journey: from the fleet to one device, by mouse-free means too.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import { useStage } from './stage';

const stage = useStage();

test('the table filters, searches and sorts, and the address says so', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/devices');
  const rows = page.getByTestId(testIds.deviceRow);
  await rows.nth(5).waitFor();
  const firstId = (await rows.first().getByRole('link').textContent()) ?? '';

  await page.getByLabel('Type').selectOption({ label: 'Battery' });
  await expect.poll(() => rows.filter({ hasNotText: 'Battery' }).count()).toBe(0);
  await expect.poll(() => new URL(page.url()).searchParams.get('type')).toBe('BATTERY');

  await page.getByRole('columnheader', { name: /Charge/ }).getByRole('button').click();
  await expect.poll(() => page.getByRole('columnheader', { name: /Charge/ }).getAttribute('aria-sort')).toBe('ascending');
  const socs = await rows.evaluateAll((all) => all.slice(0, 8).map((row) => Number(/(\d+)\s%/.exec(row.textContent)?.[1])));
  expect(socs).toEqual([...socs].sort((a, b) => a - b));

  await page.goto('/devices');
  await rows.nth(5).waitFor();
  await page.getByLabel('Standing').selectOption({ label: 'Gives way' });
  await expect.poll(() => new URL(page.url()).searchParams.get('standing')).toBe('CURTAILED');
  if (stage.isMock) await rows.first().waitFor();

  await page.goto('/devices');
  await page.getByRole('searchbox').fill(firstId);
  await expect.poll(() => rows.first().getByRole('link').textContent()).toBe(firstId);
  await page.getByRole('searchbox').fill('no-such-device');
  await page.getByText('No device matches these filters').waitFor();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await rows.nth(5).waitFor();
});

test('columns are hidden and shown, the address says so, and the table is kept as a file', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/devices');
  const heads = page.getByRole('columnheader');
  await page.getByTestId(testIds.deviceRow).first().waitFor();
  const before = await heads.count();
  await page.getByText('Columns', { exact: true }).click();
  await page.getByRole('group', { name: 'Columns shown' }).getByLabel('Priority').uncheck();
  await expect.poll(() => heads.count()).toBe(before - 1);
  expect(await page.getByTestId(testIds.deviceRow).first().getByRole('gridcell').count()).toBe(before - 1);
  await expect.poll(() => new URL(page.url()).searchParams.get('hide')).toBe('priority');
  await page.reload();
  await page.getByText(/^Columns \(\d+ of \d+\)$/).waitFor();

  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).click();
  const text = await readFile(await (await download).path(), 'utf8');
  const [head, ...rows] = text.replace('\ufeff', '').trim().split('\r\n');
  expect(head).toMatch(/^device,type,origin,feeder/);
  expect(rows.length).toBeGreaterThan(5);
});

test('every row can be reached although only those in view exist', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/devices');
  const grid = page.getByRole('grid', { name: 'Devices' });
  // A fleet of several pages does not say how many rows it has before the last page is there.
  await expect.poll(() => grid.getAttribute('aria-rowcount')).toMatch(/^\d+$/);
  const total = Number(await grid.getAttribute('aria-rowcount')) - 1;
  expect(await page.getByTestId(testIds.deviceRow).count()).toBeLessThan(Math.min(total, 80));
  await page.getByTestId(testIds.deviceRow).first().focus();
  await page.keyboard.press('End');
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-rowindex')))
    .toBe(String(total + 1));
});

test('the keyboard leads from the table to a device and its charts', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/devices?type=BATTERY');
  await page.getByTestId(testIds.deviceRow).first().focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-rowindex'))).toBe('4');
  const id = await page.evaluate(() => document.activeElement?.getAttribute('data-device'));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: id ?? '' }).waitFor();
  await page.getByTestId(testIds.powerChart).locator('canvas').waitFor();
  await page.getByTestId(testIds.socChart).locator('canvas').waitFor();
  await page.getByText('Target charge').waitFor();
  await page.goBack();
  await expect.poll(() => new URL(page.url()).search).toBe('?type=BATTERY');
});

test('a device that does not exist is said to be missing', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/devices/never-heard-of');
  await page.getByText('There is no device “never-heard-of”').waitFor();
});

test('an operator changes several devices at once and takes it back', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/devices?type=BATTERY');
  const rows = page.getByTestId(testIds.deviceRow);
  await rows.nth(2).waitFor();
  await rows.nth(0).getByRole('checkbox').check();
  await rows.nth(1).focus();
  await page.keyboard.press(' ');
  const bar = page.getByRole('region', { name: 'Selected devices' });
  await bar.getByText('2 devices selected').waitFor();
  await bar.getByRole('button', { name: 'Opt out…' }).click();
  await bar.getByText(/^Opts 2 devices out/).waitFor();
  await bar.getByRole('button', { name: 'Yes, do this' }).click();
  await page.getByText(/^2 devices opted out\./).waitFor();
  await rows.nth(0).getByText('Opted out').waitFor();
  await rows.nth(1).getByText('Opted out').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('2 of 2 devices are as they were.').waitFor();
  await expect.poll(() => rows.nth(0).getByText('Opted out').count()).toBe(0);
  await bar.getByRole('button', { name: 'Clear selection' }).click();
  await bar.waitFor({ state: 'detached' });
});

test.skipIf(stage.viewer === null)('a viewer has nothing to select', async () => {
  const { page } = await stage.open();
  if (!stage.viewer) return;
  await enter(page, stage.viewer, '/devices');
  await page.getByTestId(testIds.deviceRow).nth(2).waitFor();
  expect(await page.getByRole('checkbox').count()).toBe(0);
});
