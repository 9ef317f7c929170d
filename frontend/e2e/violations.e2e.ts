//! Journey: who gave over a span, and which limits were passed.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import { useStage } from './stage';

const stage = useStage();

test('the span and the feeder stand in the address, and a table can be kept as a file', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/violations');
  await page.getByRole('radio', { name: '1 h', exact: true }).check();
  await expect.poll(() => new URL(page.url()).searchParams.get('last')).toBe('1h');
  await page.getByTestId(testIds.fairnessRow).first().waitFor();
  const feeders = page.getByLabel('Feeder');
  const id = (await feeders.locator('option').nth(1).textContent()) ?? '';
  await feeders.selectOption(id);
  await expect.poll(() => new URL(page.url()).searchParams.get('feeder')).toBe(id);
  const panel = page.getByRole('region', { name: `Who gave on ${id}` });
  await panel.getByTestId(testIds.fairnessRow).first().waitFor();

  const download = page.waitForEvent('download');
  await panel.getByRole('button', { name: 'CSV' }).click();
  const file = await (await download).path();
  const [head, first] = (await readFile(file, 'utf8')).replace('\ufeff', '').split('\r\n');
  expect(head).toBe('device,wantedKwh,servedKwh,curtailedKwh,share');
  expect(first?.split(',')).toHaveLength(5);

  await page.reload();
  await page.getByRole('region', { name: `Who gave on ${id}` }).waitFor();
  await expect.poll(() => page.getByRole('radio', { name: '1 h', exact: true }).isChecked()).toBe(true);
});

test('a time of one’s own is checked and then shown', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/violations');
  await page.getByRole('radio', { name: 'From … to' }).check();
  const form = page.getByRole('form', { name: 'Time looked at' });
  await form.getByLabel(/^From/).fill('2026-11-02T10:00');
  await form.getByLabel(/^To/).fill('2026-11-01T10:00');
  await form.getByRole('button', { name: 'Show' }).click();
  await form.getByText('The end must be after the start.').waitFor();
  await form.getByLabel(/^To/).fill('2026-11-03T10:00');
  await form.getByRole('button', { name: 'Show' }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get('from')).toMatch(/^2026-11-02T/);
  await page.getByText(/No limit was passed in the time on record/).waitFor();
});
