//! The fleet as a live table: loaded in pages, kept current by updates that are applied once a second.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Client, CombinedError } from '@urql/core';
import { readFragment } from '../../shared/gql';
import type { DevicesPageQueryVariables, DeviceUpdatesSubscription } from '../../shared/gql/graphql';
import { useScrolling } from '../../shared/lib/hooks';
import { useBulkClient, useBulkUpdates, useRefresh } from '../../shared/lib/live';
import { isFiltered } from './model';
import type { Filters, Row } from './model';
import { DevicePageQuery, DeviceRowFields, DeviceUpdates } from './queries';

const PAGE = 500;
/** Above this the filters are applied by the server, so that the browser holds a bounded number of rows. */
export const FLEET_MAX = 10_000;
const APPLY_EVERY_MS = 1000;
const ASK_EVERY_MS = 60_000;
/** Figures rest while the rows are scrolled: each update costs more than a row, and moving figures are not read. */
const CATCH_UP_AFTER_MS = 5000;
/** The server is asked when the typing pauses, not for every letter. */
const TYPING_MS = 250;

export interface Fleet {
  rows: ReadonlyMap<string, Row>;
  /** All devices that match on the server; more than `rows` when there are too many to hold. */
  total: number;
}

type Narrowing = Omit<DevicesPageQueryVariables, 'first' | 'after'>;

/** The fleet last seen, so that coming back to the page does not start from nothing. */
let remembered: { client: Client; fleet: Fleet } | null = null;

function narrow(filters: Filters): Narrowing {
  const { feeder, type, origin, state, search } = filters;
  return { feederId: feeder, type, origin, freshness: state, search: search.trim() || null };
}

async function* pages(client: Client, narrowing: Narrowing) {
  let after: string | null = null;
  for (let loaded = 0; loaded < FLEET_MAX; loaded += PAGE) {
    const variables: DevicesPageQueryVariables = { ...narrowing, first: PAGE, after };
    const { data, error } = await client
      .query(DevicePageQuery, variables, { requestPolicy: 'network-only' })
      .toPromise();
    if (error || !data) throw error ?? new Error('no answer');
    yield data.devices;
    if (!data.devices.pageInfo.hasNextPage) return;
    after = data.devices.pageInfo.endCursor ?? null;
  }
}

export function useFleet(filters: Filters) {
  const client = useBulkClient();
  const known = remembered?.client === client ? remembered.fleet : null;
  const [fleet, setFleet] = useState<Fleet | null>(known);
  const [error, setError] = useState<CombinedError>();
  const [turn, setTurn] = useState(0);
  const [whole, setWhole] = useState(known?.total ?? 0);

  const byServer = whole > FLEET_MAX && isFiltered(filters);
  const key = byServer ? JSON.stringify(narrow(filters)) : '{}';

  useEffect(() => {
    let dropped = false;
    const narrowing = JSON.parse(key) as Narrowing;
    const load = async () => {
      const rows = new Map<string, Row>();
      for await (const page of pages(client, narrowing)) {
        if (dropped) return;
        for (const { node } of page.edges) rows.set(node.id, readFragment(DeviceRowFields, node));
        if (key === '{}') setWhole(page.totalCount);
        // While the first load runs, show what is there; a renewal replaces the fleet in one go.
        const done = !page.pageInfo.hasNextPage || rows.size >= FLEET_MAX;
        setFleet((before) => (before && !done && before.rows.size > rows.size ? before : { rows: new Map(rows), total: page.totalCount }));
      }
      setError(undefined);
    };
    const start = () => {
      load().catch((reason: unknown) => {
        if (!dropped) setError(reason as CombinedError);
      });
    };
    const timer = setTimeout(start, key === '{}' ? 0 : TYPING_MS);
    return () => {
      dropped = true;
      clearTimeout(timer);
    };
  }, [client, key, turn]);

  const refresh = useCallback(() => setTurn((before) => before + 1), []);
  useRefresh(refresh, ASK_EVERY_MS);
  const scrolling = useScrolling();
  useCatchUp(scrolling, refresh);
  const accept = useUpdates(setFleet, !byServer, scrolling);

  useEffect(() => {
    if (fleet) remembered = { client, fleet };
  }, [client, fleet]);

  return useMemo(() => ({ fleet, error, refresh, accept }), [fleet, error, refresh, accept]);
}

/** Asks for what was missed in a long scroll; after a short one each device tells with its next sample. */
function useCatchUp(scrolling: boolean, refresh: () => void): void {
  const since = useRef<number | null>(null);
  useEffect(() => {
    if (scrolling) {
      since.current = Date.now();
      return;
    }
    if (since.current !== null && Date.now() - since.current > CATCH_UP_AFTER_MS) refresh();
    since.current = null;
  }, [scrolling, refresh]);
}

/** Collects updates and applies them together: a table that changes a thousand times a second helps nobody. */
function useUpdates(setFleet: (change: (before: Fleet | null) => Fleet | null) => void, isWhole: boolean, pause: boolean): (row: Row) => void {
  const waiting = useRef(new Map<string, Row>());
  const accept = useCallback((row: Row) => {
    waiting.current.set(row.id, row);
  }, []);
  const onData = useCallback(
    (update: DeviceUpdatesSubscription) => accept(readFragment(DeviceRowFields, update.deviceUpdated)),
    [accept],
  );
  useBulkUpdates({ query: DeviceUpdates, variables: {}, pause }, onData);

  useEffect(() => {
    const timer = setInterval(() => {
      if (waiting.current.size === 0) return;
      const arrived = waiting.current;
      waiting.current = new Map();
      setFleet((before) => (before ? merge(before, arrived, isWhole) : before));
    }, APPLY_EVERY_MS);
    return () => clearInterval(timer);
  }, [setFleet, isWhole]);
  return accept;
}

/** Devices not known yet are added to the whole fleet only: what the server has narrowed down stays so. */
export function merge(fleet: Fleet, arrived: ReadonlyMap<string, Row>, isWhole: boolean): Fleet {
  const rows = new Map(fleet.rows);
  for (const [id, row] of arrived) {
    if (rows.has(id) || (isWhole && rows.size < FLEET_MAX)) rows.set(id, row);
  }
  return { rows, total: Math.max(fleet.total, rows.size) };
}
