//! The windows of time that charts offer.
export interface Range {
  value: '15m' | '1h' | '6h' | '24h';
  label: string;
  words: string;
  ms: number;
  /** How often the series is asked for again. */
  refreshMs: number;
  /** Up to an hour, enough for every decision; beyond it, averages of a minute or more. */
  maxPoints: number;
  isAveraged: boolean;
}

export const RANGES: readonly [Range, ...Range[]] = [
  { value: '15m', label: '15 min', words: 'last 15 minutes', ms: 900_000, refreshMs: 15_000, maxPoints: 720, isAveraged: false },
  { value: '1h', label: '1 h', words: 'last hour', ms: 3_600_000, refreshMs: 30_000, maxPoints: 720, isAveraged: false },
  { value: '6h', label: '6 h', words: 'last 6 hours', ms: 21_600_000, refreshMs: 60_000, maxPoints: 400, isAveraged: true },
  { value: '24h', label: '24 h', words: 'last 24 hours', ms: 86_400_000, refreshMs: 120_000, maxPoints: 400, isAveraged: true },
];

export function rangeOf(value: string): Range {
  return RANGES.find((range) => range.value === value) ?? RANGES[0];
}
