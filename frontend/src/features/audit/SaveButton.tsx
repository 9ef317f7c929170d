//! The filtered trail as a CSV file.
import { useState } from 'react';
import { readFragment } from '../../shared/gql';
import type { AuditQueryVariables } from '../../shared/gql/graphql';
import { saveCsv } from '../../shared/lib/csv';
import { plural } from '../../shared/lib/format';
import { useBulkClient } from '../../shared/lib/live';
import { wrongIn } from '../../shared/lib/refusal';
import { toasts } from '../../shared/lib/toasts';
import { toLocalInput } from '../../shared/lib/time';
import { Icon } from '../../shared/ui/Icon';
import { askedOf, CSV_HEAD, csvRow } from './model';
import type { Entry, View } from './model';
import { AuditEntryFields, AuditQuery } from './queries';

const PAGE = 500;
/** What a spreadsheet is still good for; a longer trail is for ClickHouse. */
const SAVED_MAX = 20_000;

export function SaveButton({ view, disabled }: { view: View; disabled: boolean }) {
  const client = useBulkClient();
  const [busy, setBusy] = useState(false);

  const load = async (): Promise<{ entries: Entry[]; total: number; wrong: string | null }> => {
    const asked = askedOf(view, Date.now());
    const entries: Entry[] = [];
    let after: string | null = null;
    for (;;) {
      const variables: AuditQueryVariables = { ...asked, first: PAGE, after };
      const answer = await client.query(AuditQuery, variables, { requestPolicy: 'network-only' }).toPromise();
      const audit = answer.data?.audit;
      if (!audit) return { entries, total: 0, wrong: wrongIn(answer) ?? 'There was no answer.' };
      entries.push(...audit.edges.map(({ node }) => readFragment(AuditEntryFields, node)));
      after = audit.pageInfo.endCursor;
      if (!audit.pageInfo.hasNextPage || entries.length >= SAVED_MAX) return { entries, total: audit.totalCount, wrong: null };
    }
  };

  const save = async () => {
    setBusy(true);
    const { entries, total, wrong } = await load();
    setBusy(false);
    if (wrong !== null) {
      toasts.say({ text: `The file could not be made. ${wrong}`, tone: 'failed' });
      return;
    }
    const stamp = toLocalInput(Date.now()).replaceAll(':', '-');
    saveCsv(`audit-${stamp}.csv`, CSV_HEAD, entries.map(csvRow));
    const cut = entries.length < total ? ` The newest of ${plural(total, 'change')}: narrow the filters for the rest.` : '';
    toasts.say({ text: `${plural(entries.length, 'change')} saved.${cut}`, tone: 'done' });
  };

  return (
    <button type="button" className="button" disabled={disabled || busy} onClick={() => void save()}>
      <Icon name="save" /> {busy ? 'Saving…' : 'Save as CSV'}
    </button>
  );
}
