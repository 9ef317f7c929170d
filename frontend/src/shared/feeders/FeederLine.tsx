//! One feeder as a line of a list: who, how it stands, its bar, its figures; and what a page adds below.
import { memo } from 'react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { count, kw, words } from '../lib/format';
import { feederHref } from '../lib/hrefs';
import { testIds } from '../testIds';
import { Ago } from '../ui/Ago';
import { Badge } from '../ui/Badge';
import { Icon } from '../ui/Icon';
import { LimitMeter } from './LimitMeter';
import { isLowered } from './model';
import type { FeederFacts } from './model';
import { StateBadge } from './StateBadge';
import styles from './FeederLine.module.css';

interface Props {
  feeder: FeederFacts;
  depth?: number;
  /** How many feeders stand directly below; with some, their lines can be hidden. */
  below?: number;
  isOpen?: boolean;
  onToggleBelow?: ((id: string) => void) | undefined;
  detailed?: boolean;
  onToggleDetails?: ((id: string) => void) | undefined;
  details?: ReactNode;
}

const MODE_NOTES = {
  AUTOMATIC: '',
  SHADOW: 'Decided but never commanded',
  MANUAL: 'Setpoints come from operators',
  DISABLED: 'Not controlled',
} as const;

/** Deeper levels are drawn no further in: a phone has no room for them. */
const DEEPEST = 4;

export const FeederLine = memo(function FeederLine(props: Props) {
  const { feeder, depth = 0, below = 0, isOpen = true, onToggleBelow, detailed = false, onToggleDetails, details } = props;
  const { id, parentId } = feeder;
  return (
    <li className={styles.item} data-testid={testIds.feederLine} data-feeder={id}>
      <div className={styles.line} style={{ '--depth': Math.min(depth, DEEPEST) } as React.CSSProperties}>
        <div className={styles.name}>
          {below > 0 && onToggleBelow ? (
            <button type="button" className={styles.turn} aria-expanded={isOpen} aria-label={`Feeders below ${id}`} onClick={() => onToggleBelow(id)}>
              <Icon name="open" size={14} />
            </button>
          ) : (
            <span className={styles.leaf} />
          )}
          <Link href={feederHref(id)}>{id}</Link>
          {depth > 0 ? <span className="visually-hidden">, below {parentId}</span> : null}
          {below > 0 ? <span className={styles.below}>{count(below)} below</span> : null}
        </div>
        <div className={styles.badges}>
          <StateBadge feeder={feeder} />
          {isLowered(feeder) ? (
            <Badge tone="accent" icon="bolt" title={`Held below its own limit of ${kw(feeder.importLimitKw)} by an event, a program or a feeder above`}>
              Lowered
            </Badge>
          ) : null}
          {feeder.mode === 'AUTOMATIC' || feeder.mode === 'DISABLED' ? null : (
            <Badge tone="accent" title={MODE_NOTES[feeder.mode]}>
              {words(feeder.mode)}
            </Badge>
          )}
        </div>
        <div className={styles.meter}>
          <LimitMeter feeder={feeder} />
        </div>
        <p className={styles.load}>
          <strong>{kw(feeder.loadKw, feeder.effectiveLimitKw)}</strong> <span className={styles.of}>of {kw(feeder.effectiveLimitKw)}</span>
        </p>
        <p className={styles.room} title="Headroom: limit less load">
          {kw(feeder.headroomKw, feeder.effectiveLimitKw)} left
        </p>
        <p className={styles.age}>
          <span className="visually-hidden">decided </span>
          <Ago at={feeder.lastDecisionAt} />
        </p>
        {onToggleDetails ? (
          <button type="button" className={styles.more} aria-expanded={detailed} aria-label={`Figures and history of ${id}`} onClick={() => onToggleDetails(id)}>
            <Icon name="overview" size={16} />
          </button>
        ) : null}
      </div>
      {detailed && details ? <div className={styles.details}>{details}</div> : null}
    </li>
  );
});
