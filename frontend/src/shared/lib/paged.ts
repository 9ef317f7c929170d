//! A list that comes in pages and grows on demand. Its first page is asked for again as time goes on, for as long as
//! nobody has asked for more: what is being read does not move.
import { useCallback, useEffect, useRef, useState } from 'react';
import type { AnyVariables, CombinedError, TypedDocumentNode } from '@urql/core';
import { useBulkClient, useRefresh } from './live';

export interface Page<Item> {
  items: Item[];
  next: string | null;
  total: number;
}

interface Paged<Data, Variables extends AnyVariables, Item> {
  query: TypedDocumentNode<Data, Variables>;
  variables: (after: string | null) => Variables;
  pick: (data: Data) => Page<Item>;
  /** What the variables depend on: another key is another list. */
  key: string;
  everyMs: number | null;
}

interface Held<Item> extends Page<Item> {
  key: string;
  pages: number;
}

export function usePaged<Data, Variables extends AnyVariables, Item>(asked: Paged<Data, Variables, Item>) {
  const client = useBulkClient();
  const { query, key, everyMs } = asked;
  const [held, setHeld] = useState<Held<Item> | null>(null);
  const [failed, setFailed] = useState<{ key: string; error: CombinedError } | null>(null);
  const [busy, setBusy] = useState(false);
  const [turn, setTurn] = useState(0);
  const latest = useRef(asked);
  useEffect(() => {
    latest.current = asked;
  });

  const ask = useCallback(
    (after: string | null) => {
      const { variables } = latest.current;
      return client.query<Data, Variables>(query, variables(after), { requestPolicy: 'network-only' }).toPromise();
    },
    [client, query],
  );

  useEffect(() => {
    let dropped = false;
    void ask(null).then(({ data, error }) => {
      if (dropped) return;
      setFailed(error ? { key, error } : null);
      if (data) setHeld({ key, pages: 1, ...latest.current.pick(data) });
    });
    return () => {
      dropped = true;
    };
  }, [ask, key, turn]);

  const current = held?.key === key ? held : null;
  const refresh = useCallback(() => setTurn((before) => before + 1), []);
  useRefresh(() => {
    if ((current?.pages ?? 1) <= 1) refresh();
  }, everyMs);

  const more = async () => {
    if (!current?.next) return;
    setBusy(true);
    const { data, error } = await ask(current.next);
    setBusy(false);
    setFailed(error ? { key, error } : null);
    if (!data) return;
    const page = latest.current.pick(data);
    setHeld((before) =>
      before?.key === key ? { ...page, key, pages: before.pages + 1, items: [...before.items, ...page.items] } : before,
    );
  };

  const error = failed?.key === key ? failed.error : undefined;
  return { page: current, error, loading: current === null && !error, busy, more: () => void more(), refresh };
}
