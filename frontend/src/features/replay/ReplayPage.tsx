//! Incident replay: any second of the past, with the tree, the reasons and the age of each sample as they were then.
import { useCallback, useMemo, useState } from 'react';
import { useSearchParams } from 'wouter';
import { useNow, useTitle } from '../../shared/lib/hooks';
import { useLiveQuery } from '../../shared/lib/live';
import { useThresholds } from '../../shared/lib/thresholds';
import { clock, day, duration, fullTime, toRfc3339, zoneName } from '../../shared/lib/time';
import { Icon } from '../../shared/ui/Icon';
import { PageHead } from '../../shared/ui/PageHead';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { Controls } from './Controls';
import { DevicesPanel } from './DevicesPanel';
import { covers, holeAt, momentFrom, stepAt, windowFrom } from './model';
import type { Step, Today, Trail } from './model';
import { ReplayChart } from './ReplayChart';
import { ReplayFeedersQuery } from './queries';
import { NoTree, TreePanel } from './TreePanel';
import { useMoment } from './useMoment';
import { usePlay } from './usePlay';
import { useTrail } from './useTrail';
import styles from './ReplayPage.module.css';

/** An address without a moment shows what has just been. */
const JUST_MS = 60_000;

export function ReplayPage() {
  useTitle('Incident replay');
  const [params, setParams] = useSearchParams();
  const now = useNow(5000);
  const [opened] = useState(now);
  const { data, error, loading, refresh } = useLiveQuery({ query: ReplayFeedersQuery, variables: {} });
  const feeders = data?.feeders ?? [];
  const at = momentFrom(params, now) ?? opened - JUST_MS;
  const feederId = params.get('feeder') ?? feeders.find(({ parentId }) => parentId === null)?.id ?? feeders[0]?.id ?? null;
  const set = useCallback(
    (name: 'at' | 'feeder', value: string) =>
      setParams(
        (before) => {
          const next = new URLSearchParams(before);
          next.set(name, value);
          return next;
        },
        { replace: true },
      ),
    [setParams],
  );
  const onAt = useCallback((ms: number) => set('at', toRfc3339(Math.min(ms, Date.now()))), [set]);

  return (
    <>
      <PageHead
        title="Incident replay"
        note={
          <time dateTime={toRfc3339(at)} title={fullTime(at)}>
            {day(at)}, {clock(at, true)} {zoneName(at)}
          </time>
        }
      />
      {error && !data ? <Failed what="the feeders" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the feeders" height={320} /> : null}
      {data && feederId === null ? <Empty title="No feeders">There is nothing to replay yet.</Empty> : null}
      {data && feederId !== null ? <Replay at={at} feeders={data.feeders} feederId={feederId} onAt={onAt} onFeeder={(id) => set('feeder', id)} /> : null}
    </>
  );
}

interface ReplayProps {
  at: number;
  feeders: readonly { id: string; parentId: string | null }[];
  feederId: string;
  onAt: (at: number) => void;
  onFeeder: (id: string) => void;
}

function Replay({ at, feeders, feederId, onAt, onFeeder }: ReplayProps) {
  const from = windowFrom(at);
  const today: Today = useMemo(() => new Map(feeders.map(({ id, parentId }) => [id, parentId])), [feeders]);
  const { trail: held, error, refresh } = useTrail(feederId, from);
  const trail = held && covers(held, at) ? held : undefined;
  const player = usePlay(at, trail, onAt);
  const chosen = { at, today, feederId, onAt, onFeeder };
  return (
    <>
      <Controls at={at} from={from} trail={trail} feeders={[...today.keys()]} feederId={feederId} onAt={onAt} onFeeder={onFeeder} player={player} />
      {error && trail ? <StaleStrip>The server does not answer. What you see was loaded before.</StaleStrip> : null}
      {error && !trail ? <Failed what="the past" error={error} again={refresh} /> : null}
      {!error && !trail ? <Loading what="the past" height={240} /> : null}
      {trail ? (
        <>
          <ReplayChart feederId={feederId} trail={trail} at={at} onAt={onAt} />
          <div className={styles.columns}>
            <Then trail={trail} {...chosen} />
          </div>
        </>
      ) : null}
    </>
  );
}

interface ThenProps {
  at: number;
  today: Today;
  feederId: string;
  onAt: (at: number) => void;
  onFeeder: (id: string) => void;
}

function Then({ trail, ...chosen }: ThenProps & { trail: Trail }) {
  const { silentAfterMs } = useThresholds();
  const { at, feederId, onAt } = chosen;
  const hole = holeAt(trail.steps, at, silentAfterMs);
  const step = stepAt(trail.steps, at);
  if (step && !hole) return <Decided step={step} {...chosen} />;
  const span = hole?.from != null && hole.to !== null ? ` for ${duration(hole.to - hole.from)}` : '';
  return (
    <>
      <NoTree at={at} before={step?.at ?? null} />
      <Panel title={`Devices under ${feederId}`}>
        <Empty title={`Nothing was decided here${span}`}>
          Setpoints ran out after a while, and devices went to their fallbacks.{' '}
          <span className={styles.jumps}>
            {hole?.from != null ? <Jump icon="previous" text="Last decision before" to={hole.from} onAt={onAt} /> : null}
            {hole?.to != null ? <Jump icon="next" text="Next decision" to={hole.to} onAt={onAt} /> : null}
          </span>
        </Empty>
      </Panel>
    </>
  );
}

function Decided({ step, at, today, feederId, onFeeder }: ThenProps & { step: Step }) {
  const moment = useMoment(step);
  return (
    <>
      <TreePanel at={at} moment={moment} today={today} chosen={feederId} onChoose={onFeeder} />
      <DevicesPanel moment={moment} feederId={feederId} />
    </>
  );
}

function Jump({ icon, text, to, onAt }: { icon: 'previous' | 'next'; text: string; to: number; onAt: (at: number) => void }) {
  return (
    <button type="button" className="button" data-size="s" onClick={() => onAt(to)}>
      <Icon name={icon} /> {text}
    </button>
  );
}
