//! The audit trail: its filters in the address, and what a change changed. Pure.
import type { AuditEntryFragment, AuditQueryVariables } from '../../shared/gql/graphql';
import { words } from '../../shared/lib/format';
import { fromLocalInput, parseTime, toRfc3339 } from '../../shared/lib/time';

export type Entry = AuditEntryFragment;

// --- filters -------------------------------------------------------------------------------------------------------

export const SPANS = [
  { value: '24h', label: '24 h', ms: 86_400_000 },
  { value: '7d', label: '7 days', ms: 7 * 86_400_000 },
  { value: '30d', label: '30 days', ms: 30 * 86_400_000 },
  { value: 'all', label: 'All', ms: null },
  { value: 'own', label: 'From – to', ms: null },
] as const;
export type SpanValue = (typeof SPANS)[number]['value'];

export interface View {
  span: SpanValue;
  /** Of an own span: times as RFC 3339, or null for an open end. */
  from: string | null;
  to: string | null;
  actor: string;
  entity: string;
}

export const FIRST_VIEW: View = { span: '7d', from: null, to: null, actor: '', entity: '' };

/** The view that an address asks for; what it does not understand, it ignores. */
export function viewFrom(params: URLSearchParams): View {
  const time = (name: string) => {
    const ms = parseTime(params.get(name));
    return ms === null ? null : toRfc3339(ms);
  };
  return {
    span: SPANS.find((span) => span.value === params.get('span'))?.value ?? FIRST_VIEW.span,
    from: time('from'),
    to: time('to'),
    actor: params.get('actor') ?? '',
    entity: params.get('entity') ?? '',
  };
}

export function paramsFrom(view: View): URLSearchParams {
  const params = new URLSearchParams();
  if (view.span !== FIRST_VIEW.span) params.set('span', view.span);
  if (view.span === 'own' && view.from) params.set('from', view.from);
  if (view.span === 'own' && view.to) params.set('to', view.to);
  if (view.actor.trim()) params.set('actor', view.actor);
  if (view.entity.trim()) params.set('entity', view.entity);
  return params;
}

export function isNarrowed(view: View): boolean {
  return view.actor.trim() !== '' || view.entity.trim() !== '' || view.span !== 'all';
}

export type Asked = Omit<AuditQueryVariables, 'first' | 'after'>;

export function askedOf(view: View, now: number): Asked {
  const span = SPANS.find((each) => each.value === view.span);
  const own = view.span === 'own';
  const from = own ? view.from : span?.ms ? toRfc3339(now - span.ms) : null;
  return { from, to: own ? view.to : null, actor: view.actor.trim() || null, entity: view.entity.trim() || null };
}

/** The problem of an own span, if there is one. */
export function spanProblem({ span, from, to }: View): string | null {
  if (span !== 'own' || !from || !to) return null;
  return (parseTime(from) ?? 0) < (parseTime(to) ?? 0) ? null : 'The end must come after the beginning.';
}

export function timeFromInput(text: string): string | null {
  const ms = fromLocalInput(text);
  return ms === null ? null : toRfc3339(ms);
}

// --- words ---------------------------------------------------------------------------------------------------------

const KINDS: Record<string, string> = {
  ControlSettings: 'Control settings',
  FeederChange: 'Feeder changed',
  FeederCleared: 'Feeder setting taken back',
  DeviceRegistered: 'Device registered',
  DeviceChange: 'Device changed',
  EventCreated: 'Event created',
  EventChanged: 'Event changed',
  EventCancelled: 'Event cancelled',
  ProgramSet: 'Program set',
  ProgramDeleted: 'Program deleted',
  OverrideSet: 'Override set',
  OverrideCleared: 'Override cleared',
  ControlResumed: 'Control resumed',
  SimulationSet: 'Simulation mode set',
  DeviceWaiting: 'Device waits',
  DeviceApproved: 'Device approved',
  DeviceRetired: 'Device retired',
  DeviceReplaced: 'Device replaced',
  DeviceNoted: 'Device noticed',
  LogMade: 'Log made',
  SessionEnded: 'Session ended',
};

/** The kind of a change; one that is not known here is taken apart: "LimitRaised" becomes "Limit raised". */
export function kindName(kind: string): string {
  return KINDS[kind] ?? words(kind.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2'));
}

// --- what changed --------------------------------------------------------------------------------------------------

export interface Change {
  path: string;
  before: string | null;
  after: string | null;
}

const LEAVES_MAX = 200;

type Leaves = Map<string, string | null>;

/** The values of a JSON text by path: `limits.import` → `40`. Text that is no JSON is one value without a path. */
function leaves(text: string | null | undefined): Leaves {
  const found: Leaves = new Map();
  if (!text) return found;
  try {
    collect(JSON.parse(text), '', found);
  } catch {
    found.set('', text);
  }
  return found;
}

function collect(value: unknown, path: string, found: Leaves): void {
  if (found.size >= LEAVES_MAX) return;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) collect(inner, path ? `${path}.${key}` : key, found);
    return;
  }
  if (path === '' && value === null) return;
  found.set(path, leafText(value));
}

function leafText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) return value.join(', ') || 'none';
  return JSON.stringify(value);
}

export interface Diff {
  /** Values that differ; of something new, all of them. */
  changes: Change[];
  /** How many values stayed as they were. */
  same: number;
}

/** As the API has it: what `after` does not speak of has stayed, what it says is null has been taken back. */
export function diff(before: string | null | undefined, after: string | null | undefined): Diff {
  const old = leaves(before);
  const now = leaves(after);
  const changes = [...now]
    .map(([path, value]) => ({ path, before: old.get(path) ?? null, after: value }))
    .filter((change) => change.before !== change.after);
  const paths = new Set([...old.keys(), ...now.keys()]);
  const known = [...paths].filter((path) => (old.get(path) ?? now.get(path) ?? null) !== null);
  return { changes, same: known.length - changes.length };
}

const UNITS: Record<string, string> = { w: 'W', kw: 'kW', s: 's', ms: 'ms' };

/** "import_limit_w" → "import limit (W)", "optedOut" → "opted out": the API's own names, readable, but not guessed at. */
export function pathName(path: string): string {
  if (path === '') return 'value';
  return path
    .split('.')
    .map((part) => {
      const name = part.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase().split('_').filter(Boolean);
      const unit = UNITS[name.at(-1) ?? ''];
      return unit && name.length > 1 ? `${name.slice(0, -1).join(' ')} (${unit})` : name.join(' ');
    })
    .join(' › ');
}

/** The change in a line: the first differences. */
export function summary({ changes }: Diff): string {
  const shown = changes.slice(0, 2).map(({ path, before, after }) => {
    const name = pathName(path);
    if (before === null) return `${name} ${clip(after)}`;
    return after === null ? `${name} taken back` : `${name} ${clip(before)} → ${clip(after)}`;
  });
  const more = changes.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ') || 'no difference';
}

function clip(text: string | null): string {
  const value = text ?? '';
  return value.length > 40 ? `${value.slice(0, 39)}…` : value;
}

export const CSV_HEAD = ['time_utc', 'actor', 'source', 'kind', 'entity', 'before', 'after'] as const;

export function csvRow(entry: Entry): string[] {
  const { at, actor, source, kind, entity, before, after } = entry;
  return [at, actor, source ?? '', kind, entity, before ?? '', after];
}
