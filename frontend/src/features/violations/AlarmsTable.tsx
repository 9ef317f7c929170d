//! The alarms of the span, those that stand and those that have gone.
import { Link } from 'wouter';
import { isCritical, runbookHref } from '../../shared/feeders/alarmModel';
import type { AlarmHistoryQuery as Answer } from '../../shared/gql/graphql';
import { saveCsv } from '../../shared/lib/csv';
import { words } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { useBulkQuery } from '../../shared/lib/live';
import { Badge } from '../../shared/ui/Badge';
import { aboutSpan, lasted, newestFirst } from './model';
import type { Span } from './model';
import { AlarmHistoryQuery } from './queries';
import { SpanTable } from './SpanTable';
import { When } from './When';
import styles from './Tables.module.css';

type Period = Answer['alarmHistory']['edges'][number]['node'];

export function AlarmsTable({ feederId, span }: { feederId: string | null; span: Span }) {
  const now = useNow(60_000);
  const answer = useBulkQuery({ query: AlarmHistoryQuery, ...aboutSpan(feederId, span) });
  const found = answer.data?.alarmHistory;
  const rows = newestFirst(found?.edges ?? []);
  return (
    <SpanTable
      title="Alarms"
      what="the alarms"
      label="Alarms of this time"
      empty="No alarm stood in the time on record"
      answer={answer}
      rows={rows}
      total={found?.totalCount ?? 0}
      save={save}
      head={
        <>
          <th scope="col">From</th>
          <th scope="col">For</th>
          <th scope="col">Urgency</th>
          <th scope="col">Code</th>
          <th scope="col">About</th>
          <th scope="col">What</th>
        </>
      }
      row={(row) => (
        <Row key={`${row.code}/${row.feederId}/${row.deviceId}/${row.from}`} row={row} now={now} />
      )}
    />
  );
}

function Row({ row, now }: { row: Period; now: number }) {
  const critical = isCritical(row);
  const href = runbookHref(row.runbook);
  const about = row.deviceId ?? row.feederId;
  return (
    <tr>
      <td>
        <When at={row.from} now={now} feederId={row.feederId} />
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
