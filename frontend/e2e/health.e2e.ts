//! Journey: what works, what stands, what was refused, who waits; and the audit trail of it all.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import { useStage } from './stage';

const stage = useStage();
const { isMock } = stage;

test('services, alarms with their runbook, and refused messages with a sample', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/health');
  await page.getByRole('region', { name: 'Verdict' }).waitFor();
  for (const name of ['Control', 'MQTT', 'Log', 'ClickHouse']) await page.getByRole('region', { name: 'Services' }).getByText(name, { exact: true }).waitFor();
  await page.getByRole('radio', { name: '7 days' }).check();
  await expect.poll(() => new URL(page.url()).searchParams.get('letters')).toBe('7d');
  if (!isMock) return;
  await page.getByTestId(testIds.alarmRow).first().getByText(/^What to do about CTL-/).click();
  await page.getByRole('heading', { name: 'What happened' }).first().waitFor();
  await page.getByTestId(testIds.deadLetterRow).first().getByText('The last such message').click();
  await page.getByRole('region', { name: /^Sample/ }).first().waitFor();
});

test('the simulated sun is set and set back', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/health');
  await page.getByRole('radio', { name: 'Night' }).check();
  await page.getByRole('region', { name: 'Simulation' }).getByText('The simulated sun is down at any hour.').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => page.getByRole('radio', { name: 'Night' }).isChecked()).toBe(false);
});

test.skipIf(!isMock)('a simulated day that is not the clock’s says so, on the overview too', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator);
  await page.getByText(/^The simulated day runs \d+ h ahead of the clock: it is \d\d:\d\d there\./).waitFor();
  await page.getByRole('link', { name: 'See health' }).click();
  await page.getByRole('region', { name: 'Simulation' }).getByText(/runs \d+ h ahead of the clock/).waitFor();
});

test.skipIf(!isMock)('a device that waits is let in', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/health');
  const row = page.getByTestId(testIds.waitingRow).filter({ hasText: 'roof-12' });
  await row.getByRole('button', { name: 'Approve roof-12' }).click();
  await row.getByText(/It is not there yet/).waitFor();
  await row.getByRole('button', { name: 'Approve', exact: true }).click();
  await row.getByText(/opens no feeder/).waitFor();
  await row.getByLabel('Feeder').selectOption('feeder-a');
  await row.getByRole('button', { name: 'Approve', exact: true }).click();
  await expect.poll(() => row.count()).toBe(0);
  await page.goto('/devices/roof-12');
  await page.getByRole('heading', { level: 1, name: 'roof-12' }).waitFor();
});

test.skipIf(stage.viewer === null)('a viewer sees no refused messages, no approving and no audit', async () => {
  const { page } = await stage.open();
  if (!stage.viewer) return;
  await enter(page, stage.viewer, '/health');
  await page.getByText('For operators').waitFor();
  expect(await page.getByRole('button', { name: /^(Approve|Register)/ }).count()).toBe(0);
  expect(await page.getByRole('radio', { name: 'Night' }).count()).toBe(0);
  await page.goto('/audit');
  await page.getByText('Only admins see the audit trail').waitFor();
});

test.skipIf(stage.admin === null)('an admin narrows the audit trail, reads a change and saves it', async () => {
  const { page } = await stage.open();
  if (!stage.admin) return;
  await enter(page, stage.admin, '/audit?span=all');
  const rows = page.getByTestId(testIds.auditRow);
  await rows.first().waitFor();
  await page.getByText('As recorded', { exact: true }).waitFor();
  const before = await rows.count();
  if (isMock) {
    await page.getByRole('button', { name: 'Show more' }).click();
    await expect.poll(() => rows.count()).toBeGreaterThan(before);
  }
  await rows.first().getByRole('button', { name: /^Details/ }).click();
  await page.getByRole('columnheader', { name: 'Before' }).waitFor();

  await page.getByRole('searchbox', { name: 'By' }).fill('nobody-at-all');
  await page.getByText('No change matches these filters').waitFor();
  await expect.poll(() => new URL(page.url()).searchParams.get('actor')).toBe('nobody-at-all');
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await rows.first().waitFor();

  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as CSV' }).click();
  const saved = await download;
  expect(saved.suggestedFilename()).toMatch(/^audit-.*\.csv$/);
  expect(await readFile(await saved.path(), 'utf8')).toContain('time_utc,actor,source,kind,entity,before,after');
});
