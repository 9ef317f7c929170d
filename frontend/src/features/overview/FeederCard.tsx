//! One feeder: its load against its limit, now and over the chosen range.
import { memo, useId } from 'react';
import type { FeederCardFragment, FeederMode } from '../../shared/gql/graphql';
import { useNow } from '../../shared/lib/hooks';
import { count, kw, words } from '../../shared/lib/format';
import { parseTime } from '../../shared/lib/time';
import { testIds } from '../../shared/testIds';
import { Ago } from '../../shared/ui/Ago';
import { Badge } from '../../shared/ui/Badge';
import type { Tone } from '../../shared/ui/Badge';
import { Figure } from '../../shared/ui/Figure';
import type { Range } from '../../shared/ui/ranges';
import { FeederHistory } from './FeederHistory';
import { LimitMeter } from './LimitMeter';
import { isStale, roomKw, standing } from './model';
import type { HistoryPoint, Standing } from './model';
import styles from './FeederCard.module.css';

interface Props {
  feeder: FeederCardFragment;
  range: Range;
  stored: readonly HistoryPoint[] | undefined;
  failed: boolean;
  tail: readonly HistoryPoint[] | undefined;
}

const WORDS: Record<Standing, string> = { inside: 'Inside', near: 'Near limit', over: 'Over limit' };
const TONES: Record<Standing, Tone> = { inside: 'ok', near: 'warn', over: 'bad' };
const MODE_NOTES: Partial<Record<FeederMode, string>> = {
  SHADOW: 'Decided but never commanded',
  MANUAL: 'Setpoints come from operators',
  DISABLED: 'Not controlled',
};

export const FeederCard = memo(function FeederCard({ feeder, range, stored, failed, tail }: Props) {
  const title = useId();
  return (
    <article className={styles.card} aria-labelledby={title} data-testid={testIds.feederCard}>
      <CardHead feeder={feeder} titleId={title} />
      <Load feeder={feeder} />
      <LimitMeter feeder={feeder} />
      <Facts feeder={feeder} />
      <FeederHistory id={feeder.id} range={range} stored={stored} tail={tail} failed={failed} />
    </article>
  );
});

function CardHead({ feeder, titleId }: { feeder: FeederCardFragment; titleId: string }) {
  const now = useNow();
  const stale = isStale(parseTime(feeder.lastDecisionAt), now);
  const state = standing(feeder);
  return (
    <header className={styles.head}>
      <h3 id={titleId}>{feeder.id}</h3>
      <Badge tone={TONES[state]} icon={state}>
        {WORDS[state]}
        {state === 'over' ? ` by ${kw(-roomKw(feeder))}` : ''}
      </Badge>
      {isLowered(feeder) ? (
        <Badge tone="accent" icon="bolt">
          Event
        </Badge>
      ) : null}
      {feeder.mode === 'AUTOMATIC' ? null : (
        <Badge tone="accent" title={MODE_NOTES[feeder.mode]}>
          {words(feeder.mode)}
        </Badge>
      )}
      {feeder.stopped ? <Badge tone="bad" icon="over">{`Control stopped: ${feeder.stopped}`}</Badge> : null}
      {feeder.degraded ? <Badge tone="warn" icon="near">{`Degraded: ${feeder.degraded}`}</Badge> : null}
      <span className={styles.age} data-stale={stale || undefined}>
        {stale ? <Badge tone="warn" icon="stale">Stale</Badge> : null} decided <Ago at={feeder.lastDecisionAt} />
      </span>
    </header>
  );
}

function Load({ feeder }: { feeder: FeederCardFragment }) {
  return (
    <p className={styles.load}>
      <span className="visually-hidden">Load </span>
      <Figure kw={feeder.loadKw} scaleOf={feeder.effectiveLimitKw} size="xl" />
      <span className={styles.of}>
        of {kw(feeder.effectiveLimitKw)} limit
        {isLowered(feeder) ? <span className={styles.own}> (own limit {kw(feeder.importLimitKw)})</span> : null}
      </span>
    </p>
  );
}

/** An event or a program holds the feeder below its own limit. */
function isLowered({ effectiveLimitKw, importLimitKw }: FeederCardFragment): boolean {
  return effectiveLimitKw < importLimitKw;
}

function Facts({ feeder }: { feeder: FeederCardFragment }) {
  const scale = feeder.effectiveLimitKw;
  const silent = feeder.deviceCount - feeder.freshCount;
  return (
    <dl className={styles.facts}>
      <div>
        <dt>Headroom</dt>
        <dd>{kw(feeder.headroomKw, scale)}</dd>
      </div>
      <div>
        <dt title="Held back for devices that are silent or have not followed yet">Reserved</dt>
        <dd>{kw(feeder.reservedKw, scale)}</dd>
      </div>
      <div>
        <dt>Controlled</dt>
        <dd>{kw(feeder.controlledKw, scale)}</dd>
      </div>
      <div>
        <dt>Uncontrolled</dt>
        <dd>{kw(feeder.uncontrolledKw, scale)}</dd>
      </div>
      <div>
        <dt>Devices heard</dt>
        <dd data-warn={silent > 0 || undefined}>
          {count(feeder.freshCount)} of {count(feeder.deviceCount)}
        </dd>
      </div>
    </dl>
  );
}
