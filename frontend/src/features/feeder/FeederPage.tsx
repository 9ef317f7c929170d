//! One feeder: how it stands, who gives way under its limit and why, and what an operator may change.
import { Link, useSearchParams } from 'wouter';
import { EventsPanel } from '../../shared/events/EventsPanel';
import { AlarmList } from '../../shared/feeders/AlarmList';
import { FeederFigures } from '../../shared/feeders/FeederFigures';
import { FeederLine } from '../../shared/feeders/FeederLine';
import { LimitMeter } from '../../shared/feeders/LimitMeter';
import { isLowered } from '../../shared/feeders/model';
import type { FeederFacts } from '../../shared/feeders/model';
import { StateBadge } from '../../shared/feeders/StateBadge';
import { useAlarms } from '../../shared/feeders/useAlarms';
import { useFeeders } from '../../shared/feeders/useFeeders';
import { kw, plural, words } from '../../shared/lib/format';
import { useTitle } from '../../shared/lib/hooks';
import { feederHref } from '../../shared/lib/hrefs';
import { Ago } from '../../shared/ui/Ago';
import { Badge } from '../../shared/ui/Badge';
import { Figure } from '../../shared/ui/Figure';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { rangeOf } from '../../shared/ui/ranges';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { CurtailedPanel } from './CurtailedPanel';
import { FeederChart } from './FeederChart';
import { ProgramsPanel } from './ProgramsPanel';
import { SettingsPanel } from './SettingsPanel';
import { StoppedStrip } from './StoppedStrip';
import styles from './FeederPage.module.css';

export function FeederPage({ id }: { id: string }) {
  useTitle(id);
  const { feeders, error, loading, refresh, accept, tails } = useFeeders();
  const [params, setParams] = useSearchParams();
  const range = rangeOf(params.get('range') ?? '1h');
  const feeder = feeders.find((each) => each.id === id);
  const setRange = (value: string) => setParams({ range: value }, { replace: true });

  return (
    <>
      <header className={styles.head}>
        <Way feeder={feeder} />
        <div className={styles.title}>
          <h1>{id}</h1>
          {feeder ? <Badges feeder={feeder} /> : null}
        </div>
      </header>
      {loading ? <Loading what="the feeder" height={420} /> : null}
      {error && !feeder ? <Failed what="the feeder" error={error} again={refresh} /> : null}
      {error && feeder ? <StaleStrip>The server does not answer. What you see is the last known state.</StaleStrip> : null}
      {!loading && !error && !feeder ? (
        <Empty title={`There is no feeder “${id}”`}>
          <Link href="/">See all feeders</Link>
        </Empty>
      ) : null}
      {feeder ? (
        <>
          {feeder.stopped === null ? null : <StoppedStrip feederId={id} reason={feeder.stopped} onChanged={accept} />}
          {feeder.degraded === null ? null : <StaleStrip>Degraded: {feeder.degraded}</StaleStrip>}
          <Now feeder={feeder} />
          <Alarms feederId={id} />
          <FeederChart id={id} range={range} onRange={setRange} tail={tails.get(id)} />
          <div className={styles.columns}>
            <div className={styles.side}>
              <CurtailedPanel feederId={id} />
              <EventsPanel feeders={[feeder]} feederId={id} />
              <ProgramsPanel feederId={id} feeders={feeders} />
            </div>
            <div className={styles.side}>
              <SettingsPanel feeder={feeder} feeders={feeders} onChanged={accept} />
            </div>
          </div>
          <Children feeders={feeders.filter(({ parentId }) => parentId === id)} />
        </>
      ) : null}
    </>
  );
}

function Way({ feeder }: { feeder: FeederFacts | undefined }) {
  const parent = feeder?.parentId ?? null;
  return (
    <nav className={styles.way} aria-label="Above this feeder">
      <Link href="/">
        <Icon name="back" /> Overview
      </Link>
      {parent === null ? null : (
        <>
          <span aria-hidden="true">/</span>
          <Link href={feederHref(parent)}>{parent}</Link>
        </>
      )}
    </nav>
  );
}

function Badges({ feeder }: { feeder: FeederFacts }) {
  return (
    <p className={styles.badges}>
      <StateBadge feeder={feeder} />
      {isLowered(feeder) ? (
        <Badge tone="accent" icon="bolt" title="An event, a program or a feeder above holds it below its own limit">
          Lowered
        </Badge>
      ) : null}
      {feeder.mode === 'AUTOMATIC' ? null : <Badge tone="accent">{words(feeder.mode)}</Badge>}
      <span className={styles.age}>
        decided <Ago at={feeder.lastDecisionAt} />
      </span>
    </p>
  );
}

function Now({ feeder }: { feeder: FeederFacts }) {
  const own = isLowered(feeder) ? ` (own limit ${kw(feeder.importLimitKw)})` : '';
  return (
    <Panel
      title="Now"
      aside={<Link href={`/devices?feeder=${encodeURIComponent(feeder.id)}`}>{plural(feeder.deviceCount, 'device')}</Link>}
    >
      <p className={styles.load}>
        <span className="visually-hidden">Load </span>
        <Figure kw={feeder.loadKw} scaleOf={feeder.effectiveLimitKw} size="xl" />
        <span className={styles.of}>
          of {kw(feeder.effectiveLimitKw)} limit{own}
        </span>
      </p>
      <LimitMeter feeder={feeder} />
      <FeederFigures feeder={feeder} />
    </Panel>
  );
}

function Alarms({ feederId }: { feederId: string }) {
  const { data } = useAlarms(feederId);
  if (!data || data.alarms.length === 0) return null;
  return (
    <Panel title="Alarms">
      <AlarmList alarms={data.alarms} />
    </Panel>
  );
}

function Children({ feeders }: { feeders: readonly FeederFacts[] }) {
  if (feeders.length === 0) return null;
  return (
    <section className={styles.children} aria-labelledby="children-title">
      <h2 id="children-title">Feeders below</h2>
      <ul>
        {feeders.map((feeder) => (
          <FeederLine key={feeder.id} feeder={feeder} />
        ))}
      </ul>
    </section>
  );
}
