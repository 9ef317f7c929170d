//! The span that is looked at and how the address names it; who gave how much of what was wanted. Pure.
import type { FairnessQuery } from '../../shared/gql/graphql';
import { percent } from '../../shared/lib/format';
import { duration, fromLocalInput, isPassedOver, parseTime, toRfc3339 } from '../../shared/lib/time';

const HOUR_MS = 3_600_000;

/** Spans that end now. */
export const SPANS = [
  { value: '1h', label: '1 h', words: 'last hour', ms: HOUR_MS },
  { value: '24h', label: '24 h', words: 'last 24 hours', ms: 24 * HOUR_MS },
  { value: '7d', label: '7 days', words: 'last 7 days', ms: 7 * 24 * HOUR_MS },
  { value: '30d', label: '30 days', words: 'last 30 days', ms: 30 * 24 * HOUR_MS },
] as const;
export type SpanName = (typeof SPANS)[number]['value'];

export type Span = { kind: 'last'; value: SpanName } | { kind: 'fixed'; from: number; to: number };

const FIRST: Span = { kind: 'last', value: '24h' };

/** What an address asks for; what it does not understand is the last day. */
export function spanFrom(params: URLSearchParams): Span {
  const from = parseTime(params.get('from'));
  const to = parseTime(params.get('to'));
  if (from !== null && to !== null && from < to) return { kind: 'fixed', from, to };
  const last = SPANS.find(({ value }) => value === params.get('last'));
  return last ? { kind: 'last', value: last.value } : FIRST;
}

export function withSpan(params: URLSearchParams, span: Span): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const name of ['from', 'to', 'last']) next.delete(name);
  if (span.kind === 'last') next.set('last', span.value);
  else {
    next.set('from', toRfc3339(span.from));
    next.set('to', toRfc3339(span.to));
  }
  return next;
}

export function boundsOf(span: Span, now: number): { from: number; to: number } {
  if (span.kind === 'fixed') return { from: span.from, to: span.to };
  const ms = SPANS.find(({ value }) => value === span.value)?.ms ?? 0;
  return { from: now - ms, to: now };
}

const ASK_EVERY_MS = 60_000;

/** What a part of the page asks about a span: the same question until feeder or span is another. */
export function aboutSpan<Feeder extends string | null>(feederId: Feeder, span: Span) {
  return {
    variables: () => {
      const { from, to } = boundsOf(span, Date.now());
      return { feederId, from: toRfc3339(from), to: toRfc3339(to) };
    },
    key: `${feederId ?? ''}/${JSON.stringify(span)}`,
    everyMs: ASK_EVERY_MS,
  };
}

export interface SpanProblems {
  from?: string;
  to?: string;
}

/** The problems of two `datetime-local` values. */
export function checkSpan(from: string, to: string, now: number): SpanProblems {
  const [start, end] = [fromLocalInput(from), fromLocalInput(to)];
  if (start === null) return { from: 'Choose a time.' };
  if (isPassedOver(from)) return { from: 'This time does not exist: the clocks are put forward then.' };
  if (start >= now) return { from: 'This is in the future.' };
  if (end === null) return { to: 'Choose a time.' };
  return end <= start ? { to: 'The end must be after the start.' } : {};
}

export type FairnessDevice = FairnessQuery['fairness']['perDevice'][number];

export const FAIR_KEYS = ['device', 'wanted', 'served', 'gave', 'share'] as const;
export type FairKey = (typeof FAIR_KEYS)[number];
export interface FairSort {
  key: FairKey;
  down: boolean;
}

/** The part of its want that a device got; null when it wanted nothing. */
export function shareOf({ wantedKwh, servedKwh }: Pick<FairnessDevice, 'wantedKwh' | 'servedKwh'>): number | null {
  return wantedKwh > 0 ? servedKwh / wantedKwh : null;
}

const VALUES: Record<FairKey, (row: FairnessDevice) => number | string | null> = {
  device: (row) => row.deviceId,
  wanted: (row) => row.wantedKwh,
  served: (row) => row.servedKwh,
  gave: (row) => row.curtailedKwh,
  share: shareOf,
};
const collator = new Intl.Collator('en', { numeric: true });

/** What is unknown comes last in either direction; ties go by id. */
export function sortedFair(rows: readonly FairnessDevice[], { key, down }: FairSort): FairnessDevice[] {
  const value = VALUES[key];
  return [...rows].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === null || right === null) return Number(left === null) - Number(right === null) || collator.compare(a.deviceId, b.deviceId);
    const order = typeof left === 'number' && typeof right === 'number' ? left - right : collator.compare(String(left), String(right));
    return (down ? -order : order) || collator.compare(a.deviceId, b.deviceId);
  });
}

export interface FairTotals {
  wantedKwh: number;
  servedKwh: number;
  curtailedKwh: number;
  gave: number;
}

export function totals(rows: readonly FairnessDevice[]): FairTotals {
  const sum = (pick: (row: FairnessDevice) => number) => rows.reduce((total, row) => total + pick(row), 0);
  return {
    wantedKwh: sum((row) => row.wantedKwh),
    servedKwh: sum((row) => row.servedKwh),
    curtailedKwh: sum((row) => row.curtailedKwh),
    gave: rows.filter((row) => row.curtailedKwh >= 0.005).length,
  };
}

/** Jain's index in words: 1 is the same part for everyone. */
export function jainWords(jain: number): string {
  if (jain >= 0.98) return 'everyone got nearly the same part of what they wanted';
  if (jain >= 0.9) return 'parts differ a little';
  return jain >= 0.7 ? 'parts differ clearly' : 'a few gave most';
}

export function shareWords(share: number | null): string {
  return share === null ? 'wanted nothing' : percent(share);
}

/** How long an excursion or an alarm lasted; one that stands has no end. */
export function lasted(from: string, to: string | null, now: number): string {
  const [start, end] = [parseTime(from) ?? now, parseTime(to) ?? now];
  return duration(end - start);
}

/** The entries of a connection, the newest beginning first. */
export function newestFirst<Entry extends { from: string }>(edges: readonly { node: Entry }[]): Entry[] {
  return edges.map(({ node }) => node).sort((a, b) => b.from.localeCompare(a.from));
}
