//! A state of charge: a bar and its figure. Nothing for devices that store nothing.
import { percent } from '../lib/format';
import styles from './SocBar.module.css';

export function SocBar({ soc, target }: { soc: number | null | undefined; target?: number | null | undefined }) {
  if (soc === null || soc === undefined) return <span className="muted">–</span>;
  return (
    <span className={styles.soc}>
      <span className={styles.bar} aria-hidden="true" style={{ backgroundSize: `${(Math.min(1, Math.max(0, soc)) * 100).toFixed(1)}% 100%` }}>
        {target === null || target === undefined ? null : (
          <span className={styles.target} style={{ left: `${target * 100}%` }} />
        )}
      </span>
      <span className={styles.figure}>{percent(soc)}</span>
    </span>
  );
}
