//! What the fleet consists of and what each kind takes or gives at this moment.
import { Link } from 'wouter';
import type { FeederFacts } from '../../shared/feeders/model';
import { count, direction, kw, plural, typeName } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { useLiveQuery } from '../../shared/lib/live';
import { isShifted, simulationWords } from '../../shared/simulation/model';
import { SimulationQuery } from '../../shared/simulation/queries';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Loading } from '../../shared/ui/States';
import { deviceMix } from './model';
import type { MixRow } from './model';
import { DeviceCounts } from './queries';
import styles from './MixPanel.module.css';

const ASK_EVERY_MS = 30_000;

export function MixPanel({ feeders, loading }: { feeders: readonly FeederFacts[]; loading: boolean }) {
  const { data } = useLiveQuery({ query: DeviceCounts, variables: {}, everyMs: ASK_EVERY_MS });
  const rows = deviceMix(feeders);
  const largest = Math.max(...rows.map((row) => row.count), 1);
  return (
    <Panel title="Devices" aside={data ? <Origins all={data.all.totalCount} physical={data.physical.totalCount} /> : null}>
      {loading ? <Loading what="the device mix" height={96} /> : null}
      {!loading && rows.length === 0 ? <Empty title="No devices yet" /> : null}
      {rows.length > 0 ? (
        <ul className={styles.rows}>
          {rows.map((row) => (
            <Row key={row.type} row={row} largest={largest} />
          ))}
        </ul>
      ) : null}
      <SimulatedDay />
    </Panel>
  );
}

/** Said only where the sun of the simulated devices stands elsewhere than the clock says. */
function SimulatedDay() {
  const { data } = useLiveQuery({ query: SimulationQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const now = useNow(30_000);
  if (!data || !isShifted(data.simulation)) return null;
  return (
    <p className="hint">
      {simulationWords(data.simulation, now)} <Link href="/health">See health</Link>
    </p>
  );
}

function Origins({ all, physical }: { all: number; physical: number }) {
  return (
    <span className={styles.origins}>
      <Link href="/devices?origin=PHYSICAL">{count(physical)} physical</Link>, {count(all - physical)} simulated
    </span>
  );
}

const VERB = { takes: 'taking', gives: 'giving', idle: '', unknown: '' } as const;

function Row({ row, largest }: { row: MixRow; largest: number }) {
  return (
    <li className={styles.row}>
      <Link href={`/devices?type=${row.type}`} aria-label={`${typeName(row.type)}: ${plural(row.count, 'device')}`}>
        {typeName(row.type)}
      </Link>
      <span className={styles.bar} aria-hidden="true">
        <span style={{ width: `${(row.count / largest) * 100}%` }} />
      </span>
      <span className={styles.count}>{count(row.count)}</span>
      <span className={styles.power}>
        <span className="muted">{VERB[direction(row.powerKw)]}</span> {kw(Math.abs(row.powerKw))}
      </span>
    </li>
  );
}
