//! Journey: readers in zones that are off by half an hour or three quarters, and where the clocks change by half of one.
import { describe, expect, test } from 'vitest';
import { testIds } from '../src/shared/testIds';
import { enter } from './browser';
import { useStage } from './stage';

const stage = useStage();

/** Zone, a time typed there, and the same in UTC. The last two lie on either side of a change of half an hour. */
const ZONES = [
  ['Asia/Kolkata', /GMT\+5:30/, '2026-11-02T10:00', '2026-11-02T04:30:00.000Z'],
  ['Asia/Kathmandu', /GMT\+5:45/, '2026-11-02T10:00', '2026-11-02T04:15:00.000Z'],
  ['Australia/Lord_Howe', /GMT\+1[01]/, '2026-04-05T01:00', '2026-04-04T14:00:00.000Z'],
  ['Australia/Lord_Howe', /GMT\+1[01]/, '2026-04-05T03:00', '2026-04-04T16:30:00.000Z'],
] as const;

describe.each(ZONES)('in %s', (zone, name, typed, utc) => {
  test(`${typed} there is ${utc}, and what is shown is the zone’s`, async () => {
    const { page } = await stage.open({ zone });
    await enter(page, stage.operator, '/violations');
    const there = (ms: number) => new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(ms);
    await page.getByRole('banner').getByText(name).waitFor();
    await page.getByRole('radio', { name: 'From … to' }).check();
    const form = page.getByRole('form', { name: 'Time looked at' });
    await form.getByLabel(/^From/).fill(typed);
    await form.getByRole('button', { name: 'Show' }).click();
    await expect.poll(() => new URL(page.url()).searchParams.get('from')).toBe(utc);

    await page.goto('/demand-response?past=1');
    await page.getByTestId(testIds.drTimeline).getByRole('button').first().waitFor();
    const ticks = await page.getByTestId(testIds.drTimeline).locator('[aria-hidden] span').allTextContents();
    const clocks = ticks.filter((text) => /^\d\d:\d\d$/.test(text));
    expect(clocks.length).toBeGreaterThan(3);
    expect(clocks.filter((text) => !text.endsWith(':00'))).toEqual([]);

    const at = Date.now() - 120_000;
    await page.goto(`/replay?at=${new Date(at).toISOString()}`);
    await page.getByTestId(testIds.replayDevice).first().waitFor();
    await page.getByText(new RegExp(`, ${there(at)}:\\d\\d GMT`)).first().waitFor();
    expect(await page.getByLabel(/^Time/).inputValue()).toContain(`T${there(at)}`);
  });
});
