//! Does everything work, what needs an eye, and what waits for a decision?
import { useMemo } from 'react';
import { readFragment } from '../../shared/gql';
import { useAlarms } from '../../shared/feeders/useAlarms';
import { useTitle } from '../../shared/lib/hooks';
import { useLiveQuery } from '../../shared/lib/live';
import { Icon } from '../../shared/ui/Icon';
import { PageHead } from '../../shared/ui/PageHead';
import { StaleStrip } from '../../shared/ui/States';
import { AlarmsPanel } from './AlarmsPanel';
import { DeadLettersPanel } from './DeadLettersPanel';
import { PARTS, verdict } from './model';
import { NoticedPanel } from './NoticedPanel';
import { HealthPageQuery, PartFields } from './queries';
import { ServicesPanel } from './ServicesPanel';
import { SimulationPanel } from './SimulationPanel';
import { WaitingPanel } from './WaitingPanel';
import styles from './HealthPage.module.css';

const ASK_EVERY_MS = 5000;

export function HealthPage() {
  useTitle('Health');
  const health = useLiveQuery({ query: HealthPageQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const standing = useAlarms();
  const alarms = standing.data?.alarms ?? [];
  const parts = useMemo(() => {
    const found = health.data?.health;
    return found && PARTS.map((part) => ({ ...part, state: readFragment(PartFields, found[part.key]) }));
  }, [health.data]);
  const stale = (health.error && health.data) ?? (standing.error && standing.data);

  return (
    <>
      <PageHead title="Health" note={health.data ? `Version ${health.data.health.version}` : undefined} />
      {stale ? <StaleStrip>The server does not answer. What you see is the last known state.</StaleStrip> : null}
      {parts && standing.data && !stale ? <Verdict parts={parts} alarms={alarms} /> : null}
      <div className={styles.columns}>
        <div className={styles.column}>
          <AlarmsPanel alarms={alarms} known={standing.data !== undefined} error={standing.error} again={standing.refresh} />
          <DeadLettersPanel />
        </div>
        <div className={styles.column}>
          <ServicesPanel parts={parts} error={health.error} again={health.refresh} />
          <SimulationPanel />
          <WaitingPanel />
          <NoticedPanel />
        </div>
      </div>
    </>
  );
}

type Alarms = Parameters<typeof verdict>[1];
type Parts = readonly { key: (typeof PARTS)[number]['key']; state: { ok: boolean } }[];

const ICONS = { ok: 'inside', warn: 'near', bad: 'over' } as const;

function Verdict({ parts, alarms }: { parts: Parts; alarms: Alarms }) {
  const down = parts.filter(({ state }) => !state.ok).map(({ key }) => key);
  const { tone, text } = verdict(down, alarms);
  return (
    <section className={styles.verdict} data-tone={tone} aria-label="Verdict">
      <Icon name={ICONS[tone]} size={26} />
      <p role="status">{text}</p>
    </section>
  );
}
