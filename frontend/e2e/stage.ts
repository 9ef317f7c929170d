//! A fresh browser context per journey, and the check that nothing was logged as an error in it.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, inject } from 'vitest';
import { launch, newContext, watchErrors } from './browser';
import type { Look } from './browser';
import type { Target } from './target';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export interface Stage {
  page: Page;
  /** What the console said; a journey that provokes an error takes it out with `expectError`. */
  errors: string[];
}

/** What the journeys run against: what all do, or a place of their own that is there once `beforeAll` is over. */
type Place = Omit<Target, 'close' | 'url'> & { url: () => string };

export function useStage(place?: Place) {
  let browser: Browser;
  const open: Stage[] = [];

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    const errors = open.flatMap((stage) => stage.errors);
    await Promise.all(open.map((stage) => stage.page.context().close()));
    open.length = 0;
    expect(errors).toEqual([]);
  });

  return {
    isMock: place ? false : inject('isMock'),
    operator: place ? place.operator : inject('operator'),
    viewer: place ? place.viewer : inject('viewer'),
    admin: place ? place.admin : inject('admin'),
    open: async (look?: Look): Promise<Stage> => {
      const context = await newContext(browser, place?.url() ?? inject('url'), look);
      const page = await context.newPage();
      page.setDefaultTimeout(30_000);
      const stage = { page, errors: watchErrors(page) };
      open.push(stage);
      return stage;
    },
  };
}

/** The browser itself logs refused requests: exactly these are taken out. */
export function expectError({ errors }: Stage, pattern: RegExp): void {
  const expected = errors.filter((error) => pattern.test(error));
  expect(expected.length, `no error like ${pattern.source}`).toBeGreaterThan(0);
  for (const error of expected) errors.splice(errors.indexOf(error), 1);
}

/** Violations of WCAG A and AA and of best practice, as "rule: where". */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const results = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: () => Promise<AxeResults> } };
    return axe.run();
  });
  return results.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`));
}

/** Nothing sticks out to the right. */
export async function sideways(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
