//! The alarms that stand: what, where, since when, and what the runbook says to do.
import type { CombinedError } from '@urql/core';
import { Link } from 'wouter';
import { words } from '../../shared/lib/format';
import { testIds } from '../../shared/testIds';
import { Ago } from '../../shared/ui/Ago';
import { Badge } from '../../shared/ui/Badge';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { arrangeAlarms, isCritical, runbookLink } from './model';
import type { AlarmFacts } from './model';
import { runbookOf } from './runbook';
import styles from './HealthPage.module.css';

interface Props {
  alarms: readonly AlarmFacts[];
  known: boolean;
  error: CombinedError | undefined;
  again: () => void;
}

export function AlarmsPanel({ alarms, known, error, again }: Props) {
  return (
    <Panel title="Alarms that stand" aside={known && alarms.length > 0 ? <span className={styles.n}>{alarms.length}</span> : null}>
      {!known && error ? <Failed what="the alarms" error={error} again={again} /> : null}
      {!known && !error ? <Loading what="the alarms" /> : null}
      {known && alarms.length === 0 ? <Empty title="No alarm stands">What needs an eye appears here by itself.</Empty> : null}
      {alarms.length > 0 ? (
        <ul className={styles.list}>
          {arrangeAlarms(alarms).map((alarm) => (
            <Alarm key={`${alarm.code}/${alarm.feederId ?? ''}/${alarm.deviceId ?? ''}`} alarm={alarm} />
          ))}
        </ul>
      ) : null}
    </Panel>
  );
}

function Alarm({ alarm }: { alarm: AlarmFacts }) {
  const { code, severity, message, feederId, deviceId, at } = alarm;
  const critical = isCritical(alarm);
  return (
    <li className={styles.row} data-testid={testIds.alarmRow}>
      <div className={styles.line}>
        <Badge tone={critical ? 'bad' : 'warn'} icon={critical ? 'over' : 'near'}>
          {words(severity)}
        </Badge>
        {feederId ? <Link href={`/feeders/${encodeURIComponent(feederId)}`}>{feederId}</Link> : null}
        {deviceId ? <Link href={`/devices/${encodeURIComponent(deviceId)}`}>{deviceId}</Link> : null}
        <span className={styles.end}>
          <Ago at={at} />
        </span>
      </div>
      <p className={styles.detail}>
        <strong>{code}</strong> {message}
      </p>
      <Runbook alarm={alarm} />
    </li>
  );
}

function Runbook({ alarm: { code, runbook } }: { alarm: AlarmFacts }) {
  const link = runbookLink(runbook);
  const sections = runbookOf(runbook);
  if (sections.length === 0) {
    return (
      <p className={styles.quiet}>
        Runbook: {link ? <a href={link}>{code}</a> : runbook}
      </p>
    );
  }
  return (
    <details className={styles.more}>
      <summary>What to do about {code}</summary>
      <div className={styles.page}>
        {sections.map(({ title, lines }) => (
          <div key={title}>
            <h3>{title}</h3>
            {lines.map((line) => (
              <p key={line}>{line}</p>
            ))}
          </div>
        ))}
        {link ? <a href={link}>The whole page</a> : null}
      </div>
    </details>
  );
}
