//! Is every feeder inside its limit, now and over the last hours?
import { useState } from 'react';
import { useNow, useTitle } from '../../shared/lib/hooks';
import { parseTime } from '../../shared/lib/time';
import { rangeOf, RANGES } from '../../shared/ui/ranges';
import { Segmented } from '../../shared/ui/Segmented';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { EventsPanel } from './EventsPanel';
import { FeederCard } from './FeederCard';
import { HealthPanel } from './HealthPanel';
import { MixPanel } from './MixPanel';
import { isStale } from './model';
import { TrackingPanel } from './TrackingPanel';
import { useFeeders } from './useFeeders';
import { useHistories } from './useHistories';
import { VerdictBanner } from './VerdictBanner';
import styles from './OverviewPage.module.css';

export function OverviewPage() {
  useTitle('Overview');
  const { feeders, error, loading, refresh, tails } = useFeeders();
  const [rangeValue, setRange] = useState<string>('1h');
  const range = rangeOf(rangeValue);
  const histories = useHistories(range);
  const now = useNow(5000);
  const silent = feeders.filter((feeder) => isStale(parseTime(feeder.lastDecisionAt), now));

  return (
    <>
      <h1 className="visually-hidden">Overview</h1>
      {error && feeders.length === 0 ? <Failed what="the feeders" error={error} again={refresh} /> : null}
      {error && feeders.length > 0 ? (
        <StaleStrip>The server does not answer. What you see is the last known state.</StaleStrip>
      ) : null}
      {loading ? <Loading what="the feeders" height={88} /> : null}
      {!loading && !(error && feeders.length === 0) ? <VerdictBanner feeders={feeders} silent={silent.length} /> : null}

      <section className={styles.section} aria-label="Feeders">
        <header className={styles.head}>
          <h2>Feeders</h2>
          <Segmented label="Time shown" options={RANGES} value={range.value} onChange={setRange} />
        </header>
        <div className={styles.cards}>
          {loading ? [0, 1].map((each) => <Loading key={each} what="a feeder" height={440} />) : null}
          {feeders.map((feeder) => (
            <FeederCard
              key={feeder.id}
              feeder={feeder}
              range={range}
              stored={histories.byFeeder.get(feeder.id)}
              failed={histories.error !== undefined}
              tail={tails.get(feeder.id)}
            />
          ))}
        </div>
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
