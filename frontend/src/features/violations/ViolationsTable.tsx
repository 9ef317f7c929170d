//! Every time that a limit was passed in the span: how far, how long, and why.
import { Link } from 'wouter';
import type { ViolationsQuery as Answer } from '../../shared/gql/graphql';
import { saveCsv } from '../../shared/lib/csv';
import { kw, kwh, words } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { useBulkQuery } from '../../shared/lib/live';
import { feederHref } from '../../shared/lib/hrefs';
import { aboutSpan, lasted, newestFirst } from './model';
import type { Span } from './model';
import { ViolationsQuery } from './queries';
import { SpanTable } from './SpanTable';
import { When } from './When';
import styles from './Tables.module.css';

type Violation = Answer['violations']['edges'][number]['node'];

export function ViolationsTable({ feederId, span }: { feederId: string | null; span: Span }) {
  const now = useNow(60_000);
  const answer = useBulkQuery({ query: ViolationsQuery, ...aboutSpan(feederId, span) });
  const found = answer.data?.violations;
  const rows = newestFirst(found?.edges ?? []);
  return (
    <SpanTable
      title="Limits passed"
      what="the violations"
      label="Times when a limit was passed"
      empty="No limit was passed in the time on record"
      answer={answer}
      rows={rows}
      total={found?.totalCount ?? 0}
      save={save}
      head={
        <>
          <th scope="col">Feeder</th>
          <th scope="col">From</th>
          <th scope="col">For</th>
          <th scope="col" data-end>
            Worst
          </th>
          <th scope="col" data-end title="The energy above the limit">
            Energy
          </th>
          <th scope="col">Cause</th>
        </>
      }
      row={(row) => (
        <tr key={`${row.feederId}/${row.from}`}>
          <th scope="row">
            <Link href={feederHref(row.feederId)}>{row.feederId}</Link>
          </th>
          <td>
            <When at={row.from} now={now} feederId={row.feederId} />
          </td>
          <td>{lasted(row.from, row.to, now)}</td>
          <td data-end>
            <strong>{kw(row.worstKw)} over</strong>
          </td>
          <td data-end>{kwh(row.kwh)}</td>
          <td className={styles.wide}>{causeWords(row.cause)}</td>
        </tr>
      )}
    />
  );
}

/** A code becomes words; a sentence stays one. */
function causeWords(cause: string): string {
  return /^[A-Z0-9_]+$/.test(cause) ? words(cause) : cause;
}

function save(rows: readonly Violation[]): void {
  saveCsv('violations.csv', ['feeder', 'from', 'to', 'worstKw', 'kwh', 'cause'], rows.map((row) => [row.feederId, row.from, row.to, row.worstKw, row.kwh, row.cause]));
}
