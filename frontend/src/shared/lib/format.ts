//! The one place that turns numbers, units and times into words. Knows no component and no query.
import type { DeviceType } from '../gql/graphql';

const MINUS = '−';
const NONE = '–';

/** A figure split from its unit, so that the two can be set in different sizes. */
export interface Figure {
  value: string;
  unit: string;
}

const grouped = (digits: number) =>
  new Intl.NumberFormat('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const FORMATS = [grouped(0), grouped(1), grouped(2)] as const;

function fixed(value: number, digits: 0 | 1 | 2): string {
  const text = FORMATS[digits].format(Math.abs(value)).replaceAll(',', '\u202f');
  const isZero = !/[1-9]/.test(text);
  return value < 0 && !isZero ? MINUS + text : text;
}

function kwDigits(magnitude: number): 0 | 1 | 2 {
  if (magnitude < 10) return 2;
  return magnitude < 1000 ? 1 : 0;
}

/**
 * Power in kW; from 10 MW on in MW. Two decimals below 10 kW, one below 1 000 kW, none above.
 * `scaleOf` gives the digits of another figure, so that figures shown side by side have the same precision.
 */
export function powerFigure(kw: number | null | undefined, scaleOf?: number): Figure {
  if (kw === null || kw === undefined || !Number.isFinite(kw)) return { value: NONE, unit: '' };
  const magnitude = Math.max(Math.abs(kw), Math.abs(scaleOf ?? 0));
  if (magnitude >= 10_000) return { value: fixed(kw / 1000, 2), unit: 'MW' };
  return { value: fixed(kw, kwDigits(magnitude)), unit: 'kW' };
}

export function kw(value: number | null | undefined, scaleOf?: number): string {
  const figure = powerFigure(value, scaleOf);
  return figure.unit ? `${figure.value}\u00a0${figure.unit}` : figure.value;
}

/** A difference, always with its sign. */
export function signedKw(value: number | null | undefined, scaleOf?: number): string {
  const text = kw(value, scaleOf);
  return value !== null && value !== undefined && value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** A fraction (0.42) as a percentage (42 %). */
export function percent(fraction: number | null | undefined, digits: 0 | 1 = 0): string {
  if (fraction === null || fraction === undefined || !Number.isFinite(fraction)) return NONE;
  return `${fixed(fraction * 100, digits)}\u00a0%`;
}

export function count(value: number): string {
  return fixed(value, 0);
}

/** "1 device", "200 devices". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Energy in kWh, from 1 000 on in MWh; written as power is. */
export function kwh(value: number): string {
  return kw(value).replace(/W$/, 'Wh');
}

/** Where the power goes, in words: never by the sign alone. */
export function direction(kwValue: number | null | undefined): 'takes' | 'gives' | 'idle' | 'unknown' {
  if (kwValue === null || kwValue === undefined) return 'unknown';
  if (kwValue >= 0.005) return 'takes';
  return kwValue <= -0.005 ? 'gives' : 'idle';
}

const TYPE_NAMES: Record<DeviceType, string> = {
  PV: 'Solar',
  BATTERY: 'Battery',
  EV: 'EV charger',
  METER: 'Meter',
  OTHER: 'Other',
};

export function typeName(type: DeviceType): string {
  return TYPE_NAMES[type];
}

/** SHOUTED_WORDS of the API as a word for people. */
export function words(value: string): string {
  const text = value.replaceAll('_', ' ').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A number as people type it, with a comma or a point; null for anything else. */
export function parseNumber(text: string): number | null {
  const value = Number(text.trim().replace(',', '.').replace('−', '-'));
  return text.trim() === '' || !Number.isFinite(value) ? null : value;
}
