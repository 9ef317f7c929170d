//! The tree of feeders as it stood at the moment: load, limit, reserve, and what held each.
import { bindingWords, rungWords } from '../../shared/decisions/reasons';
import { LimitMeter } from '../../shared/feeders/LimitMeter';
import { kw } from '../../shared/lib/format';
import { duration, fullTime, toRfc3339 } from '../../shared/lib/time';
import { testIds } from '../../shared/testIds';
import { Badge } from '../../shared/ui/Badge';
import { Panel } from '../../shared/ui/Panel';
import { covers, holeAt, loadAt, stepAt } from './model';
import type { Step, Trail } from './model';
import styles from './ReplayPage.module.css';

interface Props {
  at: number;
  rootId: string;
  feeders: readonly { id: string; depth: number }[];
  trails: ReadonlyMap<string, Trail>;
  chosen: string;
  onChoose: (id: string) => void;
}

export function TreePanel({ at, rootId, feeders, trails, chosen, onChoose }: Props) {
  return (
    <Panel title="Feeders">
      <ul className={styles.tree}>
        {feeders.map(({ id, depth }) => {
          const trail = trails.get(id);
          return (
            <li
              key={id}
              className={styles.feeder}
              data-testid={testIds.replayFeeder}
              data-feeder={id}
              style={{ '--depth': Math.min(depth, 4) } as React.CSSProperties}
            >
              <button type="button" className={styles.choose} aria-pressed={id === chosen} onClick={() => onChoose(id)}>
                {id}
              </button>
              {trail && covers(trail, at) ? <Then id={id} at={at} rootId={rootId} trail={trail} /> : <p className={styles.quiet}>Loading…</p>}
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}

function Then({ id, at, rootId, trail }: { id: string; at: number; rootId: string; trail: Trail }) {
  const step = stepAt(trail.steps, at);
  const loadKw = loadAt(trail.loads, at);
  const hole = holeAt(trail.steps, at);
  if (!step || hole) return <Hole at={at} step={step} />;
  const { limitKw, reservedKw, allocatedKw, uncontrolledKw, headroomKw, unmetKw } = step;
  const over = loadKw !== null && loadKw > limitKw;
  return (
    <>
      <p className={styles.badges}>
        {over ? <Badge tone="bad" icon="over">{`Over by ${kw(loadKw - limitKw)}`}</Badge> : null}
        {unmetKw > 0 ? <Badge tone="bad" icon="over">{`${kw(unmetKw)} cannot be met`}</Badge> : null}
        {step.bindingConstraint === 'NONE' ? null : <Badge tone="accent" icon="down">{`Held by ${bindingWords(step.bindingConstraint)}`}</Badge>}
        {step.shadow ? <Badge>Shadow</Badge> : null}
        {step.certified ? null : <Badge tone="warn" icon="near">Plan failed its check</Badge>}
        {step.rootId === rootId ? null : <Badge>{`Stood under ${step.rootId}`}</Badge>}
      </p>
      <div className={styles.meter}>
        {loadKw === null ? null : <LimitMeter feeder={{ id, loadKw, reservedKw, effectiveLimitKw: limitKw, importLimitKw: limitKw, exportLimitKw: null }} />}
      </div>
      <p className={styles.load}>
        <strong>{kw(loadKw, limitKw)}</strong> <span className={styles.quiet}>of {kw(limitKw)}</span>
      </p>
      <dl className={styles.figures}>
        <Fact term="To share" title="What was left for controlled devices" value={kw(headroomKw, limitKw)} />
        <Fact term="Allocated" title="The sum of the setpoints" value={kw(allocatedKw, limitKw)} />
        <Fact term="Not controlled" title="Load that nobody commands, as the decision counted it" value={kw(uncontrolledKw, limitKw)} />
        <Fact term="Reserved" title="Held back for devices that were silent or had not followed" value={kw(reservedKw, limitKw)} />
      </dl>
      <p className={styles.decided}>
        {rungWords(step.rung)} Decided{' '}
        <time dateTime={toRfc3339(step.at)} title={fullTime(step.at)}>
          {duration(at - step.at)} before
        </time>{' '}
        by {step.policy}.
      </p>
    </>
  );
}

function Hole({ at, step }: { at: number; step: Step | null }) {
  return (
    <p className={styles.hole}>
      <Badge tone="warn" icon="stale">
        Nothing decided
      </Badge>{' '}
      {step ? `The decision before is ${duration(at - step.at)} older.` : 'No decision is on record before this moment.'}
    </p>
  );
}

function Fact({ term, title, value }: { term: string; title: string; value: string }) {
  return (
    <div>
      <dt title={title}>{term}</dt>
      <dd>{value}</dd>
    </div>
  );
}
