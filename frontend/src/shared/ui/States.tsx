//! What a view shows when it has nothing to show yet, nothing at all, or an error; and a strip for old data.
import type { ReactNode } from 'react';
import type { CombinedError } from '@urql/core';
import { errorText } from '../lib/client';
import { Icon } from './Icon';
import styles from './States.module.css';

interface LoadingProps {
  what: string;
  /** Height that the content will roughly take, so that nothing jumps. */
  height?: number;
}

export function Loading({ what, height = 120 }: LoadingProps) {
  return (
    <div className={styles.loading} style={{ minHeight: height }} role="status">
      <span className="visually-hidden">Loading {what}</span>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <p className={styles.title}>{title}</p>
      {children ? <div className="muted">{children}</div> : null}
    </div>
  );
}

interface FailedProps {
  what: string;
  error: CombinedError;
  again: () => void;
}

export function Failed({ what, error, again }: FailedProps) {
  return (
    <div className={styles.failed} role="alert">
      <Icon name="near" size={20} />
      <div>
        <p className={styles.title}>Could not load {what}</p>
        <p className="muted">{errorText(error)}</p>
      </div>
      <button type="button" className="button" data-size="s" onClick={again}>
        Try again
      </button>
    </div>
  );
}

/** Above data that is still shown although it may be old. */
export function StaleStrip({ children }: { children: ReactNode }) {
  return (
    <div className={styles.stale} role="status">
      <Icon name="stale" />
      <span>{children}</span>
    </div>
  );
}
