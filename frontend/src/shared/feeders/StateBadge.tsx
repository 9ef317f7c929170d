//! How a feeder stands, as a mark and a word, with what it means on hover.
import { kw } from '../lib/format';
import { useNow } from '../lib/hooks';
import { useThresholds } from '../lib/thresholds';
import { Badge } from '../ui/Badge';
import type { Tone } from '../ui/Badge';
import type { IconName } from '../ui/Icon';
import { roomKw, stateOf } from './model';
import type { FeederFacts, FeederState } from './model';

export const STATES: Record<FeederState, { word: string; tone: Tone; icon: IconName; title: string }> = {
  stopped: { word: 'Stopped', tone: 'bad', icon: 'over', title: 'Control has stopped: devices are at their fallbacks' },
  over: { word: 'Over limit', tone: 'bad', icon: 'over', title: 'The load is above the limit in force' },
  degraded: { word: 'Degraded', tone: 'warn', icon: 'near', title: 'Control works with less than it needs' },
  stale: { word: 'Stale', tone: 'warn', icon: 'stale', title: 'No decision for a while: these figures may be old' },
  shedding: { word: 'Shedding', tone: 'accent', icon: 'down', title: 'Devices get less than they want, so that the limit holds' },
  near: { word: 'Near limit', tone: 'warn', icon: 'near', title: 'Hardly anything of the limit is left' },
  fine: { word: 'Fine', tone: 'ok', icon: 'inside', title: 'Inside its limit, and devices get what they want' },
  off: { word: 'Not controlled', tone: 'quiet', icon: 'missing', title: 'The mode of this feeder is disabled' },
};

export function StateBadge({ feeder }: { feeder: FeederFacts }) {
  const now = useNow(5000);
  const state = stateOf(feeder, now, useThresholds());
  const { word, tone, icon, title } = STATES[state];
  const reason = state === 'stopped' ? feeder.stopped : state === 'degraded' ? feeder.degraded : null;
  return (
    <Badge tone={tone} icon={icon} title={reason ? `${title}: ${reason}` : title}>
      {word}
      {state === 'over' ? ` by ${kw(-roomKw(feeder))}` : ''}
    </Badge>
  );
}
