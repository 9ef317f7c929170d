//! The system's parts: which work, since when, and what those say that do not.
import { readFragment } from '../../shared/gql';
import type { HealthPartFragment } from '../../shared/gql/graphql';
import { useNow } from '../../shared/lib/hooks';
import { useLiveQuery } from '../../shared/lib/live';
import { parseTime, relative } from '../../shared/lib/time';
import { Badge } from '../../shared/ui/Badge';
import { Panel } from '../../shared/ui/Panel';
import { Failed, Loading } from '../../shared/ui/States';
import { HealthPartFields, HealthQuery } from './queries';
import styles from './HealthPanel.module.css';

const ASK_EVERY_MS = 10_000;
const PARTS = [
  { key: 'control', name: 'Control' },
  { key: 'mqtt', name: 'MQTT' },
  { key: 'log', name: 'Log' },
  { key: 'clickhouse', name: 'ClickHouse' },
] as const;

export function HealthPanel() {
  const { data, error, loading, refresh } = useLiveQuery({ query: HealthQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const health = data?.health;
  const aside = health ? <span className={styles.version}>Version {health.version}</span> : null;
  return (
    <Panel title="System" aside={aside}>
      {error && !health ? <Failed what="the system’s health" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the system’s health" height={84} /> : null}
      {health ? (
        <ul className={styles.parts}>
          {PARTS.map(({ key, name }) => (
            <Part key={key} name={name} part={readFragment(HealthPartFields, health[key])} />
          ))}
        </ul>
      ) : null}
    </Panel>
  );
}

function Part({ name, part }: { name: string; part: HealthPartFragment }) {
  const now = useNow(10_000);
  const since = parseTime(part.since);
  return (
    <li className={styles.part}>
      <span className={styles.name}>{name}</span>
      <Badge tone={part.ok ? 'ok' : 'bad'} icon={part.ok ? 'inside' : 'over'}>
        {part.ok ? 'Working' : 'Not working'}
      </Badge>
      <span className={styles.detail} title={part.detail ?? undefined}>
        {[part.detail, !part.ok && since !== null ? `since ${relative(since, now)}` : null].filter(Boolean).join(', ')}
      </span>
    </li>
  );
}
