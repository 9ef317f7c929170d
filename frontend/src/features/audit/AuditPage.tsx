//! Who changed what, and when. For admins.
import { useMemo, useState } from 'react';
import { useSearchParams } from 'wouter';
import { readFragment } from '../../shared/gql';
import { useCan } from '../../shared/lib/can';
import { count } from '../../shared/lib/format';
import { useTitle } from '../../shared/lib/hooks';
import { usePaged } from '../../shared/lib/paged';
import { PageHead } from '../../shared/ui/PageHead';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { AuditFilters } from './AuditFilters';
import { AuditRow } from './AuditRow';
import { askedOf, FIRST_VIEW, isNarrowed, paramsFrom, spanProblem, viewFrom } from './model';
import type { View } from './model';
import { AuditEntryFields, AuditQuery } from './queries';
import { SaveButton } from './SaveButton';
import styles from './AuditPage.module.css';

const PAGE = 50;
const ASK_EVERY_MS = 15_000;

export function AuditPage() {
  useTitle('Audit');
  const may = useCan('readAudit');
  return (
    <>
      {may ? (
        <Trail />
      ) : (
        <>
          <PageHead title="Audit" />
          <Panel title="Changes">
            <Empty title="Only admins see the audit trail">Ask an admin if you need to know who changed something.</Empty>
          </Panel>
        </>
      )}
    </>
  );
}

function Trail() {
  const [params, setParams] = useSearchParams();
  const view = useMemo(() => viewFrom(params), [params]);
  const setView = (next: View) => setParams(paramsFrom(next), { replace: true });
  const problem = spanProblem(view);
  const { page, error, loading, busy, more, refresh } = usePaged({
    query: AuditQuery,
    variables: (after) => ({ ...askedOf(view, Date.now()), first: PAGE, after }),
    pick: ({ audit }) => ({
      items: audit.edges.map(({ node }) => readFragment(AuditEntryFields, node)),
      next: audit.pageInfo.hasNextPage ? audit.pageInfo.endCursor : null,
      total: audit.totalCount,
    }),
    key: paramsFrom(view).toString(),
    everyMs: view.span === 'own' && view.to ? null : ASK_EVERY_MS,
  });
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const turn = (id: string) =>
    setOpen((before) => (before.has(id) ? new Set([...before].filter((each) => each !== id)) : new Set([...before, id])));

  return (
    <>
      <PageHead title="Audit" note={page ? <span role="status">{count(page.total)}</span> : undefined}>
        <SaveButton view={view} disabled={!page || page.total === 0} />
      </PageHead>
      <AuditFilters view={view} problem={problem} onChange={setView} />
      {error && page ? <StaleStrip>The server does not answer. What you see is the last known state.</StaleStrip> : null}
      {error && !page ? <Failed what="the audit trail" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the audit trail" height={360} /> : null}
      {page?.items.length === 0 ? (
        <Empty title={isNarrowed(view) ? 'No change matches these filters' : 'Nothing was changed yet'}>
          {isNarrowed(view) ? (
            <button type="button" className="button" onClick={() => setView({ ...FIRST_VIEW, span: 'all' })}>
              Clear filters
            </button>
          ) : null}
        </Empty>
      ) : null}
      {page && page.items.length > 0 ? (
        <section className={styles.trail} aria-label="Changes">
          <ul className={styles.list}>
            {page.items.map((entry) => (
              <AuditRow
                key={entry.id}
                entry={entry}
                isOpen={open.has(entry.id)}
                onTurn={() => turn(entry.id)}
                onNarrow={(part) => setView({ ...view, ...part })}
              />
            ))}
          </ul>
          <p className={styles.foot}>
            <span>
              {count(page.items.length)} of {count(page.total)}
            </span>
            {page.next ? (
              <button type="button" className="button" data-size="s" disabled={busy} onClick={more}>
                {busy ? 'Loading…' : 'Show more'}
              </button>
            ) : null}
          </p>
        </section>
      ) : null}
    </>
  );
}
