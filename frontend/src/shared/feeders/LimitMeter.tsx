//! A bar from zero to the load, with what is reserved and a mark at the limit.
import { kw } from '../lib/format';
import { useThresholds } from '../lib/thresholds';
import { meterGeometry } from './meter';
import { standing } from './model';
import type { FeederFacts } from './model';
import styles from './LimitMeter.module.css';

type Metered = Pick<FeederFacts, 'id' | 'loadKw' | 'reservedKw' | 'effectiveLimitKw' | 'importLimitKw' | 'exportLimitKw'>;

export function LimitMeter({ feeder }: { feeder: Metered }) {
  const thresholds = useThresholds();
  const bar = meterGeometry(feeder);
  const at = (share: number) => `${(share * 100).toFixed(2)}%`;
  return (
    <div
      className={styles.meter}
      role="meter"
      aria-label={`Load of ${feeder.id}`}
      aria-valuemin={bar.low}
      aria-valuemax={bar.high}
      aria-valuenow={feeder.loadKw}
      aria-valuetext={`${kw(feeder.loadKw)} of ${kw(feeder.effectiveLimitKw)}`}
    >
      <div className={styles.track}>
        <div
          className={styles.load}
          data-standing={standing(feeder, thresholds)}
          style={{ left: at(bar.loadFrom), width: at(bar.loadTo - bar.loadFrom) }}
        />
        <div className={styles.reserved} style={{ left: at(bar.loadTo), width: at(bar.reservedTo - bar.loadTo) }} />
      </div>
      <div className={styles.limit} style={{ left: at(bar.limit) }} />
      {bar.zero > 0 ? <div className={styles.zero} style={{ left: at(bar.zero) }} /> : null}
    </div>
  );
}
