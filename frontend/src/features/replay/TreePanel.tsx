//! The tree of feeders as it stood at the moment: load, limit, reserve, and what held each.
import { bindingWords, rungWords } from '../../shared/decisions/reasons';
import { LimitMeter } from '../../shared/feeders/LimitMeter';
import { kw, words } from '../../shared/lib/format';
import { duration, fullTime, toRfc3339 } from '../../shared/lib/time';
import { testIds } from '../../shared/testIds';
import { Badge } from '../../shared/ui/Badge';
import { Panel } from '../../shared/ui/Panel';
import { Failed, Loading } from '../../shared/ui/States';
import { movedWords, treeOf } from './model';
import type { Step, Today } from './model';
import type { Moment } from './useMoment';
import styles from './ReplayPage.module.css';

interface Props {
  at: number;
  moment: Moment;
  today: Today;
  chosen: string;
  onChoose: (id: string) => void;
}

export function TreePanel({ at, moment: { feeders, loading, error, refresh }, today, chosen, onChoose }: Props) {
  return (
    <Panel title="Feeders">
      {loading ? <Loading what="the feeders then" height={240} /> : null}
      {error ? <Failed what="the feeders then" error={error} again={refresh} /> : null}
      <ul className={styles.tree}>
        {treeOf(feeders).map(({ node, depth }) => (
          <li
            key={node.feederId}
            className={styles.feeder}
            data-testid={testIds.replayFeeder}
            data-feeder={node.feederId}
            style={{ '--depth': Math.min(depth, 4) } as React.CSSProperties}
          >
            <button type="button" className={styles.choose} aria-pressed={node.feederId === chosen} onClick={() => onChoose(node.feederId)}>
              {node.feederId}
            </button>
            <Then node={node} at={at} moved={movedWords(node, today)} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Where nothing was decided there is no tree to tell of. */
export function NoTree({ at, before }: { at: number; before: number | null }) {
  return (
    <Panel title="Feeders">
      <p className={styles.hole}>
        <Badge tone="warn" icon="stale">
          Nothing decided
        </Badge>{' '}
        {before === null ? 'No decision is on record before this moment.' : `The decision before is ${duration(at - before)} older.`}
      </p>
    </Panel>
  );
}

function Then({ node, at, moved }: { node: Step; at: number; moved: string | null }) {
  const { feederId, limitKw, loadKw, reservedKw, allocatedKw, uncontrolledKw, headroomKw, unmetKw } = node;
  return (
    <>
      <p className={styles.badges}>
        {node.stopped === null ? null : (
          <Badge tone="bad" icon="over" title={node.stopped}>
            Stopped
          </Badge>
        )}
        {node.degraded === null ? null : (
          <Badge tone="warn" icon="near" title={node.degraded}>
            Degraded
          </Badge>
        )}
        {loadKw > limitKw ? <Badge tone="bad" icon="over">{`Over by ${kw(loadKw - limitKw)}`}</Badge> : null}
        {unmetKw > 0 ? <Badge tone="bad" icon="over">{`${kw(unmetKw)} cannot be met`}</Badge> : null}
        {node.bindingConstraint === 'NONE' ? null : <Badge tone="accent" icon="down">{`Held by ${bindingWords(node.bindingConstraint)}`}</Badge>}
        {node.mode === 'AUTOMATIC' ? null : <Badge tone="accent">{words(node.mode)}</Badge>}
        {node.certified ? null : <Badge tone="warn" icon="near">Plan failed its check</Badge>}
        {moved === null ? null : <Badge title="Its place in the tree is another one today">{moved}</Badge>}
      </p>
      <div className={styles.meter}>
        <LimitMeter feeder={{ id: feederId, loadKw, reservedKw, effectiveLimitKw: limitKw, importLimitKw: limitKw, exportLimitKw: null }} />
      </div>
      <p className={styles.load}>
        <strong>{kw(loadKw, limitKw)}</strong> <span className={styles.quiet}>of {kw(limitKw)}</span>
      </p>
      <dl className={styles.figures}>
        <Fact term="Headroom" title="Limit less load" value={kw(headroomKw, limitKw)} />
        <Fact term="Allocated" title="The sum of the setpoints" value={kw(allocatedKw, limitKw)} />
        <Fact term="Not controlled" title="Load that nobody commands, as the decision counted it" value={kw(uncontrolledKw, limitKw)} />
        <Fact term="Reserved" title="Held back for devices that were silent or had not followed" value={kw(reservedKw, limitKw)} />
      </dl>
      <p className={styles.decided}>
        {rungWords(node.rung)} Decided{' '}
        <time dateTime={toRfc3339(node.at)} title={fullTime(node.at)}>
          {duration(at - node.at)} before
        </time>{' '}
        by {node.policy}.
      </p>
    </>
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
