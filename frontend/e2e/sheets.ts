//! `npm run shots` ends with these: each page by day and night, wide and on a phone, on one sheet.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';

export const SHEETS = [
  'login', 'overview', 'feeder', 'devices', 'device', 'device-why', 'demand-response', 'demand-response-form', 'violations', 'replay', 'health', 'audit',
] as const;
const LOOKS = ['wide-day', 'wide-night', 'phone-day', 'phone-night'] as const;
/** A long page is shown as far as this. */
const HEIGHT_PX = 900;

export async function makeSheets(browser: Browser, folder: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1500, height: 600 } });
  for (const name of SHEETS) {
    const pictures = await Promise.all(
      LOOKS.map(async (look) => {
        const file = await readFile(join(folder, `${name}-${look}.png`));
        const width = look.startsWith('wide') ? 480 : 250;
        return `<div style="width:${width}px;max-height:${HEIGHT_PX}px;overflow:hidden"><img style="width:100%" src="data:image/png;base64,${file.toString('base64')}"></div>`;
      }),
    );
    await page.setContent(`<body style="margin:8px;display:flex;gap:8px;align-items:start;background:#888">${pictures.join('')}</body>`);
    await page.screenshot({ path: join(folder, `${name}-sheet.jpg`), type: 'jpeg', quality: 82, fullPage: true });
  }
  await page.close();
}
