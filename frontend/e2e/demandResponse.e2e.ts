//! Journey: programs and events over time: made, refused, changed, switched, cancelled; and what each role is offered.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import { useStage } from './stage';

const stage = useStage();
const NAME = `Journey ${Date.now()}`;

async function dismiss(page: Page): Promise<void> {
  for (const button of await page.getByRole('button', { name: 'Dismiss' }).all()) await button.click();
}

test('an operator makes a program, sees its impact, changes it, and switches it off and on again', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/demand-response');
  await page.getByRole('button', { name: 'New program' }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get('new')).toBe('program');
  const form = page.getByRole('form', { name: 'New program' });
  await form.getByRole('button', { name: 'Create program' }).click();
  await form.getByText('Give it a name.').waitFor();
  await form.getByLabel('Name').fill(NAME);
  await form.getByLabel('Power to shed (kW)').fill('2');
  const start = new Date(Date.now() - 3_600_000);
  const local = (date: Date) => new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  await form.getByLabel(/^Start/).fill(local(start));
  await form.getByLabel(/^End/).fill(local(new Date(start.getTime() + 5 * 3_600_000)));
  const feeder = form.getByRole('group', { name: /^Feeders/ }).getByRole('checkbox').first();
  await feeder.check();
  await form.getByText(/Takes 2\.00\skW off/).waitFor();
  await form.getByRole('button', { name: 'Create program' }).click();
  await page.getByText(/^Program created\./).waitFor();

  const row = page.getByTestId(testIds.drProgram).filter({ hasText: NAME });
  await row.getByRole('group', { name: 'Impact now' }).waitFor();
  await page.getByTestId(testIds.drTimeline).getByRole('button', { name: new RegExp(`^Program ${NAME}`) }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get('pick')).toMatch(/^program\//);
  await dismiss(page);

  await row.getByRole('button', { name: `Change ${NAME}` }).click();
  await row.getByLabel('Power to shed (kW)').fill('3');
  await row.getByRole('button', { name: 'Save changes' }).click();
  await page.getByText(/^Program changed\./).waitFor();
  await row.getByText(/Takes 3\.00\skW off/).waitFor();
  await dismiss(page);

  await row.getByRole('button', { name: `Deactivate ${NAME}` }).click();
  await row.getByText(/the feeders return to their own limits/).waitFor();
  await row.getByRole('group', { name: /^Confirm/ }).getByRole('button', { name: 'Deactivate' }).click();
  await row.getByText('Switched off').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await row.getByText('Active', { exact: true }).waitFor();
  expect(await row.getByRole('button', { name: `Delete ${NAME}` }).count()).toBe(0);
});

test.skipIf(stage.admin === null)('an admin deletes it', async () => {
  const { page } = await stage.open();
  if (!stage.admin) return;
  await enter(page, stage.admin, '/demand-response');
  const row = page.getByTestId(testIds.drProgram).filter({ hasText: NAME });
  await row.getByRole('button', { name: `Delete ${NAME}` }).click();
  await row.getByRole('button', { name: 'Keep it' }).click();
  await row.getByRole('button', { name: `Delete ${NAME}` }).click();
  await row.getByRole('button', { name: 'Delete program' }).click();
  await expect.poll(() => row.count()).toBe(0);
});

test('an event is made for the feeder that the address names, changed and cancelled', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/demand-response?new=event');
  const form = page.getByRole('form', { name: 'New event' });
  await form.getByLabel('Limit (kW)').fill('1');
  const feeder = await form.getByLabel('Feeder').inputValue();
  await form.getByRole('radio', { name: 'Later' }).check();
  await form.getByRole('button', { name: 'Create event' }).click();
  await page.getByText(/^Event created\./).waitFor();
  await dismiss(page);
  const row = page.getByTestId(testIds.eventRow).filter({ hasText: feeder }).filter({ hasText: '1.00 kW' }).filter({ hasText: 'Upcoming' }).first();
  await row.getByRole('button', { name: /^Change/ }).click();
  await row.getByLabel('Duration (minutes)').fill('45');
  await row.getByRole('button', { name: 'Change event' }).click();
  await page.getByText(/^Event changed\./).waitFor();
  await row.getByRole('button', { name: /^Cancel/ }).click();
  await row.getByRole('button', { name: 'Cancel event' }).click();
  await page.getByText(`Event on ${feeder} cancelled.`).waitFor();
});

test('an event and a program tell who gave for them', async () => {
  const { page } = await stage.open();
  await enter(page, stage.operator, '/demand-response?past=1');
  for (const rows of [page.getByTestId(testIds.drProgram), page.getByTestId(testIds.eventRow)]) {
    const row = rows.filter({ has: page.getByRole('button', { name: /^Who gave for/ }) }).first();
    // A demo that has just begun has neither of the past.
    if (!stage.isMock && (await row.count()) === 0) continue;
    await row.getByRole('button', { name: /^Who gave for/ }).click();
    const group = row.getByRole('group', { name: /^Who gave on/ }).first();
    await group.getByText(/gave|No device had to give way|Nothing was decided/).first().waitFor();
  }
  const told = page.getByRole('group', { name: /^Who gave on/ }).last();
  if ((await told.count()) === 0) return;
  await told.getByRole('link', { name: 'All who gave' }).click();
  await page.getByRole('heading', { level: 1, name: 'Fairness and violations' }).waitFor();
  expect(new URL(page.url()).searchParams.get('from')).not.toBeNull();
});

test.skipIf(stage.viewer === null)('a viewer sees the timeline and is offered nothing to change', async () => {
  const { page } = await stage.open();
  if (!stage.viewer) return;
  await enter(page, stage.viewer, '/demand-response?past=1&span=week');
  await page.getByRole('heading', { name: 'Programs' }).waitFor();
  for (const name of [/^New /, /^Activate/, /^Deactivate/, /^Change/, /^Delete/, /^Cancel/]) {
    expect(await page.getByRole('button', { name }).count()).toBe(0);
  }
});
