//! What the system's parts, alarms and refused messages mean, in words. Pure.
import { isCritical } from '../../shared/feeders/alarmModel';
import type { Alarm } from '../../shared/feeders/alarmModel';
import type { DeadLetterFragment, WaitingFragment } from '../../shared/gql/graphql';
import { count, words } from '../../shared/lib/format';

export type DeadLetter = DeadLetterFragment;

export const PARTS = [
  { key: 'control', name: 'Control', what: 'Decides what each device may take or give.' },
  { key: 'mqtt', name: 'MQTT', what: 'Brings what devices say, and takes them their setpoints.' },
  { key: 'log', name: 'Log', what: 'Keeps every sample and decision; control depends on it.' },
  { key: 'clickhouse', name: 'ClickHouse', what: 'Keeps history for people; control does not need it.' },
] as const;
export type PartKey = (typeof PARTS)[number]['key'];

/** The whole in a sentence. */
export function verdict(broken: readonly PartKey[], alarms: readonly Alarm[]): { tone: 'ok' | 'warn' | 'bad'; text: string } {
  const down = PARTS.filter(({ key }) => broken.includes(key)).map(({ name }) => name);
  if (down.length > 0) return { tone: 'bad', text: `${listed(down)} ${down.length === 1 ? 'does' : 'do'} not work` };
  const critical = alarms.filter(isCritical).length;
  if (critical > 0) return { tone: 'bad', text: `All parts work; ${alarmsStand(critical, 'critical alarm')}` };
  if (alarms.length > 0) return { tone: 'warn', text: `All parts work; ${alarmsStand(alarms.length, 'alarm')}` };
  return { tone: 'ok', text: 'All parts work and no alarm stands' };
}

function alarmsStand(value: number, one: string): string {
  return value === 1 ? `1 ${one} stands` : `${count(value)} ${one}s stand`;
}

export function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

// --- runbook -------------------------------------------------------------------------------------------------------

export interface RunbookSection {
  title: string;
  lines: string[];
}

/** A page of the runbook: its sections, without the title that repeats the alarm. */
export function runbookSections(markdown: string): RunbookSection[] {
  return markdown
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [title = '', ...rest] = part.split('\n');
      return { title: title.trim(), lines: rest.map(plainLine).filter((line) => line !== '') };
    })
    .filter(({ lines }) => lines.length > 0);
}

/** Without Markdown's marks; a link keeps its words. */
function plainLine(line: string): string {
  return line
    .trim()
    .replace(/^[-*] /, '• ')
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replaceAll(/[`*]/g, '');
}

/** The code whose page it is: `docs/runbook/CTL-003.md` and `CTL-003` alike. */
export function runbookCode(runbook: string): string | null {
  return /([A-Z]{2,4}-\d{3})/.exec(runbook)?.[1] ?? null;
}

// --- refused messages ----------------------------------------------------------------------------------------------

interface Advice {
  name: string;
  todo: string;
}

const ADVICE: Record<string, Advice> = {
  bad_topic: { name: 'Topic names no device', todo: 'Correct the topic that the device publishes on: prefix/telemetry/<device id>.' },
  payload_too_large: { name: 'Message too large', todo: 'Let the device send one sample per message.' },
  not_json: { name: 'Not JSON', todo: 'Look at the sample: the device or a gateway before it sends another format, or cuts its messages off.' },
  contract_violation: { name: 'Breaks the contract', todo: 'The detail names the field, what was found and what is accepted. Correct it at the device.' },
  unsupported_version: { name: 'Unknown contract version', todo: 'The device is newer than this system: update the system, or set the device to version 1.' },
  device_mismatch: { name: 'Speaks for another device', todo: 'The id in the topic and the one in the message differ. Give the device one id in its configuration.' },
  device_type_mismatch: { name: 'Type differs from the topic’s', todo: 'Correct the type in the device’s topic or in its message.' },
  rate_limited: { name: 'Sends too often', todo: 'Let the device send once every few seconds. Newer samples replace what was refused.' },
  too_many_devices: { name: 'Too many devices', todo: 'The system knows as many devices as it may. Retire those that are gone.' },
  unknown_device: { name: 'Acknowledges before it has spoken', todo: 'Harmless when it happens once: the device is known after its first sample. If not, check that its telemetry arrives.' },
  too_many_new_devices: { name: 'Many new devices at once', todo: 'They are taken in over the next minutes. If nobody has added any, find out who sends.' },
  registration_closed: { name: 'Not registered', todo: 'Approve the device beforehand with its type and feeder, if it is yours.' },
  device_conflict: { name: 'Contradicts the registry', todo: 'It is registered as another type. Correct the device, or retire it and let it in again.' },
  retained: { name: 'Old sample kept by the broker', todo: 'Let the device publish its telemetry without the retain flag.' },
};

/** A reason that is not known here still has its own word. */
export function advice(reason: string): Advice {
  return (
    ADVICE[reason.toLowerCase()] ?? {
      name: words(reason),
      todo: 'See the detail and the sample.',
    }
  );
}

export function totalLetters(letters: readonly DeadLetter[]): number {
  return letters.reduce((sum, { count: each }) => sum + each, 0);
}

export function byCount(letters: readonly DeadLetter[]): DeadLetter[] {
  return [...letters].sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason));
}

export const DEAD_SPANS = [
  { value: '1h', label: '1 h', words: 'last hour', ms: 3_600_000 },
  { value: '24h', label: '24 h', words: 'last 24 hours', ms: 86_400_000 },
  { value: '7d', label: '7 days', words: 'last 7 days', ms: 7 * 86_400_000 },
] as const;
export type DeadSpan = (typeof DEAD_SPANS)[number];

export function deadSpanOf(value: string | null): DeadSpan {
  return DEAD_SPANS.find((span) => span.value === value) ?? DEAD_SPANS[1];
}

/** A sample for reading: JSON in lines, anything else as it came. */
export function readableSample(sample: string): string {
  try {
    return JSON.stringify(JSON.parse(sample), null, 2);
  } catch {
    return sample;
  }
}

// --- devices that wait ---------------------------------------------------------------------------------------------

export function waitWords({ reason, feederId, siteId }: Pick<WaitingFragment, 'reason' | 'feederId' | 'siteId'>): string {
  const site = siteId ? `, site ${siteId}` : '';
  switch (reason) {
    case 'UNKNOWN_DEVICE':
      return `Nobody has registered it. It claims ${feederId}${site}.`;
    case 'UNKNOWN_FEEDER':
      return `It claims ${feederId}${site}; there is no such feeder.`;
    case 'UNPROVEN':
      return `It says more than is believed at once: it is let in when it has said so a few times. It claims ${feederId}${site}.`;
  }
}
