//! The four figures of a device, large.
import type { ReactNode } from 'react';
import { percent, signedKw } from '../../shared/lib/format';
import { Figure } from '../../shared/ui/Figure';
import { SocBar } from '../../shared/ui/SocBar';
import { directionWords } from './model';
import type { Facts } from './model';
import styles from './DeviceFigures.module.css';

export function DeviceFigures({ device }: { device: Facts }) {
  const { powerKw, setpointKw, trackingErrorKw, soc, targetSoc } = device;
  const hasStore = soc !== null;
  return (
    <dl className={styles.figures}>
      <Item term="Actual power" note={directionWords(powerKw)}>
        <Figure kw={powerKw} size="xl" />
      </Item>
      <Item term="Setpoint" note={setpointKw === null ? 'not commanded' : 'last decided'}>
        <Figure kw={setpointKw} scaleOf={powerKw ?? undefined} size="xl" />
      </Item>
      <Item term="Tracking error" note="mean of actual less setpoint">
        <span className={styles.plain}>{signedKw(trackingErrorKw)}</span>
      </Item>
      {hasStore ? (
        <Item term="State of charge" note={targetSoc ? `target ${percent(targetSoc)}` : 'no target'}>
          <span className={styles.soc}>
            <SocBar soc={soc} target={targetSoc} />
          </span>
        </Item>
      ) : null}
    </dl>
  );
}

function Item({ term, note, children }: { term: string; note: string; children: ReactNode }) {
  return (
    <div className={styles.item}>
      <dt>{term}</dt>
      <dd>
        <span className={styles.value}>{children}</span>
        <span className={styles.note}>{note}</span>
      </dd>
    </div>
  );
}
