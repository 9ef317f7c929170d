//! Journey: charts kept as pictures, by day and by night.
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import { useStage } from './stage';

const stage = useStage();

async function saved(page: Page, button: string): Promise<{ name: string; file: Buffer }> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  const done = await download;
  return { name: done.suggestedFilename(), file: await readFile(await done.path()) };
}

/** Its size, the colour of its corner, and how many colours it has in all. */
async function look(page: Page, file: Buffer) {
  return page.evaluate(async (base64) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    const ctx = canvas.getContext('2d');
    if (!ctx) throw new Error('no canvas');
    ctx.drawImage(image, 0, 0);
    const { data } = ctx.getImageData(0, 0, image.width, image.height);
    const pixels = new Uint32Array(data.buffer);
    return { width: image.width, height: image.height, corner: [...data.slice(0, 3)], colours: new Set(pixels).size };
  }, file.toString('base64'));
}

const THEMES = [
  { theme: 'day', surface: [255, 255, 255] },
  { theme: 'night', surface: [20, 28, 31] },
] as const;

test.each(THEMES)('the chart of a feeder is kept as it looks by $theme, with its head', async ({ theme, surface }) => {
  const { page } = await stage.open({ theme });
  await enter(page, stage.operator);
  const line = page.getByTestId(testIds.feederLine).nth(1);
  const id = (await line.getAttribute('data-feeder')) ?? '';
  await page.goto(`/feeders/${id}`);
  const plot = page.getByTestId(testIds.feederChart).locator('canvas');
  await plot.waitFor();
  const { name, file } = await saved(page, 'Save this chart as PNG');
  expect(name).toBe(`${id}-load.png`);
  const picture = await look(page, file);
  const drawn = await plot.evaluate((canvas: HTMLCanvasElement) => canvas.height);
  expect(picture.height).toBeGreaterThan(drawn + 80);
  expect(picture.corner).toEqual(surface);
  expect(picture.colours).toBeGreaterThan(20);
});

test('the charts of a device are kept, on a phone too', async () => {
  const { page } = await stage.open({ phone: true });
  await enter(page, stage.operator, '/devices?type=BATTERY');
  await page.getByTestId(testIds.deviceRow).first().getByRole('link').click();
  await page.getByTestId(testIds.socChart).locator('canvas').waitFor();
  for (const what of ['the power chart', 'the state of charge']) {
    const { name, file } = await saved(page, `Save ${what} as PNG`);
    expect(name).toMatch(/\.png$/);
    expect((await look(page, file)).colours).toBeGreaterThan(10);
  }
});
