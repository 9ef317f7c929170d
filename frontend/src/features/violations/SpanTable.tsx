//! A table of what happened in the span: asked for, saved as CSV, and said to be short where it is.
import type { ReactNode } from 'react';
import type { CombinedError } from '@urql/core';
import { count } from '../../shared/lib/format';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import styles from './Tables.module.css';

interface Props<Row> {
  title: string;
  /** As in "the alarms could not be read". */
  what: string;
  /** What the table is called for those who listen. */
  label: string;
  empty: string;
  answer: { data: unknown; error: CombinedError | undefined; loading: boolean; refresh: () => void };
  rows: readonly Row[];
  total: number;
  head: ReactNode;
  row: (row: Row) => ReactNode;
  save: (rows: readonly Row[]) => void;
}

export function SpanTable<Row>({ title, what, label, empty, answer, rows, total, head, row, save }: Props<Row>) {
  const { data, error, loading, refresh } = answer;
  const left = total - rows.length;
  return (
    <Panel
      title={title}
      aside={
        <button type="button" className="button" data-size="s" disabled={rows.length === 0} onClick={() => save(rows)}>
          <Icon name="save" /> CSV
        </button>
      }
    >
      {error && !data ? <Failed what={what} error={error} again={refresh} /> : null}
      {loading ? <Loading what={what} height={120} /> : null}
      {data && rows.length === 0 ? <Empty title={empty} /> : null}
      {rows.length > 0 ? (
        <div className={styles.scroll} role="region" aria-label={label} tabIndex={0}>
          <table className={styles.table}>
            <thead>
              <tr>{head}</tr>
            </thead>
            <tbody>{rows.map(row)}</tbody>
          </table>
        </div>
      ) : null}
      {left > 0 ? <p className="hint">The first {count(rows.length)}; {count(left)} more are not shown. Choose a shorter time.</p> : null}
    </Panel>
  );
}
