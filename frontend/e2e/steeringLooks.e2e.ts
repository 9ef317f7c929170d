//! Journey: demand response, one device, health and audit with their forms open: what axe says, day and night, and that
//! nothing sticks out on a phone.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import type { Look } from './browser';
import { axeViolations, sideways, useStage } from './stage';

const stage = useStage();
const LOOKS: (Look & { name: string })[] = [
  { name: 'wide by day', theme: 'day' },
  { name: 'wide by night', theme: 'night' },
  { name: 'phone by day', theme: 'day', phone: true },
  { name: 'phone by night', theme: 'night', phone: true },
];

async function visit(page: Page, check: () => Promise<void>): Promise<void> {
  await page.goto('/demand-response?new=program&past=1');
  await page.getByRole('form', { name: 'New program' }).getByRole('button', { name: 'Create program' }).click();
  await page.getByRole('heading', { name: 'Events', exact: true }).waitFor();
  await check();
  await page.goto('/demand-response?new=event&span=week');
  await page.getByRole('form', { name: 'New event' }).waitFor();
  await check();

  await page.goto('/devices?type=BATTERY');
  await page.getByTestId(testIds.deviceRow).first().getByRole('link').click();
  await page.getByTestId(testIds.why).getByText('Limit in force').waitFor();
  await page.getByRole('button', { name: 'Set its power' }).click();
  await page.getByRole('button', { name: 'Set power', exact: true }).click();
  await page.getByRole('button', { name: 'Change settings' }).click();
  await page.getByRole('button', { name: 'Retire this device' }).click();
  await check();

  await page.goto('/health');
  await page.getByRole('region', { name: 'Verdict' }).waitFor();
  await page.getByRole('button', { name: 'Register a device' }).click();
  for (const summary of await page.locator('summary').all()) await summary.click();
  await check();

  await page.goto('/audit?span=own');
  await page.getByRole('searchbox', { name: 'By' }).or(page.getByText('Only admins')).first().waitFor();
  const details = page.getByRole('button', { name: /^Details/ }).first();
  if (stage.admin) await details.click();
  await check();
}

test.each(LOOKS)('the pages of steering are accessible and fit: $name', async (look) => {
  const { page } = await stage.open(look);
  await enter(page, stage.admin ?? stage.operator);
  await visit(page, async () => {
    expect(await axeViolations(page)).toEqual([]);
    expect(await sideways(page)).toBeLessThanOrEqual(0);
  });
});

test('they fit the smallest phone', async () => {
  const { page } = await stage.open({ phone: true });
  await page.setViewportSize({ width: 360, height: 640 });
  await enter(page, stage.admin ?? stage.operator);
  await visit(page, async () => {
    expect(await sideways(page)).toBeLessThanOrEqual(0);
  });
});
