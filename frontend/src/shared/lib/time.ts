//! Times for people: RFC 3339 in, the reader's own zone out, with the zone named. No other file formats a time.

const CLOCK: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const clockMinutes = new Intl.DateTimeFormat('en-GB', CLOCK);
const clockSeconds = new Intl.DateTimeFormat('en-GB', { ...CLOCK, second: '2-digit' });
const dayMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const full = new Intl.DateTimeFormat('en-GB', {
  ...CLOCK,
  second: '2-digit',
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZoneName: 'short',
});
const utcClock = new Intl.DateTimeFormat('en-GB', { ...CLOCK, second: '2-digit', timeZone: 'UTC' });
const utcDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const zone = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' });

/** Milliseconds since the epoch of an RFC 3339 time, or null. */
export function parseTime(text: string | null | undefined): number | null {
  if (!text) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

export function toRfc3339(ms: number): string {
  return new Date(ms).toISOString();
}

export function clock(ms: number, seconds = false): string {
  return (seconds ? clockSeconds : clockMinutes).format(ms);
}

export function day(ms: number): string {
  return dayMonth.format(ms);
}

/** Short and unambiguous: the clock today, day and clock otherwise. */
export function shortTime(ms: number, now: number): string {
  const sameDay = dayMonth.format(ms) === dayMonth.format(now) && Math.abs(ms - now) < 86_400_000;
  return sameDay ? clock(ms) : `${day(ms)}, ${clock(ms)}`;
}

/** The same with the zone, which is another one after the clocks have changed: "02:30 CEST". */
export function zonedTime(ms: number, now: number): string {
  return `${shortTime(ms, now)} ${zoneName(ms)}`;
}

/** A span; the zone is said once where it is the same at both ends: "14:00 to 14:30 CET", "02:30 CEST to 02:30 CET". */
export function zonedSpan(start: number, end: number, now: number): readonly [string, string] {
  const same = zoneName(start) === zoneName(end);
  return [same ? shortTime(start, now) : zonedTime(start, now), zonedTime(end, now)];
}

/** "Mon, 23 Nov 2026, 14:05:32 CET (13:05:32 UTC)"; the day of UTC is said where it is another one. */
export function fullTime(ms: number): string {
  if (zoneName(ms) === 'UTC') return full.format(ms);
  const sameDay = utcDay.format(ms) === dayMonth.format(ms);
  return `${full.format(ms)} (${sameDay ? '' : `${utcDay.format(ms)}, `}${utcClock.format(ms)} UTC)`;
}

/** Clocks change at a quarter of an hour at the earliest: what was found holds until its end. */
const ZONE_HOLDS_MS = 900_000;
let lastZone = { quarter: Number.NaN, name: '' };

/** The abbreviation of the reader's zone at a moment: CET, BST, GMT+9 … */
export function zoneName(ms: number): string {
  const quarter = Math.floor(ms / ZONE_HOLDS_MS);
  if (lastZone.quarter !== quarter) {
    const part = zone.formatToParts(ms).find((piece) => piece.type === 'timeZoneName');
    lastZone = { quarter, name: part?.value ?? 'local time' };
  }
  return lastZone.name;
}

const UNITS: readonly [number, string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

/** The largest one or two units: "45 s", "12 min", "1 h 30 min". */
export function duration(ms: number): string {
  const whole = Math.max(0, Math.round(ms / 1000) * 1000);
  const at = UNITS.findIndex(([size]) => whole >= size);
  const unit = UNITS[at];
  if (!unit) return '0 s';
  const [size, name] = unit;
  const head = `${Math.floor(whole / size)} ${name}`;
  const smaller = UNITS[at + 1];
  if (!smaller || name === 'min') return head;
  const rest = Math.floor((whole % size) / smaller[0]);
  return rest > 0 ? `${head} ${rest} ${smaller[1]}` : head;
}

/** "now", "12 s ago", "in 5 min" */
export function relative(ms: number, now: number): string {
  const distance = now - ms;
  if (Math.abs(distance) < 1500) return 'now';
  return distance > 0 ? `${duration(distance)} ago` : `in ${duration(-distance)}`;
}

/** The value of an `<input type="datetime-local">` for a moment in the reader's zone. */
export function toLocalInput(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** A time that comes twice, when the clocks are put back, is the first of the two. */
export function fromLocalInput(text: string): number | null {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? parseTime(text) : null;
}

/** Whether the clocks pass over a time of an `<input type="datetime-local">`, because they are put forward then. */
export function isPassedOver(text: string): boolean {
  const ms = fromLocalInput(text);
  return ms !== null && toLocalInput(ms) !== text.slice(0, 16);
}

/** The other moment at which the clocks show the same, if there is one: they are put back by an hour, somewhere by half. */
export function sameOnTheClock(ms: number): number | null {
  const shown = toLocalInput(ms);
  const others = [30, 60].flatMap((minutes) => [ms - minutes * 60_000, ms + minutes * 60_000]);
  return others.find((other) => toLocalInput(other) === shown) ?? null;
}
