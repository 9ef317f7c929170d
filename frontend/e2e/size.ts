//! What the first view costs to load: the scripts that come until the overview stands, as they go over a line with gzip.
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import type { Person } from './browser';

export async function firstViewBytes(page: Page, person: Person): Promise<number> {
  const sizes: Promise<number>[] = [];
  page.on('response', (response) => {
    if (new URL(response.url()).pathname.endsWith('.js')) sizes.push(response.body().then((body) => gzipSync(body).length));
  });
  await enter(page, person);
  await page.getByTestId(testIds.feederLine).first().waitFor();
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
