//! The fleet as a table: find a device, see who does not follow, go to it.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useSearchParams } from 'wouter';
import { useCan } from '../../shared/lib/can';
import { useTitle } from '../../shared/lib/hooks';
import { useLiveQuery } from '../../shared/lib/live';
import { saveCsv } from '../../shared/lib/csv';
import { count } from '../../shared/lib/format';
import { Icon } from '../../shared/ui/Icon';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { BulkBar } from './BulkBar';
import { Columns } from './Columns';
import { DeviceFilters } from './DeviceFilters';
import { DeviceTable } from './DeviceTable';
import { fileOf, isFiltered, matches, NO_FILTERS, paramsFrom, sorted, subtree, viewFrom } from './model';
import type { Row, View } from './model';
import { DeviceFeeders } from './queries';
import { useCurtailed } from './useCurtailed';
import { FLEET_MAX, useFleet } from './useFleet';
import styles from './DevicesPage.module.css';

/** Rows move to their new places this often: figures change in place in between, so that the eye can follow. */
const REORDER_EVERY_MS = 5000;

export function DevicesPage() {
  useTitle('Devices');
  const [params, setParams] = useSearchParams();
  const view = useMemo(() => viewFrom(params), [params]);
  const { fleet, error, refresh, accept } = useFleet(view.filters);
  const setView = (next: View) => setParams(paramsFrom(next), { replace: true });
  const all = useMemo(() => (fleet ? [...fleet.rows.values()] : []), [fleet]);
  const { ids, under, roots } = useFeederIds(all, view.filters.feeder);
  const curtailed = useCurtailed(view.filters.standing === 'CURTAILED' ? roots : null);
  const rows = useOrdered(all, view, under, curtailed);
  const { selected, toggle, toggleAll, clear } = useSelection(rows);
  const maySet = useCan('setDevice');
  const chosen = useMemo(() => (selected.size === 0 ? [] : rows.filter((row) => selected.has(row.id))), [rows, selected]);

  return (
    <>
      <header className={styles.head}>
        <h1>Devices</h1>
        {fleet ? (
          <p className={styles.count} role="status">
            {isFiltered(view.filters) ? `${count(rows.length)} of ${count(fleet.total)}` : count(fleet.total)}
          </p>
        ) : null}
        <div className={styles.tools}>
          <Columns hidden={view.hidden} onChange={(hidden) => setView({ ...view, hidden })} />
          <button type="button" className="button" data-size="s" disabled={rows.length === 0} onClick={() => save(rows)}>
            <Icon name="save" /> CSV
          </button>
        </div>
      </header>
      <DeviceFilters rows={all} feeders={ids} view={view} onChange={setView} />
      {error && fleet ? <StaleStrip>The server does not answer. What you see is the last known state.</StaleStrip> : null}
      {fleet && fleet.total > FLEET_MAX ? (
        <StaleStrip>
          {count(fleet.total)} devices match; the first {count(FLEET_MAX)} are shown. Filter to narrow them down.
        </StaleStrip>
      ) : null}
      {error && !fleet ? <Failed what="the devices" error={error} again={refresh} /> : null}
      {!fleet && !error ? <Loading what="the devices" height={480} /> : null}
      {fleet && rows.length > 0 ? (
        <DeviceTable
          rows={rows}
          loading={fleet.rows.size < Math.min(fleet.total, FLEET_MAX)}
          sort={view.sort}
          onSort={(sort) => setView({ ...view, sort })}
          selected={maySet ? selected : null}
          onSelect={toggle}
          onSelectAll={toggleAll}
          hidden={view.hidden}
        />
      ) : null}
      {maySet ? <BulkBar rows={chosen} feeders={ids} accept={accept} onClear={clear} /> : null}
      {fleet && rows.length === 0 ? (
        all.length === 0 && !isFiltered(view.filters) ? (
          <Empty title="No devices yet">A device appears here with its first sample.</Empty>
        ) : (
          <Empty title="No device matches these filters">
            <button
              type="button"
              className="button"
              onClick={() => setView({ ...view, filters: NO_FILTERS })}
            >
              Clear filters
            </button>
          </Empty>
        )
      ) : null}
    </>
  );
}

function save(rows: readonly Row[]): void {
  const { head, cells } = fileOf(rows);
  saveCsv('devices.csv', head, cells);
}

/** The feeders to choose from, and those that the chosen one takes in. */
function useFeederIds(all: readonly Row[], feeder: string | null) {
  const { data } = useLiveQuery({ query: DeviceFeeders, variables: {} });
  const fromRows = useMemo(() => [...new Set(all.map((row) => row.feederId))].sort().join('\n'), [all]);
  return useMemo(() => {
    const known = data?.feeders ?? [];
    const named = [...known.map(({ id }) => id), ...fromRows.split('\n').filter(Boolean)];
    const ids = [...new Set(named)].sort(new Intl.Collator('en', { numeric: true }).compare);
    const tops = known.filter(({ parentId }) => parentId === null).map(({ id }) => id);
    return { ids, under: feeder === null ? null : subtree(known, feeder), roots: feeder === null ? tops : [feeder] };
  }, [data, fromRows, feeder]);
}

/** What is selected counts only while it is shown: nobody changes what they do not see. */
function useSelection(rows: readonly Row[]) {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const latest = useRef(rows);
  useEffect(() => {
    latest.current = rows;
  });
  const toggle = useCallback((id: string) => {
    setSelected((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  }, []);
  const toggleAll = useCallback(() => {
    setSelected((before) => {
      const isAll = latest.current.every((row) => before.has(row.id));
      return isAll ? new Set() : new Set(latest.current.map((row) => row.id));
    });
  }, []);
  const clear = useCallback(() => setSelected(new Set()), []);
  return { selected, toggle, toggleAll, clear };
}

/** The rows of the view in its order, with figures that are always new. */
function useOrdered(all: readonly Row[], view: View, under: ReadonlySet<string> | null, curtailed: ReadonlySet<string>): Row[] {
  const basis = useCalm(all);
  const order = useMemo(
    () => sorted(basis.filter((row) => matches(row, view.filters, { under, curtailed })), view.sort).map((row) => row.id),
    [basis, view, under, curtailed],
  );
  return useMemo(() => {
    const byId = new Map(all.map((row) => [row.id, row]));
    return order.flatMap((id) => byId.get(id) ?? []);
  }, [order, all]);
}

/** The fleet as it was a few seconds ago: what order is taken from. New and lost devices count at once. */
function useCalm(all: readonly Row[]): readonly Row[] {
  const [basis, setBasis] = useState(all);
  const latest = useRef(all);
  useEffect(() => {
    latest.current = all;
  });
  useEffect(() => {
    const timer = setInterval(() => setBasis(latest.current), REORDER_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  if (basis.length === all.length) return basis;
  setBasis(all);
  return all;
}
