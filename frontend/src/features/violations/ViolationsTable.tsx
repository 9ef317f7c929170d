//! Every time that a limit was passed in the span: how far, how long, and why.
import { Link } from 'wouter';
import type { ViolationsQuery as Answer } from '../../shared/gql/graphql';
import { saveCsv } from '../../shared/lib/csv';
import { count, kw, words } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { useBulkQuery } from '../../shared/lib/live';
import { toRfc3339 } from '../../shared/lib/time';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { boundsOf, kwh, lasted } from './model';
import type { Span } from './model';
import { ViolationsQuery } from './queries';
import { When } from './When';
import styles from './Tables.module.css';

const ASK_EVERY_MS = 60_000;
type Violation = Answer['violations']['edges'][number]['node'];

export function ViolationsTable({ feederId, span }: { feederId: string | null; span: Span }) {
  const now = useNow(60_000);
  const { data, error, loading, refresh } = useBulkQuery({
    query: ViolationsQuery,
    variables: () => {
      const { from, to } = boundsOf(span, Date.now());
      return { feederId, from: toRfc3339(from), to: toRfc3339(to) };
    },
    key: `${feederId ?? ''}/${JSON.stringify(span)}`,
    everyMs: ASK_EVERY_MS,
  });
  const rows = (data?.violations.edges ?? []).map(({ node }) => node).sort((a, b) => b.from.localeCompare(a.from));
  const left = (data?.violations.totalCount ?? 0) - rows.length;
  return (
    <Panel
      title="Limits passed"
      aside={
        <button type="button" className="button" data-size="s" disabled={rows.length === 0} onClick={() => save(rows)}>
          <Icon name="save" /> CSV
        </button>
      }
    >
      {error && !data ? <Failed what="the violations" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the violations" height={120} /> : null}
      {data && rows.length === 0 ? <Empty title="No limit was passed in the time on record" /> : null}
      {rows.length > 0 ? (
        <div className={styles.scroll} role="region" aria-label="Times when a limit was passed" tabIndex={0}>
          <table className={styles.table}>
            <thead>
              <tr>
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
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.feederId}/${row.from}`}>
                  <th scope="row">
                    <Link href={`/feeders/${encodeURIComponent(row.feederId)}`}>{row.feederId}</Link>
                  </th>
                  <td>
                    <When at={row.from} now={now} />
                  </td>
                  <td>{lasted(row.from, row.to, now)}</td>
                  <td data-end>
                    <strong>{kw(row.worstKw)} over</strong>
                  </td>
                  <td data-end>{kwh(row.kwh)}</td>
                  <td className={styles.wide}>{causeWords(row.cause)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {left > 0 ? <p className="hint">The first {count(rows.length)}; {count(left)} more are not shown. Choose a shorter time.</p> : null}
    </Panel>
  );
}

/** A code becomes words; a sentence stays one. */
function causeWords(cause: string): string {
  return /^[A-Z0-9_]+$/.test(cause) ? words(cause) : cause;
}

function save(rows: readonly Violation[]): void {
  saveCsv('violations.csv', ['feeder', 'from', 'to', 'worstKw', 'kwh', 'cause'], rows.map((row) => [row.feederId, row.from, row.to, row.worstKw, row.kwh, row.cause]));
}
