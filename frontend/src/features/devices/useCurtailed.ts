//! Who gives way in the newest decisions; asked for only while the filter for it is chosen.
import { useEffect, useState } from 'react';
import type { Client } from '@urql/core';
import { gaveKw } from '../../shared/decisions/curtailed';
import { DecisionDeviceFields } from '../../shared/decisions/queries';
import { readFragment } from '../../shared/gql';
import { useBulkClient, useRefresh } from '../../shared/lib/live';
import { CurtailedPage } from './queries';

const ASK_EVERY_MS = 10_000;
/** As many devices as the table holds. */
const PAGES_MAX = 20;
const NONE: ReadonlySet<string> = new Set();

/** A decision that came between two pages makes the cursor of the first one useless: what was found until then counts. */
async function load(client: Client, roots: readonly string[]): Promise<ReadonlySet<string> | null> {
  const ids = new Set<string>();
  let pages = 0;
  for (const feederId of roots) {
    let after: string | null = null;
    do {
      const variables: { feederId: string; after: string | null } = { feederId, after };
      const { data } = await client.query(CurtailedPage, variables, { requestPolicy: 'network-only' }).toPromise();
      if (!data && after === null) return null;
      const devices = data?.decisions.edges[0]?.node.devices;
      for (const { node } of devices?.edges ?? []) {
        const row = readFragment(DecisionDeviceFields, node);
        if (gaveKw(row) > 0) ids.add(row.deviceId);
      }
      after = devices?.pageInfo.hasNextPage ? devices.pageInfo.endCursor : null;
      pages += 1;
    } while (after !== null && pages < PAGES_MAX);
  }
  return ids;
}

/** `roots`: the feeders whose decisions are about all that are listed; null rests. */
export function useCurtailed(roots: readonly string[] | null): ReadonlySet<string> {
  const client = useBulkClient();
  const key = roots?.join('\n') ?? null;
  const [held, setHeld] = useState(NONE);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!key) return;
    let dropped = false;
    void load(client, key.split('\n')).then((ids) => {
      if (!dropped && ids) setHeld(ids);
    });
    return () => {
      dropped = true;
    };
  }, [client, key, turn]);
  useRefresh(() => setTurn((before) => before + 1), key ? ASK_EVERY_MS : null);
  return held;
}
