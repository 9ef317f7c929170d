//! What an operator may do to the devices that are selected: said beforehand, asked once more, told device by device.
import { useId, useState } from 'react';
import { count, plural } from '../../shared/lib/format';
import { plan, preview, PRIORITIES } from './bulk';
import type { BulkAction } from './bulk';
import type { Row } from './model';
import type { Failure } from './useBulk';
import { useBulk } from './useBulk';
import styles from './BulkBar.module.css';

interface Props {
  rows: readonly Row[];
  feeders: readonly string[];
  accept: (row: Row) => void;
  onClear: () => void;
}

export function BulkBar({ rows, feeders, accept, onClear }: Props) {
  const [asked, setAsked] = useState<BulkAction | null>(null);
  const { progress, failures, run, stop, forget } = useBulk(accept);
  if (rows.length === 0 && failures.length === 0 && progress === null) return null;

  const confirm = async (action: BulkAction) => {
    setAsked(null);
    await run(action, rows);
  };

  return (
    <section className={styles.bar} aria-label="Selected devices">
      <p className={styles.count} role="status">
        {plural(rows.length, 'device')} selected
      </p>
      {progress ? (
        <div className={styles.tools}>
          <span>
            {count(progress.done)} of {count(progress.all)} done…
          </span>
          <button type="button" className="button" data-size="s" onClick={stop}>
            Stop
          </button>
        </div>
      ) : null}
      {!progress && asked ? <Confirm action={asked} rows={rows} onYes={() => void confirm(asked)} onNo={() => setAsked(null)} /> : null}
      {!progress && !asked && rows.length > 0 ? <Actions feeders={feeders} onAsk={setAsked} onClear={onClear} /> : null}
      {failures.length > 0 ? <Failures failures={failures} onClose={forget} /> : null}
    </section>
  );
}

function Actions({ feeders, onAsk, onClear }: { feeders: readonly string[]; onAsk: (action: BulkAction) => void; onClear: () => void }) {
  const ids = { priority: useId(), feeder: useId() };
  return (
    <div className={styles.tools}>
      <button type="button" className="button" data-size="s" onClick={() => onAsk({ kind: 'optOut' })}>
        Opt out…
      </button>
      <button type="button" className="button" data-size="s" onClick={() => onAsk({ kind: 'optIn' })}>
        Opt in…
      </button>
      <label htmlFor={ids.priority} className="visually-hidden">
        Set the priority
      </label>
      <select id={ids.priority} className={`input ${styles.select ?? ''}`} value="" onChange={(event) => onAsk({ kind: 'priority', value: Number(event.target.value) })}>
        <option value="" disabled>
          Priority…
        </option>
        {PRIORITIES.map((priority) => (
          <option key={priority}>{priority}</option>
        ))}
      </select>
      <label htmlFor={ids.feeder} className="visually-hidden">
        Move to a feeder
      </label>
      <select id={ids.feeder} className={`input ${styles.select ?? ''}`} value="" onChange={(event) => onAsk({ kind: 'feeder', id: event.target.value })}>
        <option value="" disabled>
          Move to…
        </option>
        {feeders.map((feeder) => (
          <option key={feeder}>{feeder}</option>
        ))}
      </select>
      <button type="button" className="button" data-kind="quiet" data-size="s" onClick={onClear}>
        Clear selection
      </button>
    </div>
  );
}

interface ConfirmProps {
  action: BulkAction;
  rows: readonly Row[];
  onYes: () => void;
  onNo: () => void;
}

function Confirm({ action, rows, onYes, onNo }: ConfirmProps) {
  const steps = plan(action, rows).length;
  return (
    <div className={styles.tools} role="group" aria-label="Confirm the change">
      <p className={styles.preview}>{preview(action, steps, rows.length)}</p>
      <button type="button" className="button" data-kind="danger" data-size="s" disabled={steps === 0} autoFocus onClick={onYes}>
        Yes, do this
      </button>
      <button type="button" className="button" data-size="s" onClick={onNo}>
        Back
      </button>
    </div>
  );
}

function Failures({ failures, onClose }: { failures: readonly Failure[]; onClose: () => void }) {
  return (
    <details className={styles.failures} open>
      <summary>{plural(failures.length, 'device was', 'devices were')} refused</summary>
      <ul>
        {failures.map(({ deviceId, why }) => (
          <li key={deviceId}>
            <strong>{deviceId}</strong> {why}
          </li>
        ))}
      </ul>
      <button type="button" className="button" data-size="s" onClick={onClose}>
        Close
      </button>
    </details>
  );
}
