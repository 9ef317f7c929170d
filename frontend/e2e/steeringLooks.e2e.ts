//! Journey: demand response, one device, health and audit with their forms open: what axe says, day and night, and that
//! nothing sticks out on a phone.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter, LOOKS } from './browser';
import { axeViolations, sideways, useStage } from './stage';

const stage = useStage();

/** Each with its forms open; a journey of its own, as axe takes its time. */
const PAGES: { page: string; open: (page: Page) => Promise<void> }[] = [
  {
    page: 'a new program',
    open: async (page) => {
      await page.goto('/demand-response?new=program&past=1');
      await page.getByRole('form', { name: 'New program' }).getByRole('button', { name: 'Create program' }).click();
      await page.getByRole('heading', { name: 'Events', exact: true }).waitFor();
      const gave = page.getByRole('button', { name: /^Who gave for/ });
      if (stage.isMock) {
        await gave.last().click();
        await page.getByRole('group', { name: /^Who gave on/ }).first().waitFor();
      }
    },
  },
  {
    page: 'a new event',
    open: async (page) => {
      await page.goto('/demand-response?new=event&span=week');
      await page.getByRole('form', { name: 'New event' }).waitFor();
    },
  },
  {
    page: 'a device',
    open: async (page) => {
      await page.goto('/devices?type=BATTERY');
      const link = page.getByTestId(testIds.deviceRow).first().getByRole('link');
      await page.goto((await link.getAttribute('href')) ?? '');
      await page.getByTestId(testIds.why).getByText('Limit in force').waitFor();
      await page.getByRole('button', { name: 'Set its power' }).click();
      await page.getByRole('button', { name: 'Set power', exact: true }).click();
      await page.getByRole('button', { name: 'Change settings' }).click();
      await page.getByRole('button', { name: 'Retire this device' }).click();
    },
  },
  {
    page: 'health',
    open: async (page) => {
      await page.goto('/health');
      await page.getByRole('region', { name: 'Verdict' }).waitFor();
      await page.getByRole('button', { name: 'Register a device' }).click();
      for (const summary of await page.locator('summary').all()) await summary.click();
    },
  },
  {
    page: 'audit',
    open: async (page) => {
      await page.goto('/audit?span=own');
      await page.getByRole('searchbox', { name: 'By' }).or(page.getByText('Only admins')).first().waitFor();
      if (stage.admin) await page.getByRole('button', { name: /^Details/ }).first().click();
    },
  },
];
const LOOKED_AT = PAGES.flatMap((each) => LOOKS.map((look) => ({ ...each, look, name: look.name })));

test.each(LOOKED_AT)('$page is accessible and fits: $name', async ({ look, open }) => {
  const { page } = await stage.open(look);
  await enter(page, stage.admin ?? stage.operator);
  await open(page);
  expect(await axeViolations(page)).toEqual([]);
  expect(await sideways(page)).toBeLessThanOrEqual(0);
});

test.each(PAGES)('$page fits the smallest phone', async ({ open }) => {
  const { page } = await stage.open({ phone: true });
  await page.setViewportSize({ width: 360, height: 640 });
  await enter(page, stage.admin ?? stage.operator);
  await open(page);
  expect(await sideways(page)).toBeLessThanOrEqual(0);
});
