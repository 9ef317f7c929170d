//! What a feeder's load is made of: figures that add up, each with its meaning on hover.
import { count, kw } from '../lib/format';
import { otherKw } from './model';
import type { FeederFacts } from './model';
import styles from './FeederFigures.module.css';

export function FeederFigures({ feeder }: { feeder: FeederFacts }) {
  const scale = feeder.effectiveLimitKw;
  const silent = feeder.deviceCount - feeder.freshCount;
  const other = otherKw(feeder);
  return (
    <dl className={styles.facts}>
      <Fact term="Headroom" title="Limit less load" value={kw(feeder.headroomKw, scale)} />
      <Fact term="Controlled" title="The part of the load that devices under control take, less what they give" value={kw(feeder.controlledKw, scale)} />
      <Fact term="Other load" title={otherWords(feeder)} value={kw(other, scale)} />
      <Fact
        term="Reserved"
        title="Not part of the load: held back for devices that are silent, or that have not followed yet, beyond what they are seen to take"
        value={kw(feeder.reservedKw, scale)}
      />
      <Fact term="Allocated" title="The sum of the setpoints in force under this feeder" value={kw(feeder.allocatedKw, scale)} />
      <Fact
        term="Water level"
        title="What each device gets per unit of its weight, when devices get less than they want"
        value={feeder.waterLevel === null ? 'nobody held' : kw(feeder.waterLevel)}
      />
      <Fact term="Devices heard" title="Devices whose telemetry is recent" value={`${count(feeder.freshCount)} of ${count(feeder.deviceCount)}`} warn={silent > 0} />
    </dl>
  );
}

function otherWords(feeder: FeederFacts): string {
  const other = otherKw(feeder);
  if (other === null) return 'Load that nobody commands: not known just now, because load and controlled are of different windows';
  const beyond = feeder.uncontrolledKw - other;
  const held = beyond > 0.005 ? ` Decisions count it with ${kw(beyond, feeder.effectiveLimitKw)} more, because it may rise.` : '';
  return `Load that nobody commands: load less controlled.${held}`;
}

function Fact({ term, title, value, warn = false }: { term: string; title: string; value: string; warn?: boolean }) {
  return (
    <div>
      <dt title={title}>{term}</dt>
      <dd data-warn={warn || undefined}>{value}</dd>
    </div>
  );
}
