//! The fleet as a table: find a device, see who does not follow, go to it.
import { useMemo, useRef } from 'react';
import { useSearchParams } from 'wouter';
import { useNow, useTitle } from '../../shared/lib/hooks';
import { count } from '../../shared/lib/format';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { DeviceFilters } from './DeviceFilters';
import { DeviceTable } from './DeviceTable';
import { isFiltered, matches, paramsFrom, sorted, viewFrom } from './model';
import type { Row, View } from './model';
import { FLEET_MAX, useFleet } from './useFleet';
import styles from './DevicesPage.module.css';

/** Rows move to their new places this often: figures change in place in between, so that the eye can follow. */
const REORDER_EVERY_MS = 5000;

export function DevicesPage() {
  useTitle('Devices');
  const [params, setParams] = useSearchParams();
  const view = useMemo(() => viewFrom(params), [params]);
  const { fleet, error, refresh } = useFleet(view.filters);
  const setView = (next: View) => setParams(paramsFrom(next), { replace: true });
  const all = useMemo(() => (fleet ? [...fleet.rows.values()] : []), [fleet]);
  const rows = useOrdered(all, view);

  return (
    <>
      <header className={styles['head']}>
        <h1>Devices</h1>
        {fleet ? (
          <p className={styles['count']} role="status">
            {isFiltered(view.filters) ? `${count(rows.length)} of ${count(fleet.total)}` : count(fleet.total)}
          </p>
        ) : null}
      </header>
      <DeviceFilters rows={all} view={view} onChange={setView} />
      {error && fleet ? <StaleStrip>The server does not answer. What you see is the last known state.</StaleStrip> : null}
      {fleet && fleet.total > FLEET_MAX ? (
        <StaleStrip>
          {count(fleet.total)} devices match; the first {count(FLEET_MAX)} are shown. Filter to narrow them down.
        </StaleStrip>
      ) : null}
      {error && !fleet ? <Failed what="the devices" error={error} again={refresh} /> : null}
      {!fleet && !error ? <Loading what="the devices" height={480} /> : null}
      {fleet && rows.length > 0 ? (
        <DeviceTable rows={rows} sort={view.sort} onSort={(sort) => setView({ ...view, sort })} />
      ) : null}
      {fleet && rows.length === 0 ? (
        all.length === 0 && !isFiltered(view.filters) ? (
          <Empty title="No devices yet">A device appears here with its first sample.</Empty>
        ) : (
          <Empty title="No device matches these filters">
            <button
              type="button"
              className="button"
              onClick={() => setView({ ...view, filters: { origin: null, type: null, feeder: null, state: null, search: '' } })}
            >
              Clear filters
            </button>
          </Empty>
        )
      ) : null}
    </>
  );
}

/** Filters and sorts at once when asked for, otherwise every few seconds; the figures in the rows are always new. */
function useOrdered(all: readonly Row[], view: View): Row[] {
  const beat = Math.floor(useNow(REORDER_EVERY_MS) / REORDER_EVERY_MS);
  const latest = useRef(all);
  latest.current = all;
  const size = all.length;
  const order = useMemo(() => {
    void beat;
    void size;
    return sorted(latest.current.filter((row) => matches(row, view.filters)), view.sort).map((row) => row.id);
  }, [view, beat, size]);
  return useMemo(() => {
    const byId = new Map(all.map((row) => [row.id, row]));
    return order.flatMap((id) => byId.get(id) ?? []);
  }, [order, all]);
}
