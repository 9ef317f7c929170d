//! The local time and its zone: the zone of every time on the dashboard.
import { useNow } from '../shared/lib/hooks';
import { clock, toRfc3339, zoneName } from '../shared/lib/time';
import styles from './WallClock.module.css';

export function WallClock() {
  const now = useNow();
  return (
    <time className={styles.clock} dateTime={toRfc3339(now)} title="Local time: all times shown are in this zone">
      {clock(now, true)} <span>{zoneName(now)}</span>
    </time>
  );
}
