//! `npm run figures`: what docs/dashboard.md says about size and speed, measured in Chromium against the mock with
//! 10 000 devices and 200 feeders (or against BASE_URL). FIGURES_MINUTES: how long the memory is watched, default 5.
import { cpus, totalmem } from 'node:os';
import type { CDPSession, Page } from 'playwright-core';
import { testIds } from '../src/shared/testIds';
import { launch, newContext } from './browser';
import { firstViewBytes } from './size';
import { target } from './target';

const MINUTES = Number(process.env.FIGURES_MINUTES ?? 5);
const LOADS = 5;
const SCROLL_MS = 8000;
const HEAP_EVERY_MS = 30_000;

const DEVICES = process.env.MOCK_DEVICES ?? '10000';
process.env.MOCK_DEVICES = DEVICES;
/** With the usual four. */
process.env.MOCK_FEEDERS ??= '196';

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** From the start of the navigation until feeders stand in the list, signed in, from a warm server. */
async function firstUsefulViewMs(page: Page): Promise<number> {
  await page.goto('/');
  await page.getByTestId(testIds.feederLine).first().waitFor();
  return page.evaluate(() => performance.now());
}

/** The time between two frames while the list is scrolled by a screen's third in each. */
async function frameMs(page: Page): Promise<number[]> {
  return page.evaluate(async (lasts) => {
    const deltas: number[] = [];
    const start = performance.now();
    let before = start;
    let step = 300;
    while (before - start < lasts) {
      const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
      deltas.push(now - before);
      before = now;
      if (window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - 2 || (step < 0 && window.scrollY === 0)) step = -step;
      window.scrollBy(0, step);
    }
    return deltas.slice(1);
  }, SCROLL_MS);
}

async function heapMb(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  return (metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.NaN) / 1e6;
}

async function watchHeap(page: Page): Promise<number[]> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const seen = [await heapMb(session)];
  for (let spent = 0; spent < MINUTES * 60_000; spent += HEAP_EVERY_MS) {
    await page.waitForTimeout(HEAP_EVERY_MS);
    seen.push(await heapMb(session));
    console.log(`heap after ${((spent + HEAP_EVERY_MS) / 60_000).toFixed(1)} min: ${(seen.at(-1) ?? 0).toFixed(1)} MB`);
  }
  return seen;
}

const { url, operator, close } = await target();
const browser = await launch();
try {
  const page = await (await newContext(browser, url)).newPage();
  page.setDefaultTimeout(120_000);
  console.log(`${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${(totalmem() / 1e9).toFixed(0)} GB; Chromium ${browser.version()}`);
  console.log(`scripts of the first view, gzip: ${((await firstViewBytes(page, operator)) / 1000).toFixed(1)} kB`);

  const loads: number[] = [];
  for (let load = 0; load < LOADS; load += 1) loads.push(await firstUsefulViewMs(page));
  console.log(`first useful view, median of ${LOADS}: ${median(loads).toFixed(0)} ms (${loads.map((ms) => ms.toFixed(0)).join(', ')})`);

  // What this machine can do at all: a page of nothing but lines of text, which without a graphics card are drawn by the
  // same cores.
  await page.goto('about:blank');
  const lines = Array.from({ length: 10_000 }, (_, line) => `<p style="height:30px">row ${line} some text 12.3 kW</p>`);
  await page.setContent(lines.join(''));
  console.log(`scrolling a page of text: ${(1000 / median(await frameMs(page))).toFixed(1)} frames/s median`);

  await page.goto('/devices');
  await page.getByTestId(testIds.deviceRow).nth(5).waitFor();
  await page.waitForFunction(() => document.documentElement.scrollHeight > 100_000);
  const frames = await frameMs(page);
  const slow = frames.filter((ms) => ms > 34).length / frames.length;
  console.log(`scrolling ${DEVICES} devices: ${(1000 / median(frames)).toFixed(1)} frames/s median of ${frames.length} frames, ${(slow * 100).toFixed(1)} % longer than two`);

  await page.goto('/');
  await page.getByTestId(testIds.feederLine).first().waitFor();
  const heap = await watchHeap(page);
  console.log(`heap over ${MINUTES} min of live updates on the overview: ${heap[0]?.toFixed(1)} MB to ${heap.at(-1)?.toFixed(1)} MB, least ${Math.min(...heap).toFixed(1)}, most ${Math.max(...heap).toFixed(1)}`);
} finally {
  await browser.close();
  await close();
}
