//! What a program does while it runs: what devices could have taken, what they can take now, and the difference.
import { kw } from '../../shared/lib/format';
import { Ago } from '../../shared/ui/Ago';
import type { Program } from './model';
import styles from './Impact.module.css';

interface Props {
  impact: NonNullable<Program['impact']>;
  target: number;
  isOn: boolean;
}

export function Impact({ impact, target, isOn }: Props) {
  const { availableBeforeKw, availableAfterKw, shedKw } = impact;
  const scale = Math.max(availableBeforeKw, availableAfterKw, shedKw, 0.1);
  const share = (value: number) => `${(Math.max(0, value) / scale) * 100}%`;
  return (
    <div className={styles.impact} role="group" aria-label={isOn ? 'Impact now' : 'Impact at last'}>
      <p className={styles.head}>
        {isOn ? 'Sheds now' : 'Has shed at last'} <strong>{kw(shedKw, scale)}</strong>
        {target > 0 ? ` of ${kw(target, scale)} wanted` : ''}
      </p>
      <div className={styles.bar} aria-hidden="true">
        <span className={styles.after} style={{ width: share(availableAfterKw) }} />
        <span className={styles.shed} style={{ width: share(shedKw) }} />
      </div>
      <p className={styles.foot}>
        For devices without it {kw(availableBeforeKw, scale)}, with it {kw(availableAfterKw, scale)} · <Ago at={impact.at} />
      </p>
    </div>
  );
}
