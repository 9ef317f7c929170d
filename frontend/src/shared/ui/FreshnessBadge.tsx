//! How recent a device's telemetry is, as a mark and a word.
import type { Freshness } from '../gql/graphql';
import { words } from '../lib/format';
import { Badge } from './Badge';
import type { Tone } from './Badge';
import type { IconName } from './Icon';

const LOOKS: Record<Freshness, { tone: Tone; icon: IconName; title: string }> = {
  FRESH: { tone: 'quiet', icon: 'fresh', title: 'Heard recently' },
  STALE: { tone: 'warn', icon: 'stale', title: 'Not heard for a while; its power stays reserved' },
  MISSING: { tone: 'warn', icon: 'missing', title: 'Never heard, or not for a long time; its power stays reserved' },
  OFFLINE: { tone: 'bad', icon: 'offline', title: 'The device or its connection has signed off' },
};

export function FreshnessBadge({ freshness }: { freshness: Freshness }) {
  const { tone, icon, title } = LOOKS[freshness];
  return (
    <Badge tone={tone} icon={icon} title={title}>
      {words(freshness)}
    </Badge>
  );
}
