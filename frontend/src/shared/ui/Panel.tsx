//! A titled region of a page.
import { useId } from 'react';
import type { ReactNode } from 'react';
import styles from './Panel.module.css';

interface Props {
  title: string;
  /** Beside the title: a control or a note. */
  aside?: ReactNode;
  children: ReactNode;
}

export function Panel({ title, aside, children }: Props) {
  const id = useId();
  return (
    <section className={styles.panel} aria-labelledby={id}>
      <header className={styles.head}>
        <h2 id={id} className={styles.title}>
          {title}
        </h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
