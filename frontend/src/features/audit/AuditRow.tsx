//! One change: who, when, what; opened, value by value.
import { useId, useMemo } from 'react';
import { testIds } from '../../shared/testIds';
import { At } from '../../shared/ui/At';
import { Icon } from '../../shared/ui/Icon';
import { diff, kindName, pathName, summary } from './model';
import type { Diff, Entry, View } from './model';
import styles from './AuditPage.module.css';

interface Props {
  entry: Entry;
  isOpen: boolean;
  onTurn: () => void;
  onNarrow: (part: Partial<View>) => void;
}

export function AuditRow({ entry, isOpen, onTurn, onNarrow }: Props) {
  const id = useId();
  const found = useMemo(() => diff(entry.before, entry.after), [entry]);
  const kind = kindName(entry.kind);
  return (
    <li className={styles.row} data-testid={testIds.auditRow}>
      <span className={styles.at}>
        <At at={entry.at} seconds />
      </span>
      <span className={styles.who}>
        <button type="button" className={styles.narrow} title={`Show only changes by ${entry.actor}`} onClick={() => onNarrow({ actor: entry.actor })}>
          {entry.actor}
        </button>
        {entry.source ? <span className={styles.source}>{entry.source}</span> : null}
      </span>
      <span className={styles.what}>
        <strong>{kind}</strong>{' '}
        <button type="button" className={styles.narrow} title={`Show only changes of ${entry.entity}`} onClick={() => onNarrow({ entity: entry.entity })}>
          {entry.entity}
        </button>
        <span className={styles.summary}>{summary(found)}</span>
      </span>
      <button
        type="button"
        className="button"
        data-kind="quiet"
        data-size="s"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-label={`Details: ${kind} ${entry.entity}`}
        onClick={onTurn}
      >
        <Icon name={isOpen ? 'up' : 'down'} /> Details
      </button>
      {isOpen ? <Details id={id} entry={entry} found={found} /> : null}
    </li>
  );
}

function Details({ id, entry, found }: { id: string; entry: Entry; found: Diff }) {
  return (
    <div id={id} className={styles.details}>
      {found.changes.length > 0 ? (
        <table className={styles.diff}>
          <thead>
            <tr>
              <th scope="col">Value</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {found.changes.map(({ path, before, after }) => (
              <tr key={path}>
                <th scope="row">{pathName(path)}</th>
                <td>{before === null ? <span className="muted">none</span> : <del>{before}</del>}</td>
                <td>{after === null ? <span className="muted">none</span> : <ins>{after}</ins>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p>It was so already.</p>
      )}
      {found.same > 0 ? (
        <p className={styles.same}>
          {found.same} {found.same === 1 ? 'value' : 'values'} stayed as before.
        </p>
      ) : null}
      <details className={styles.raw}>
        <summary>As stored</summary>
        <pre tabIndex={0} role="region" aria-label="As stored">
          {`before  ${entry.before ?? 'nothing'}\nafter   ${entry.after}`}
        </pre>
      </details>
    </div>
  );
}
