//! Which columns of the table are shown.
import { useState } from 'react';
import { SORT_NAMES } from './columnNames';
import { COLUMN_KEYS } from './model';
import type { ColumnKey } from './model';
import styles from './Columns.module.css';

export function Columns({ hidden, onChange }: { hidden: readonly ColumnKey[]; onChange: (hidden: readonly ColumnKey[]) => void }) {
  const [open, setOpen] = useState(false);
  const turn = (key: ColumnKey) => onChange(COLUMN_KEYS.filter((each) => hidden.includes(each) !== (each === key)));
  return (
    <details className={styles.columns} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="button" data-size="s">Columns{hidden.length > 0 ? ` (${COLUMN_KEYS.length - hidden.length} of ${COLUMN_KEYS.length})` : ''}</summary>
      {open ? (
        <fieldset className={styles.choices}>
          <legend className="visually-hidden">Columns shown</legend>
          {COLUMN_KEYS.map((key) => (
            <label key={key} className="check">
              <input type="checkbox" checked={!hidden.includes(key)} onChange={() => turn(key)} /> {SORT_NAMES[key]}
            </label>
          ))}
        </fieldset>
      ) : null}
    </details>
  );
}
