//! The alarms that stand: what, where, since when, and what the runbook says to do.
import type { CombinedError } from '@urql/core';
import { Link } from 'wouter';
import { groupAlarms, isCritical, runbookHref } from '../../shared/feeders/alarmModel';
import type { Alarm, AlarmGroup } from '../../shared/feeders/alarmModel';
import { count, words } from '../../shared/lib/format';
import { deviceHref, feederHref, replayHref } from '../../shared/lib/hrefs';
import { testIds } from '../../shared/testIds';
import { Badge } from '../../shared/ui/Badge';
import { For } from '../../shared/ui/For';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { runbookOf } from './runbook';
import styles from './HealthPage.module.css';

/** Of alarms that say the same; the first are those that have stood longest. */
const SHOWN_MAX = 10;

interface Props {
  alarms: readonly Alarm[];
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
          {groupAlarms(alarms).map((group) => (
            <Group key={`${group.severity}/${group.code}`} group={group} />
          ))}
        </ul>
      ) : null}
    </Panel>
  );
}

function Group({ group: { code, severity, alarms } }: { group: AlarmGroup }) {
  const [first] = alarms;
  if (!first) return null;
  const critical = isCritical(first);
  return (
    <li className={styles.row} data-testid={testIds.alarmRow}>
      <div className={styles.line}>
        <Badge tone={critical ? 'bad' : 'warn'} icon={critical ? 'over' : 'near'}>
          {words(severity)}
        </Badge>
        <strong>{code}</strong>
        {alarms.length > 1 ? <span className={styles.n}>{alarms.length} times</span> : null}
      </div>
      <ul className={styles.subjects}>
        {alarms.slice(0, SHOWN_MAX).map((alarm) => (
          <li key={`${alarm.feederId ?? ''}/${alarm.deviceId ?? ''}/${alarm.message}`} className={styles.subject}>
            <span>
              <Subject alarm={alarm} /> {alarm.message}
            </span>
            <span className={styles.end}>
              <Link href={replayHref(alarm.feederId, alarm.at)}>Replay</Link> <For since={alarm.at} />
            </span>
          </li>
        ))}
        {alarms.length > SHOWN_MAX ? <li className={styles.quiet}>and {count(alarms.length - SHOWN_MAX)} more</li> : null}
      </ul>
      <Runbook alarm={first} />
    </li>
  );
}

function Subject({ alarm: { feederId, deviceId } }: { alarm: Alarm }) {
  return (
    <>
      {feederId ? <Link href={feederHref(feederId)}>{feederId}</Link> : null}
      {feederId && deviceId ? ', ' : null}
      {deviceId ? <Link href={deviceHref(deviceId)}>{deviceId}</Link> : null}
      {feederId || deviceId ? ':' : null}
    </>
  );
}

function Runbook({ alarm: { code, runbook } }: { alarm: Alarm }) {
  const link = runbookHref(runbook);
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
