//! The fleet as a table: find a device, see who does not follow, go to it.
import { useEffect, useMemo, useRef, useState } from 'react';
import { useSearchParams } from 'wouter';
import { useTitle } from '../../shared/lib/hooks';
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
      <header className={styles.head}>
        <h1>Devices</h1>
        {fleet ? (
          <p className={styles.count} role="status">
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
        <DeviceTable
          rows={rows}
          loading={fleet.rows.size < Math.min(fleet.total, FLEET_MAX)}
          sort={view.sort}
          onSort={(sort) => setView({ ...view, sort })}
        />
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

/** The rows of the view in its order, with figures that are always new. */
function useOrdered(all: readonly Row[], view: View): Row[] {
  const basis = useCalm(all);
  const order = useMemo(
    () => sorted(basis.filter((row) => matches(row, view.filters)), view.sort).map((row) => row.id),
    [basis, view],
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
