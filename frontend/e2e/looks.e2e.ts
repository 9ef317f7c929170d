//! Journey: day and night, phone and wide, and what axe says of each page.
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter, LOOKS } from './browser';
import { axeViolations, sideways, useStage } from './stage';

const stage = useStage();

/** Each page in the state in which most stands on it. */
const PAGES: { name: string; path: string; open: (page: Page) => Promise<void> }[] = [
  {
    name: 'overview',
    path: '/',
    open: async (page) => {
      await page.getByTestId(testIds.feederLine).nth(1).waitFor();
      await page.getByRole('button', { name: 'New event' }).click();
    },
  },
  {
    name: 'feeder',
    path: '/',
    open: async (page) => {
      await page.getByTestId(testIds.feederLine).nth(1).getByRole('link').first().click();
      await page.getByRole('heading', { name: 'Who is curtailed, and why' }).waitFor();
      await page.getByTestId(testIds.feederChart).waitFor();
      await page.getByText(/give way|gives way/).waitFor();
      await page.getByRole('button', { name: 'Change', exact: true }).click();
    },
  },
  {
    name: 'devices',
    path: '/devices',
    open: async (page) => {
      await page.getByTestId(testIds.deviceRow).nth(1).getByRole('checkbox').check();
      await page.getByRole('region', { name: 'Selected devices' }).waitFor();
      const columns = page.getByText('Columns', { exact: true });
      // Cards have none.
      if (await columns.isVisible()) await columns.click();
    },
  },
  {
    name: 'device',
    path: '/devices?type=BATTERY',
    open: async (page) => {
      await page.getByTestId(testIds.deviceRow).first().getByRole('link').click();
      await page.getByTestId(testIds.socChart).waitFor();
    },
  },
  {
    name: 'an address without a page',
    path: '/nothing-here',
    open: (page) => page.getByRole('heading', { level: 1 }).waitFor(),
  },
  {
    name: 'fairness and violations',
    path: '/violations',
    open: (page) => page.getByTestId(testIds.fairnessRow).first().waitFor(),
  },
];

async function check(page: Page): Promise<void> {
  expect(await axeViolations(page)).toEqual([]);
  expect(await sideways(page)).toBeLessThanOrEqual(0);
}

describe.each(LOOKS)('accessible and fitting: $name', (look) => {
  test('login', async () => {
    const { page } = await stage.open(look);
    await page.goto('/login');
    await page.getByLabel('User name').waitFor();
    await check(page);
  });

  test.each(PAGES)('$name', async ({ path, open }) => {
    const { page } = await stage.open(look);
    await enter(page, stage.operator, path);
    await open(page);
    await check(page);
  });
});

test('the smallest phone shows every page without scrolling sideways', async () => {
  const { page } = await stage.open({ phone: true });
  await page.setViewportSize({ width: 360, height: 640 });
  await enter(page, stage.operator);
  await page.getByTestId(testIds.feederChart).first().waitFor();
  expect(await sideways(page)).toBeLessThanOrEqual(0);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Devices' }).click();
  await page.getByTestId(testIds.deviceRow).nth(2).waitFor();
  expect(await sideways(page)).toBeLessThanOrEqual(0);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: /Fairness/ }).click();
  await page.getByTestId(testIds.fairnessRow).first().waitFor();
  expect(await sideways(page)).toBeLessThanOrEqual(0);
  await page.goto('/');
  await page.getByTestId(testIds.feederLine).nth(1).getByRole('link').first().click();
  await page.getByRole('heading', { name: 'Who is curtailed, and why' }).waitFor();
  await page.getByTestId(testIds.feederChart).waitFor();
  expect(await sideways(page)).toBeLessThanOrEqual(0);
});

test('the theme follows the system until one is chosen, and the choice is remembered', async () => {
  const { page } = await stage.open({ theme: 'night' });
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  await enter(page, stage.operator);
  expect(await theme()).toBe('night');
  await page.emulateMedia({ colorScheme: 'light' });
  await expect.poll(theme).toBe('day');
  await page.getByRole('button', { name: /Theme: automatic/ }).click();
  await page.getByRole('button', { name: /Theme: day/ }).click();
  await expect.poll(theme).toBe('night');
  await page.reload();
  await page.getByRole('button', { name: /Theme: night/ }).waitFor();
  expect(await theme()).toBe('night');
});
