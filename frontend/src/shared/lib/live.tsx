//! Queries and subscriptions as the pages use them: they catch up after a gap, fall back to asking while the
//! link is down, and rest while the tab is hidden or the session has lapsed. Knows the clients, not what is asked.
import { createContext, useCallback, useContext, useEffect, useRef, useState } from 'react';
import type { AnyVariables, Client, CombinedError, TypedDocumentNode } from '@urql/core';
import { useQuery, useSubscription } from 'urql';
import type { UseQueryState } from 'urql';
import { useVisible } from './hooks';
import { useLink } from './link';
import { useLapsed } from './session';

/** How often to ask while no updates arrive. */
const FALLBACK_MS = 10_000;

const BulkClient = createContext<Client | null>(null);
export const BulkClientProvider = BulkClient.Provider;

export function useBulkClient(): Client {
  const client = useContext(BulkClient);
  if (!client) throw new Error('a page is rendered outside the signed-in part of the app');
  return client;
}

/** Whether to ask and to listen: not in a hidden tab, and not for somebody whose session has lapsed. */
function useAwake(): boolean {
  const visible = useVisible();
  return !useLapsed() && visible;
}

/** Calls `again` when the link came back, when the tab is shown again or its user has signed in again, and every `everyMs` while it is shown. */
export function useRefresh(again: () => void, everyMs: number | null): void {
  const { status, epoch } = useLink();
  const awake = useAwake();
  const latest = useRef(again);
  useEffect(() => {
    latest.current = again;
  });

  const mark = `${epoch}/${awake}`;
  const seen = useRef(mark);
  useEffect(() => {
    if (seen.current === mark) return;
    seen.current = mark;
    if (awake) latest.current();
  }, [mark, awake]);

  const period = status === 'lost' ? Math.min(everyMs ?? FALLBACK_MS, FALLBACK_MS) : everyMs;
  useEffect(() => {
    if (period === null || !awake) return;
    const timer = setInterval(() => latest.current(), period);
    return () => clearInterval(timer);
  }, [period, awake]);
}

interface LiveQuery<Data, Variables extends AnyVariables> {
  query: TypedDocumentNode<Data, Variables>;
  variables: Variables;
  /** Asks again this often; null relies on updates alone. */
  everyMs?: number | null;
}

export interface Answer<Data> {
  data: Data | undefined;
  error: CombinedError | undefined;
  /** The first answer is still on its way. */
  loading: boolean;
  refresh: () => void;
}

export function useLiveQuery<Data, Variables extends AnyVariables>({
  query,
  variables,
  everyMs = null,
}: LiveQuery<Data, Variables>): Answer<Data> {
  const args = { query, variables, requestPolicy: 'cache-and-network' as const };
  const [result, execute] = useQuery<Data, Variables>(args);
  const refresh = useCallback(() => execute({ requestPolicy: 'network-only' }), [execute]);
  useRefresh(refresh, everyMs);
  return answer(result, refresh);
}

function answer<Data, Variables extends AnyVariables>(
  result: UseQueryState<Data, Variables>,
  refresh: () => void,
): Answer<Data> {
  return { data: result.data, error: result.error, loading: result.data === undefined && !result.error, refresh };
}

interface LiveUpdates<Data, Variables extends AnyVariables> {
  query: TypedDocumentNode<Data, Variables>;
  variables: Variables;
}

/** Updates into the cache (entities are merged by id); `onData` for those who keep their own series. */
export function useLiveUpdates<Data, Variables extends AnyVariables>(
  { query, variables }: LiveUpdates<Data, Variables>,
  onData?: (data: Data) => void,
): void {
  const pause = !useAwake();
  const args = { query, variables, pause };
  const [{ error }, restart] = useSubscription<Data, Data, Variables>(
    args,
    (_previous, data) => {
      onData?.(data);
      return data;
    },
  );

  // An answer that the socket takes for final (the server said "internal error") is tried again all the same.
  useEffect(() => {
    if (!error || pause) return;
    const timer = setTimeout(() => restart(), FALLBACK_MS);
    return () => clearTimeout(timer);
  }, [error, pause, restart]);
}

interface BulkUpdates<Data, Variables extends AnyVariables> {
  query: TypedDocumentNode<Data, Variables>;
  variables: Variables;
  /** Nothing is listened to meanwhile. What was missed is not told afterwards. */
  pause?: boolean;
}

/** Updates past the cache, for those who hold what they show themselves: hundreds a second would each be written and read. */
export function useBulkUpdates<Data, Variables extends AnyVariables>(
  { query, variables, pause = false }: BulkUpdates<Data, Variables>,
  onData: (data: Data) => void,
): void {
  const client = useBulkClient();
  const listens = useAwake() && !pause;
  const [turn, setTurn] = useState(0);
  const key = JSON.stringify(variables);
  const latest = useRef({ variables, onData });
  useEffect(() => {
    latest.current = { variables, onData };
  });

  useEffect(() => {
    if (!listens) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const subscription = client.subscription<Data, Variables>(query, latest.current.variables).subscribe(({ data, error }) => {
      if (data) latest.current.onData(data);
      if (error) timer ??= setTimeout(() => setTurn((before) => before + 1), FALLBACK_MS);
    });
    return () => {
      clearTimeout(timer);
      subscription.unsubscribe();
    };
  }, [client, query, key, turn, listens]);
}

interface BulkQuery<Data, Variables extends AnyVariables> {
  query: TypedDocumentNode<Data, Variables>;
  /** Made anew for each request, because the window moves with the time. */
  variables: () => Variables;
  /** What the variables depend on: another key is another question, and the old answer is dropped. */
  key: string;
  /** Asks again this often; null for what does not change. */
  everyMs: number | null;
}

interface Held<Data> {
  key: string;
  data: Data | undefined;
  error: CombinedError | undefined;
}

/** A query whose answer is large and moves with the time; it is kept by the component that shows it, not cached. */
export function useBulkQuery<Data, Variables extends AnyVariables>({
  query,
  variables,
  key,
  everyMs,
}: BulkQuery<Data, Variables>): Answer<Data> {
  const client = useBulkClient();
  const [held, setHeld] = useState<Held<Data>>({ key, data: undefined, error: undefined });
  const [turn, setTurn] = useState(0);
  const make = useRef(variables);
  useEffect(() => {
    make.current = variables;
  });

  useEffect(() => {
    let dropped = false;
    void client
      .query<Data, Variables>(query, make.current(), { requestPolicy: 'network-only' })
      .toPromise()
      .then(({ data, error }) => {
        if (dropped) return;
        setHeld((before) => ({ key, error, data: data ?? (before.key === key ? before.data : undefined) }));
      });
    return () => {
      dropped = true;
    };
  }, [client, query, key, turn]);

  const refresh = useCallback(() => setTurn((before) => before + 1), []);
  useRefresh(refresh, everyMs);
  const current = held.key === key ? held : { data: undefined, error: undefined };
  return { ...current, loading: current.data === undefined && !current.error, refresh };
}
