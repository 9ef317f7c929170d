//! Who gave how much of what they wanted: the index, the tenth that got least, and every device.
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import { FairnessQuery } from '../../shared/events/queries';
import { saveCsv } from '../../shared/lib/csv';
import { count, kwh, percent, plural } from '../../shared/lib/format';
import { useBulkQuery } from '../../shared/lib/live';
import { deviceHref } from '../../shared/lib/hrefs';
import { testIds } from '../../shared/testIds';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { aboutSpan, jainWords, shareOf, shareWords, sortedFair, totals } from './model';
import type { FairKey, FairnessDevice, FairSort, Span } from './model';
import styles from './Tables.module.css';

/** Rows at first; the others on request, so that ten thousand do not hold up the page. */
const SHOWN = 25;
const MORE = 250;

const COLUMNS: readonly { key: FairKey; label: string; end?: boolean; title?: string }[] = [
  { key: 'device', label: 'Device' },
  { key: 'wanted', label: 'Wanted', end: true, title: 'The energy that it would have taken' },
  { key: 'served', label: 'Got', end: true },
  { key: 'gave', label: 'Gave', end: true, title: 'Wanted less got' },
  { key: 'share', label: 'Part of its want', title: 'Got divided by wanted' },
];

interface Props {
  feederId: string | null;
  /** Whether the feeder was chosen, or is the first one at the top. */
  chosen: boolean;
  span: Span;
}

export function FairnessPanel({ feederId, chosen, span }: Props) {
  const title = feederId === null ? 'Who gave' : `Who gave on ${feederId}`;
  if (feederId === null) {
    return (
      <Panel title={title}>
        <Empty title="No feeders yet" />
      </Panel>
    );
  }
  return <Fairness title={title} feederId={feederId} chosen={chosen} span={span} />;
}

function Fairness({ title, feederId, chosen, span }: { title: string; feederId: string; chosen: boolean; span: Span }) {
  const { data, error, loading, refresh } = useBulkQuery({ query: FairnessQuery, ...aboutSpan(feederId, span) });
  const fairness = data?.fairness;
  const rows = fairness?.perDevice ?? [];
  return (
    <Panel
      title={title}
      aside={
        <button type="button" className="button" data-size="s" disabled={rows.length === 0} onClick={() => save(feederId, rows)}>
          <Icon name="save" /> CSV
        </button>
      }
    >
      {chosen ? null : <p className="hint">Choose a feeder above to see who gave on another one.</p>}
      {error && !data ? <Failed what="who gave" error={error} again={refresh} /> : null}
      {loading ? <Loading what="who gave" height={220} /> : null}
      {fairness && rows.length === 0 ? <Empty title="Nothing was decided for its devices in this time" /> : null}
      {fairness && rows.length > 0 ? (
        <>
          <Figures jain={fairness.jain} worst={fairness.worstDecileShare} rows={rows} />
          <DeviceTable rows={rows} />
        </>
      ) : null}
    </Panel>
  );
}

function Figures({ jain, worst, rows }: { jain: number; worst: number; rows: readonly FairnessDevice[] }) {
  const sum = totals(rows);
  return (
    <dl className={styles.figures}>
      <div>
        <dt title="Jain’s index of the parts that devices got of their wants: 1 is the same part for everyone">Fairness</dt>
        <dd>{jain.toFixed(3)}</dd>
        <dd className={styles.note}>{jainWords(jain)}</dd>
      </div>
      <div>
        <dt title="The mean part of their wants that the tenth of devices got which got least">The tenth with least got</dt>
        <dd>{percent(worst)}</dd>
        <dd className={styles.note}>of what they wanted</dd>
      </div>
      <div>
        <dt>Given in all</dt>
        <dd>{kwh(sum.curtailedKwh)}</dd>
        <dd className={styles.note}>
          of {kwh(sum.wantedKwh)} wanted, by {plural(sum.gave, 'device')} of {count(rows.length)}
        </dd>
      </div>
    </dl>
  );
}

function DeviceTable({ rows }: { rows: readonly FairnessDevice[] }) {
  const [sort, setSort] = useState<FairSort>({ key: 'gave', down: true });
  const [shown, setShown] = useState(SHOWN);
  const ordered = useMemo(() => sortedFair(rows, sort), [rows, sort]);
  const turn = (key: FairKey) => setSort((before) => ({ key, down: before.key === key ? !before.down : key !== 'device' && key !== 'share' }));
  return (
    <>
      <div className={styles.scroll} role="region" aria-label="Devices and what they gave" tabIndex={0}>
        <table className={styles.table}>
          <thead>
            <tr>
              {COLUMNS.map(({ key, label, end, title }) => (
                <th key={key} scope="col" data-end={end} data-spare={key === 'served' || undefined} title={title} aria-sort={sort.key === key ? (sort.down ? 'descending' : 'ascending') : 'none'}>
                  <button type="button" onClick={() => turn(key)}>
                    {label}
                    {sort.key === key ? <Icon name={sort.down ? 'down' : 'up'} size={13} /> : null}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ordered.slice(0, shown).map((row) => (
              <Row key={row.deviceId} row={row} />
            ))}
          </tbody>
        </table>
      </div>
      {ordered.length > shown ? (
        <p>
          <button type="button" className="button" data-size="s" onClick={() => setShown((before) => before + MORE)}>
            Show more ({count(ordered.length - shown)} left)
          </button>
        </p>
      ) : null}
    </>
  );
}

function Row({ row }: { row: FairnessDevice }) {
  const share = shareOf(row);
  return (
    <tr data-testid={testIds.fairnessRow}>
      <th scope="row">
        <Link href={deviceHref(row.deviceId)}>{row.deviceId}</Link>
      </th>
      <td data-end>{kwh(row.wantedKwh)}</td>
      <td data-end data-spare>
        {kwh(row.servedKwh)}
      </td>
      <td data-end>
        <strong>{kwh(row.curtailedKwh)}</strong>
      </td>
      <td>
        <span className={styles.share}>
          <span className={styles.bar} aria-hidden="true">
            <span style={{ width: `${Math.min(1, Math.max(0, share ?? 0)) * 100}%` }} />
          </span>
          {shareWords(share)}
        </span>
      </td>
    </tr>
  );
}

function save(feederId: string, rows: readonly FairnessDevice[]): void {
  const cells = rows.map((row) => [row.deviceId, row.wantedKwh, row.servedKwh, row.curtailedKwh, shareOf(row)]);
  saveCsv(`${feederId}-fairness.csv`, ['device', 'wantedKwh', 'servedKwh', 'curtailedKwh', 'share'], cells);
}
