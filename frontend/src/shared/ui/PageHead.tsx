//! The head of a page: its name, a word about it, and what can be done there.
import type { ReactNode } from 'react';
import styles from './PageHead.module.css';

export function PageHead({ title, note, children }: { title: string; note?: ReactNode; children?: ReactNode }) {
  return (
    <header className={styles.head}>
      <h1>{title}</h1>
      {note ? <div className={styles.note}>{note}</div> : null}
      {children ? <div className={styles.tools}>{children}</div> : null}
    </header>
  );
}
