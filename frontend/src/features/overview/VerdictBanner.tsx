//! The answer to the page's question in one sentence.
import type { FeederFacts } from '../../shared/feeders/model';
import { plural } from '../../shared/lib/format';
import { useThresholds } from '../../shared/lib/thresholds';
import { Icon } from '../../shared/ui/Icon';
import type { IconName } from '../../shared/ui/Icon';
import { verdict } from './model';
import type { Verdict } from './model';
import styles from './VerdictBanner.module.css';

const ICONS: Record<Verdict['standing'], IconName> = { inside: 'inside', near: 'near', over: 'over', stopped: 'over', none: 'missing' };

export function VerdictBanner({ feeders, silent }: { feeders: readonly FeederFacts[]; silent: number }) {
  const { standing, title, detail } = verdict(feeders, useThresholds());
  return (
    <section className={styles.banner} data-standing={standing} aria-label="Verdict">
      <span className={styles.mark}>
        <Icon name={ICONS[standing]} size={26} />
      </span>
      <div className={styles.words}>
        <p className={styles.title} role="status">
          {title}
        </p>
        <p className={styles.detail}>{detail}</p>
      </div>
      {silent > 0 ? (
        <p className={styles.silent}>
          <Icon name="stale" /> {plural(silent, 'feeder')} without a recent decision
        </p>
      ) : null}
    </section>
  );
}
