//! What an event or a program has taken so far, and who gave; asked for when somebody wants to know.
import { useState } from 'react';
import { Link } from 'wouter';
import { kwh } from '../lib/format';
import { deviceHref } from '../lib/hrefs';
import { useBulkQuery } from '../lib/live';
import { toRfc3339 } from '../lib/time';
import { Failed, Loading } from '../ui/States';
import { effectWords, givers, heldSpan } from './effect';
import { FairnessQuery } from './queries';
import styles from './Effect.module.css';

const ASK_EVERY_MS = 30_000;
const LISTED = 5;

interface Props {
  /** What it is called, for those who hear the buttons one by one. */
  what: string;
  held: { start: string; end: string; cancelled?: boolean; cancelledAt?: string | null };
  feederIds: readonly string[];
  now: number;
}

export function Effect({ what, held, feederIds, now }: Props) {
  const [open, setOpen] = useState(false);
  const span = heldSpan(held, now);
  if (!span || feederIds.length === 0) return null;
  return (
    <div className={styles.effect}>
      <button type="button" className="button" data-size="s" aria-expanded={open} aria-label={`Who gave for ${what}?`} onClick={() => setOpen(!open)}>
        Who gave?
      </button>
      {open ? feederIds.map((id) => <OfFeeder key={id} feederId={id} named={feederIds.length > 1} held={held} now={now} />) : null}
    </div>
  );
}

function OfFeeder({ feederId, named, held, now }: { feederId: string; named: boolean; held: Props['held']; now: number }) {
  const isOn = (heldSpan(held, now)?.to ?? 0) >= now;
  const { data, error, loading, refresh } = useBulkQuery({
    query: FairnessQuery,
    variables: () => {
      const span = heldSpan(held, Date.now()) ?? { from: Date.now() - 1000, to: Date.now() };
      return { feederId, from: toRfc3339(span.from), to: toRfc3339(span.to) };
    },
    key: `${feederId}/${held.start}/${held.end}/${held.cancelledAt ?? ''}`,
    everyMs: isOn ? ASK_EVERY_MS : null,
  });
  const span = heldSpan(held, now);
  if (error && !data) return <Failed what="who gave" error={error} again={refresh} />;
  if (loading || !data || !span) return <Loading what="who gave" height={48} />;
  const all = new URLSearchParams({ feeder: feederId, from: toRfc3339(span.from), to: toRfc3339(span.to) });
  return (
    <div className={styles.feeder} role="group" aria-label={`Who gave on ${feederId}`}>
      <p>
        {named ? <strong>{feederId}: </strong> : null}
        {effectWords(data.fairness, span)}
      </p>
      <ul className={styles.givers}>
        {givers(data.fairness)
          .slice(0, LISTED)
          .map(({ deviceId, curtailedKwh }) => (
            <li key={deviceId}>
              <Link href={deviceHref(deviceId)}>{deviceId}</Link> {kwh(curtailedKwh)}
            </li>
          ))}
        <li>
          <Link href={`/violations?${all.toString()}`}>All who gave</Link>
        </li>
      </ul>
    </div>
  );
}
