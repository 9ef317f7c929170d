//! Who gives way under the newest decision, and why.
import { Link } from 'wouter';
import { gaveKw } from '../../shared/decisions/curtailed';
import type { Curtailment, DecisionRow, ReasonGroup } from '../../shared/decisions/curtailed';
import { bindingWords, rungWords } from '../../shared/decisions/reasons';
import { saveCsv } from '../../shared/lib/csv';
import { count, kw, plural } from '../../shared/lib/format';
import { deviceHref } from '../../shared/lib/hrefs';
import { Ago } from '../../shared/ui/Ago';
import { Badge } from '../../shared/ui/Badge';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { useNewestDecision } from './useNewestDecision';
import styles from './CurtailedPanel.module.css';

/** So many stand in the open; the others behind a word. */
const SHOWN = 5;

export function CurtailedPanel({ feederId }: { feederId: string }) {
  const { decision, devices, given, total, error, loading, refresh } = useNewestDecision(feederId);
  return (
    <Panel
      title="Who is curtailed, and why"
      aside={
        <button type="button" className="button" data-size="s" disabled={devices.length === 0} onClick={() => save(feederId, devices)}>
          <Icon name="save" /> CSV
        </button>
      }
    >
      {error && !decision ? <Failed what="the newest decision" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the newest decision" height={160} /> : null}
      {!loading && !error && !decision ? <Empty title="Nothing was decided yet">A decision follows the first samples of its devices.</Empty> : null}
      {decision ? (
        <>
          <p className={styles.lead}>
            {summary(given)} {rungWords(decision.rung)}{' '}
            <span className="muted">
              Held by {bindingWords(decision.bindingConstraint)}; decided <Ago at={decision.at} /> by {decision.policy}.
            </span>
          </p>
          <p className={styles.badges}>
            {decision.unmetKw > 0 ? <Badge tone="bad" icon="over">{`${kw(decision.unmetKw)} cannot be met`}</Badge> : null}
            {decision.shadow ? <Badge tone="accent">Shadow: decided, never sent</Badge> : null}
            {decision.certified ? null : <Badge tone="warn" icon="near">The plan failed its check: held to what is safe</Badge>}
            {devices.length < total ? <Badge>{`${count(devices.length)} of ${count(total)} devices looked at`}</Badge> : null}
          </p>
          {given.groups.length > 0 ? (
            <ul className={styles.groups}>
              {given.groups.map((group) => (
                <Group key={group.code} group={group} most={given.groups[0]?.gaveKw ?? 0} />
              ))}
            </ul>
          ) : null}
          {given.others.length > 0 ? (
            <p className={styles.others}>
              Not curtailed:{' '}
              {given.others.map(({ title, count: number }) => `${title.toLowerCase()} ${count(number)}`).join(', ')}.
            </p>
          ) : null}
        </>
      ) : null}
    </Panel>
  );
}

function summary({ gaveKw: total, groups }: Curtailment): string {
  if (groups.length === 0) return 'Nobody gives way.';
  const devices = groups.reduce((sum, group) => sum + group.devices.length, 0);
  return `${plural(devices, 'device gives', 'devices give')} way by ${kw(total)} in all.`;
}

function Group({ group, most }: { group: ReasonGroup; most: number }) {
  const { title, meaning, devices } = group;
  return (
    <li className={styles.group}>
      <div className={styles.head}>
        <h3 title={meaning}>{title}</h3>
        <span className={styles.bar} aria-hidden="true">
          <span style={{ width: most > 0 ? `${(group.gaveKw / most) * 100}%` : 0 }} />
        </span>
        <span className={styles.sum}>
          {plural(devices.length, 'device')}, <strong>{kw(group.gaveKw)}</strong>
        </span>
      </div>
      {meaning ? <p className={styles.meaning}>{meaning}</p> : null}
      <Givers devices={devices.slice(0, SHOWN)} />
      {devices.length > SHOWN ? (
        <details className={styles.more}>
          <summary>{count(devices.length - SHOWN)} more</summary>
          <Givers devices={devices.slice(SHOWN)} />
        </details>
      ) : null}
    </li>
  );
}

function Givers({ devices }: { devices: ReasonGroup['devices'] }) {
  return (
    <ul className={styles.devices}>
      {devices.map(({ deviceId, wantedKw, setpointKw }) => (
        <li key={deviceId}>
          <Link href={deviceHref(deviceId)}>{deviceId}</Link>{' '}
          <span className="muted">
            {kw(setpointKw)} of {kw(wantedKw)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function save(feederId: string, devices: readonly DecisionRow[]): void {
  const rows = devices.map((row) => [row.deviceId, row.wantedKw, row.setpointKw, gaveKw(row), row.weight, row.reason, row.bindingConstraint, row.sampleAgeMs]);
  saveCsv(`${feederId}-decision.csv`, ['device', 'wantedKw', 'setpointKw', 'gaveKw', 'weight', 'reason', 'bindingConstraint', 'sampleAgeMs'], rows);
}
