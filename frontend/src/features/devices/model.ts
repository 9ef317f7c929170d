//! Filtering and sorting of the fleet, and how both are written in the address. Pure.
import type { DeviceOrigin, DeviceRowFragment, DeviceType, Freshness } from '../../shared/gql/graphql';

export type Row = DeviceRowFragment;

export const ORIGINS: readonly DeviceOrigin[] = ['PHYSICAL', 'SIMULATED'];
export const TYPES: readonly DeviceType[] = ['EV', 'BATTERY', 'PV', 'METER', 'OTHER'];
export const FRESHNESS: readonly Freshness[] = ['FRESH', 'STALE', 'MISSING', 'OFFLINE'];

/** How a device stands with control, beyond its freshness. */
export const STANDINGS = ['CURTAILED', 'NOT_FOLLOWING', 'FOLLOWING', 'OPTED_OUT', 'OVERRIDDEN'] as const;
export type Standing = (typeof STANDINGS)[number];

/** Whether a device gives way is told by the newest decision, not by the device. */
const STANDS: Record<Exclude<Standing, 'CURTAILED'>, (row: Row) => boolean> = {
  NOT_FOLLOWING: (row) => !row.compliant,
  FOLLOWING: (row) => row.compliant && !row.optedOut && row.setpointKw !== null,
  OPTED_OUT: (row) => row.optedOut,
  OVERRIDDEN: (row) => row.overridden,
};

export const SORT_KEYS = ['id', 'type', 'feeder', 'state', 'power', 'error', 'soc', 'priority', 'seen'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface Sort {
  key: SortKey;
  down: boolean;
}

export interface Filters {
  origin: DeviceOrigin | null;
  type: DeviceType | null;
  feeder: string | null;
  state: Freshness | null;
  standing: Standing | null;
  search: string;
}

export const NO_FILTERS: Filters = { origin: null, type: null, feeder: null, state: null, standing: null, search: '' };

/** Every column but the first can be hidden. */
export type ColumnKey = Exclude<SortKey, 'id'>;
export const COLUMN_KEYS: readonly ColumnKey[] = SORT_KEYS.filter((key) => key !== 'id');

export interface View {
  filters: Filters;
  sort: Sort;
  /** In the order of the columns. */
  hidden: readonly ColumnKey[];
}

function oneOf<Value extends string>(values: readonly Value[], text: string | null): Value | null {
  return values.find((value) => value === text) ?? null;
}

/** The view that an address asks for; what it does not understand, it ignores. */
export function viewFrom(params: URLSearchParams): View {
  const sort = params.get('sort') ?? 'id';
  const down = sort.startsWith('-');
  return {
    filters: {
      origin: oneOf(ORIGINS, params.get('origin')),
      type: oneOf(TYPES, params.get('type')),
      feeder: params.get('feeder'),
      state: oneOf(FRESHNESS, params.get('state')),
      standing: oneOf(STANDINGS, params.get('standing')),
      search: params.get('q') ?? '',
    },
    sort: { key: oneOf(SORT_KEYS, down ? sort.slice(1) : sort) ?? 'id', down },
    hidden: COLUMN_KEYS.filter((key) => params.get('hide')?.split(',').includes(key)),
  };
}

export function paramsFrom({ filters, sort, hidden }: View): URLSearchParams {
  const params = new URLSearchParams();
  if (filters.origin) params.set('origin', filters.origin);
  if (filters.type) params.set('type', filters.type);
  if (filters.feeder) params.set('feeder', filters.feeder);
  if (filters.state) params.set('state', filters.state);
  if (filters.standing) params.set('standing', filters.standing);
  if (filters.search) params.set('q', filters.search);
  const text = (sort.down ? '-' : '') + sort.key;
  if (text !== 'id') params.set('sort', text);
  if (hidden.length > 0) params.set('hide', hidden.join(','));
  return params;
}

export function isFiltered({ origin, type, feeder, state, standing, search }: Filters): boolean {
  return Boolean(origin ?? type ?? feeder ?? state ?? standing) || search.trim() !== '';
}

interface Placed {
  id: string;
  parentId: string | null;
}

/** A feeder with all that stand below it. */
export function subtree(feeders: readonly Placed[], id: string): ReadonlySet<string> {
  const ids = new Set([id]);
  for (let before = 0; before < ids.size; ) {
    before = ids.size;
    for (const feeder of feeders) if (feeder.parentId !== null && ids.has(feeder.parentId)) ids.add(feeder.id);
  }
  return ids;
}

export interface Known {
  /** The feeders that the filter for one takes in. */
  under?: ReadonlySet<string> | null;
  /** Who gives way in the newest decisions. */
  curtailed?: ReadonlySet<string>;
}

function stands(row: Row, standing: Standing, curtailed: ReadonlySet<string> | undefined): boolean {
  return standing === 'CURTAILED' ? curtailed?.has(row.id) === true : STANDS[standing](row);
}

export function matches(row: Row, filters: Filters, { under, curtailed }: Known = {}): boolean {
  const search = filters.search.trim().toLowerCase();
  return (
    (!filters.origin || row.origin === filters.origin) &&
    (!filters.type || row.type === filters.type) &&
    (!filters.feeder || row.feederId === filters.feeder || under?.has(row.feederId) === true) &&
    (!filters.state || row.freshness === filters.state) &&
    (!filters.standing || stands(row, filters.standing, curtailed)) &&
    (!search || row.id.toLowerCase().includes(search) || (row.siteId?.toLowerCase().includes(search) ?? false))
  );
}

type Sortable = string | number | null | undefined;

const VALUES: Record<SortKey, (row: Row) => Sortable> = {
  id: (row) => row.id,
  type: (row) => row.type,
  feeder: (row) => row.feederId,
  state: (row) => FRESHNESS.indexOf(row.freshness),
  power: (row) => row.powerKw,
  error: (row) => (row.trackingErrorKw === null ? null : Math.abs(row.trackingErrorKw)),
  soc: (row) => row.soc,
  priority: (row) => row.priority,
  seen: (row) => row.lastSeen,
};

const collator = new Intl.Collator('en', { numeric: true });

function compare(a: Sortable, b: Sortable): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return collator.compare(String(a), String(b));
}

/** What is unknown comes last in either direction; ties go by id. */
export function sorted(rows: readonly Row[], { key, down }: Sort): Row[] {
  const value = VALUES[key];
  const keyed = rows.map((row) => ({ row, value: value(row) }));
  keyed.sort((a, b) => {
    const unknown = Number(a.value === null || a.value === undefined) - Number(b.value === null || b.value === undefined);
    if (unknown !== 0) return unknown;
    const order = a.value === null || a.value === undefined ? 0 : compare(a.value, b.value);
    return (down ? -order : order) || collator.compare(a.row.id, b.row.id);
  });
  return keyed.map(({ row }) => row);
}

/** A click on a column: figures start with the largest, words with A; a second click turns round. */
export function nextSort(sort: Sort, key: SortKey): Sort {
  if (sort.key === key) return { key, down: !sort.down };
  return { key, down: key === 'power' || key === 'error' || key === 'priority' || key === 'seen' || key === 'state' };
}

/** Where zero, the actual power and the setpoint lie on a device's bar, as shares of its width. */
export function barGeometry({ type, ratedKw, powerKw, setpointKw }: Pick<Row, 'type' | 'ratedKw' | 'powerKw' | 'setpointKw'>) {
  const power = powerKw ?? 0;
  const setpoint = setpointKw ?? power;
  const rated = ratedKw ?? Math.max(Math.abs(power), Math.abs(setpoint), 0.1);
  const low = Math.min(type === 'PV' || type === 'BATTERY' ? -rated : 0, power, setpoint);
  const high = Math.max(type === 'PV' ? 0 : rated, power, setpoint);
  const share = (kw: number) => (kw - low) / (high - low || 1);
  return {
    zero: share(0),
    from: share(Math.min(0, power)),
    to: share(Math.max(0, power)),
    setpoint: setpointKw === null ? null : share(setpointKw),
  };
}

/** A piece of a bar as CSS places a background: its position is a share of the room that its size leaves. */
export function pieceOf(from: number, to: number): { position: number; size: number } {
  const size = to - from;
  return { position: size < 1 ? from / (1 - size) : 0, size };
}

const FILE_HEAD = [
  'device', 'type', 'origin', 'feeder', 'site', 'state', 'lastSeen', 'powerKw', 'setpointKw', 'trackingErrorKw', 'soc', 'priority', 'compliant', 'optedOut', 'overridden',
] as const;

/** The rows as a table to keep: every figure, whichever columns are shown. */
export function fileOf(rows: readonly Row[]): { head: readonly string[]; cells: (string | number | null)[][] } {
  const yes = (value: boolean) => (value ? 'yes' : 'no');
  const cells = rows.map((row) => [
    row.id, row.type, row.origin, row.feederId, row.siteId, row.freshness, row.lastSeen, row.powerKw, row.setpointKw, row.trackingErrorKw, row.soc, row.priority,
    yes(row.compliant), yes(row.optedOut), yes(row.overridden),
  ]);
  return { head: FILE_HEAD, cells };
}
