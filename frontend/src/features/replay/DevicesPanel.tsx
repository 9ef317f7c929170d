//! Each device in the decision that held: its setpoint, why, and how old its sample was.
import { useState } from 'react';
import { Link } from 'wouter';
import { curtailment, gaveKw } from '../../shared/decisions/curtailed';
import type { DecisionRow } from '../../shared/decisions/curtailed';
import { reasonOf } from '../../shared/decisions/reasons';
import { saveCsv } from '../../shared/lib/csv';
import { count, kw, plural } from '../../shared/lib/format';
import { useBulkQuery } from '../../shared/lib/live';
import { clock, duration, fullTime, parseTime, toRfc3339 } from '../../shared/lib/time';
import { deviceHref } from '../../shared/lib/hrefs';
import { testIds } from '../../shared/testIds';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { ReplayWhyQuery } from './queries';
import type { Moment } from './useMoment';
import styles from './ReplayPage.module.css';

const SHOWN = 50;

export function DevicesPanel({ moment, feederId }: { moment: Moment; feederId: string }) {
  const { isGone, devices, total, error, loading, refresh } = moment;
  const rows = [...devices].sort((a, b) => gaveKw(b) - gaveKw(a) || a.deviceId.localeCompare(b.deviceId, 'en', { numeric: true }));
  const at = parseTime(moment.at) ?? 0;
  return (
    <Panel
      title={`Devices under ${feederId}`}
      aside={
        <button type="button" className="button" data-size="s" disabled={rows.length === 0} onClick={() => save(feederId, at, rows)}>
          <Icon name="save" /> CSV
        </button>
      }
    >
      {error ? <Failed what="the devices of this decision" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the devices of this decision" height={200} /> : null}
      {isGone ? <Empty title="This decision is no longer kept" /> : null}
      {moment.at !== null && !isGone && rows.length === 0 ? <Empty title="No device was in this decision" /> : null}
      {rows.length > 0 ? (
        <>
          <p className={styles.sum}>
            {summary(rows)}{' '}
            <time dateTime={toRfc3339(at)} title={fullTime(at)} className={styles.quiet}>
              Decided at {clock(at, true)}.
            </time>
          </p>
          <Table rows={rows} at={at} />
          {rows.length < total ? <p className={styles.quiet}>The first {count(rows.length)} of {count(total)} devices.</p> : null}
        </>
      ) : null}
    </Panel>
  );
}

function summary(rows: readonly DecisionRow[]): string {
  const given = curtailment(rows);
  if (given.groups.length === 0) return 'Nobody gave way.';
  const devices = given.groups.reduce((sum, group) => sum + group.devices.length, 0);
  return `${plural(devices, 'device gave', 'devices gave')} way by ${kw(given.gaveKw)} in all: ${given.groups.map(({ title, devices: those }) => `${title.toLowerCase()} ${count(those.length)}`).join(', ')}.`;
}

function Table({ rows, at }: { rows: readonly DecisionRow[]; at: number }) {
  const [shown, setShown] = useState(SHOWN);
  const [open, setOpen] = useState<string | null>(null);
  return (
    <>
      <div className={styles.scroll} role="region" aria-label="Devices in this decision" tabIndex={0}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Device</th>
              <th scope="col" data-end>
                Setpoint
              </th>
              <th scope="col" data-end>
                Wanted
              </th>
              <th scope="col">Reason</th>
              <th scope="col" data-end title="How old its last sample was when this was decided">
                Sample
              </th>
              <th scope="col">
                <span className="visually-hidden">Explanation</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row) => (
              <Row key={row.deviceId} row={row} at={at} isOpen={open === row.deviceId} onToggle={() => setOpen(open === row.deviceId ? null : row.deviceId)} />
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > shown ? (
        <button type="button" className="button" data-size="s" onClick={() => setShown(shown + SHOWN * 2)}>
          Show more
        </button>
      ) : null}
    </>
  );
}

function Row({ row, at, isOpen, onToggle }: { row: DecisionRow; at: number; isOpen: boolean; onToggle: () => void }) {
  const { deviceId, setpointKw, wantedKw, reason, sampleAgeMs } = row;
  const { title, meaning } = reasonOf(reason);
  return (
    <>
      <tr data-testid={testIds.replayDevice}>
        <th scope="row">
          <Link href={`${deviceHref(deviceId)}?at=${encodeURIComponent(toRfc3339(at))}`}>{deviceId}</Link>
        </th>
        <td data-end>
          <strong>{kw(setpointKw)}</strong>
        </td>
        <td data-end>{kw(wantedKw)}</td>
        <td title={meaning}>{title}</td>
        <td data-end>{sampleAgeMs === null ? 'none' : age(sampleAgeMs)}</td>
        <td data-end>
          <button type="button" className="button" data-kind="quiet" data-size="s" aria-expanded={isOpen} aria-label={`Why ${deviceId}?`} onClick={onToggle}>
            Why?
          </button>
        </td>
      </tr>
      {isOpen ? (
        <tr>
          <td colSpan={6} className={styles.why}>
            <Why deviceId={deviceId} at={at} />
          </td>
        </tr>
      ) : null}
    </>
  );
}

function age(ms: number): string {
  return ms < 1000 ? `${ms} ms` : duration(ms);
}

function Why({ deviceId, at }: { deviceId: string; at: number }) {
  const { data, error, loading, refresh } = useBulkQuery({
    query: ReplayWhyQuery,
    variables: () => ({ deviceId, at: toRfc3339(at) }),
    key: `${deviceId}/${at}`,
    everyMs: null,
  });
  if (error) return <Failed what="the explanation" error={error} again={refresh} />;
  if (loading) return <Loading what="the explanation" height={24} />;
  return <p role="status">{data?.explain?.sentence ?? 'No explanation is kept for this moment.'}</p>;
}

function save(feederId: string, at: number, rows: readonly DecisionRow[]): void {
  const cells = rows.map((row) => [toRfc3339(at), row.deviceId, row.setpointKw, row.wantedKw, gaveKw(row), row.reason, row.bindingConstraint, row.sampleAgeMs]);
  saveCsv(`${feederId}-replay-devices.csv`, ['decidedAt', 'device', 'setpointKw', 'wantedKw', 'gaveKw', 'reason', 'bindingConstraint', 'sampleAgeMs'], cells);
}
