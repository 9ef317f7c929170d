//! The alarms of the span, those that stand and those that have gone.
import { Link } from 'wouter';
import { isCritical, runbookHref } from '../../shared/feeders/alarmModel';
import type { AlarmHistoryQuery as Answer } from '../../shared/gql/graphql';
import { saveCsv } from '../../shared/lib/csv';
import { count, words } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { useBulkQuery } from '../../shared/lib/live';
import { toRfc3339 } from '../../shared/lib/time';
import { Badge } from '../../shared/ui/Badge';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { boundsOf, lasted } from './model';
import type { Span } from './model';
import { AlarmHistoryQuery } from './queries';
import { When } from './When';
import styles from './Tables.module.css';

const ASK_EVERY_MS = 60_000;
type Period = Answer['alarmHistory']['edges'][number]['node'];

export function AlarmsTable({ feederId, span }: { feederId: string | null; span: Span }) {
  const now = useNow(60_000);
  const { data, error, loading, refresh } = useBulkQuery({
    query: AlarmHistoryQuery,
    variables: () => {
      const { from, to } = boundsOf(span, Date.now());
      return { feederId, from: toRfc3339(from), to: toRfc3339(to) };
    },
    key: `${feederId ?? ''}/${JSON.stringify(span)}`,
    everyMs: ASK_EVERY_MS,
  });
  const rows = (data?.alarmHistory.edges ?? []).map(({ node }) => node).sort((a, b) => b.from.localeCompare(a.from));
  const left = (data?.alarmHistory.totalCount ?? 0) - rows.length;
  return (
    <Panel
      title="Alarms"
      aside={
        <button type="button" className="button" data-size="s" disabled={rows.length === 0} onClick={() => save(rows)}>
          <Icon name="save" /> CSV
        </button>
      }
    >
      {error && !data ? <Failed what="the alarms" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the alarms" height={120} /> : null}
      {data && rows.length === 0 ? <Empty title="No alarm stood in the time on record" /> : null}
      {rows.length > 0 ? (
        <div className={styles.scroll} role="region" aria-label="Alarms of this time" tabIndex={0}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col">For</th>
                <th scope="col">Urgency</th>
                <th scope="col">Code</th>
                <th scope="col">About</th>
                <th scope="col">What</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Row key={`${row.code}/${row.feederId}/${row.deviceId}/${row.from}`} row={row} now={now} />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {left > 0 ? <p className="hint">The first {count(rows.length)}; {count(left)} more are not shown. Choose a shorter time.</p> : null}
    </Panel>
  );
}

function Row({ row, now }: { row: Period; now: number }) {
  const critical = isCritical(row);
  const href = runbookHref(row.runbook);
  const about = row.deviceId ?? row.feederId;
  return (
    <tr>
      <td>
        <When at={row.from} now={now} />
      </td>
      <td>
        {lasted(row.from, row.to, now)}
        {row.to === null ? <span className="muted">, stands</span> : null}
      </td>
      <td>
        <Badge tone={critical ? 'bad' : 'warn'} icon={critical ? 'over' : 'near'}>
          {words(row.severity)}
        </Badge>
      </td>
      <td>{href === null ? <span title={row.runbook}>{row.code}</span> : <a href={href}>{row.code}</a>}</td>
      <td>
        {about === null ? '–' : <Link href={`/${row.deviceId === null ? 'feeders' : 'devices'}/${encodeURIComponent(about)}`}>{about}</Link>}
      </td>
      <td className={styles.wide}>{row.message}</td>
    </tr>
  );
}

function save(rows: readonly Period[]): void {
  const head = ['from', 'to', 'code', 'severity', 'feeder', 'device', 'message'];
  saveCsv('alarms.csv', head, rows.map((row) => [row.from, row.to, row.code, row.severity, row.feederId, row.deviceId, row.message]));
}
