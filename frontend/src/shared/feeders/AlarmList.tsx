//! Alarms that stand: how urgent, since when, about what, and where their runbook page is.
import { Link } from 'wouter';
import { plural, words } from '../lib/format';
import { deviceHref, feederHref, replayHref } from '../lib/hrefs';
import { Ago } from '../ui/Ago';
import { Badge } from '../ui/Badge';
import { groupAlarms, isCritical, runbookHref } from './alarmModel';
import type { Alarm, AlarmGroup } from './alarmModel';
import styles from './AlarmList.module.css';

export function AlarmList({ alarms }: { alarms: readonly Alarm[] }) {
  return (
    <ul className={styles.list}>
      {groupAlarms(alarms).map((group) => (
        <Group key={`${group.severity}/${group.code}`} group={group} />
      ))}
    </ul>
  );
}

function Group({ group: { alarms } }: { group: AlarmGroup }) {
  const [first, ...rest] = alarms;
  if (!first) return null;
  return (
    <li className={styles.group}>
      <Row alarm={first} />
      {rest.length > 0 ? (
        <details className={styles.rest}>
          <summary>{plural(rest.length, 'more like it', 'more like it')}</summary>
          <ul>
            {rest.map((alarm) => (
              <li key={`${alarm.feederId}/${alarm.deviceId}/${alarm.message}`}>
                <Row alarm={alarm} />
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </li>
  );
}

function Row({ alarm }: { alarm: Alarm }) {
  const critical = isCritical(alarm);
  return (
    <div className={styles.row}>
      <Badge tone={critical ? 'bad' : 'warn'} icon={critical ? 'over' : 'near'}>
        {words(alarm.severity)}
      </Badge>
      <p className={styles.what}>
        <Subject alarm={alarm} />
        {alarm.message}
      </p>
      <p className={styles.when}>
        <Ago at={alarm.at} /> · <Runbook code={alarm.code} runbook={alarm.runbook} /> ·{' '}
        <Link href={replayHref(alarm.feederId, alarm.at)} title="How it came about: the feeders at that moment">
          Replay
        </Link>
      </p>
    </div>
  );
}

function Subject({ alarm: { feederId, deviceId } }: { alarm: Alarm }) {
  return (
    <>
      {deviceId ? (
        <>
          <Link href={deviceHref(deviceId)}>{deviceId}</Link>
          {feederId ? ' on ' : ': '}
        </>
      ) : null}
      {feederId ? (
        <>
          <Link href={feederHref(feederId)}>{feederId}</Link>
          {': '}
        </>
      ) : null}
    </>
  );
}

function Runbook({ code, runbook }: { code: string; runbook: string }) {
  const href = runbookHref(runbook);
  if (href === null) return <span title={`What to do: ${runbook}`}>{code}</span>;
  return (
    <a href={href} title="What to do">
      {code}
    </a>
  );
}
