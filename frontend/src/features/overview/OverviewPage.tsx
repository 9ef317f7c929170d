//! Is every feeder well, now and over the last hours, and if not, which and why?
import { useCallback, useMemo, useState } from 'react';
import { useSearchParams } from 'wouter';
import { EventsPanel } from '../../shared/events/EventsPanel';
import { isStale } from '../../shared/feeders/model';
import type { FeederFacts } from '../../shared/feeders/model';
import { useFeeders } from '../../shared/feeders/useFeeders';
import { count } from '../../shared/lib/format';
import { useNow, useTitle } from '../../shared/lib/hooks';
import { useThresholds } from '../../shared/lib/thresholds';
import { parseTime } from '../../shared/lib/time';
import { rangeOf } from '../../shared/ui/ranges';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { AlarmsPanel } from './AlarmsPanel';
import { FeederList } from './FeederList';
import { HealthPanel } from './HealthPanel';
import { ListControls } from './ListControls';
import { MixPanel } from './MixPanel';
import { detailedAtFirst, paramsFrom, viewFrom } from './tree';
import type { ListView } from './tree';
import { TrackingPanel } from './TrackingPanel';
import { VerdictBanner } from './VerdictBanner';
import styles from './OverviewPage.module.css';

/** Whose details are shown: a reader's choice, and before it what is shown at first. */
function useDetailed(feeders: readonly FeederFacts[]) {
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const key = [...detailedAtFirst(feeders)].join(' ');
  const detailed = useCallback((id: string) => chosen.get(id) ?? key.split(' ').includes(id), [chosen, key]);
  const toggle = useCallback(
    (id: string) => setChosen((before) => new Map(before).set(id, !(before.get(id) ?? key.split(' ').includes(id)))),
    [key],
  );
  return [detailed, toggle] as const;
}

export function OverviewPage() {
  useTitle('Overview');
  const [params, setParams] = useSearchParams();
  const view = useMemo(() => viewFrom(params), [params]);
  const range = rangeOf(params.get('range') ?? '1h');
  const { feeders, error, loading, refresh, tails } = useFeeders();
  const [detailed, toggle] = useDetailed(feeders);
  const now = useNow(5000);
  const thresholds = useThresholds();
  const silent = feeders.filter((feeder) => feeder.mode !== 'DISABLED' && isStale(parseTime(feeder.lastDecisionAt), now, thresholds));

  const setView = (next: ListView) => setParams((before) => paramsFrom(next, before), { replace: true });
  const setRange = (value: string) =>
    setParams(
      (before) => {
        before.set('range', value);
        return before;
      },
      { replace: true },
    );

  return (
    <>
      <h1 className="visually-hidden">Overview</h1>
      {error && feeders.length === 0 ? <Failed what="the feeders" error={error} again={refresh} /> : null}
      {error && feeders.length > 0 ? (
        <StaleStrip>The server does not answer. What you see is the last known state.</StaleStrip>
      ) : null}
      {loading ? <Loading what="the feeders" height={88} /> : null}
      {!loading && !(error && feeders.length === 0) ? <VerdictBanner feeders={feeders} silent={silent.length} /> : null}
      <AlarmsPanel />

      <section className={styles.section} aria-labelledby="feeders-title">
        <h2 id="feeders-title" className={styles.title}>
          Feeders {feeders.length > 0 ? <span className={styles.count}>{count(feeders.length)}</span> : null}
        </h2>
        {feeders.length > 0 ? <ListControls feeders={feeders} view={view} onView={setView} range={range} onRange={setRange} /> : null}
        {loading ? <Loading what="the list of feeders" height={440} /> : null}
        {feeders.length > 0 ? (
          <FeederList
            feeders={feeders}
            tails={tails}
            view={view}
            range={range}
            detailed={detailed}
            onToggleDetails={toggle}
            onClear={() => setView({ ...view, search: '', state: null })}
          />
        ) : null}
        {!loading && feeders.length === 0 && !error ? (
          <Empty title="No feeders">Start a device or the simulator; its feeder appears here by itself.</Empty>
        ) : null}
      </section>

      <div className={styles.lower}>
        <div className={styles.side}>
          <EventsPanel feeders={feeders} />
          <HealthPanel />
        </div>
        <div className={styles.side}>
          <MixPanel feeders={feeders} loading={loading} />
          <TrackingPanel />
        </div>
      </div>
    </>
  );
}
