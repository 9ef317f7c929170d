//! Demand-response events: what limits the feeders now and next, and for operators a way to make and to cancel one.
import { useEffect, useState } from 'react';
import type { FeederCardFragment } from '../../shared/gql/graphql';
import { useCan } from '../../shared/lib/can';
import { useNow } from '../../shared/lib/hooks';
import { useLiveQuery } from '../../shared/lib/live';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { EventForm } from './EventForm';
import { EventRow } from './EventRow';
import { arrange } from './eventModel';
import { EventsQuery } from './queries';
import styles from './EventsPanel.module.css';

const ASK_EVERY_MS = 10_000;
const SAID_FOR_MS = 20_000;

/** What was just done, for as long as it takes to read. */
function useSaying() {
  const [said, setSaid] = useState('');
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(''), SAID_FOR_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return [said, setSaid] as const;
}

export function EventsPanel({ feeders }: { feeders: readonly FeederCardFragment[] }) {
  const [past, setPast] = useState(false);
  const [making, setMaking] = useState(false);
  const [said, setSaid] = useSaying();
  const mayCreate = useCan('createEvent');
  const now = useNow();
  const { data, error, loading, refresh } = useLiveQuery({
    query: EventsQuery,
    variables: { includePast: past },
    everyMs: ASK_EVERY_MS,
  });
  const events = arrange(data?.events ?? [], now, past);

  const aside = (
    <div className={styles.tools}>
      <label className={styles.past}>
        <input type="checkbox" checked={past} onChange={(event) => setPast(event.target.checked)} /> Show past
      </label>
      {mayCreate && !making ? (
        <button type="button" className="button" data-size="s" onClick={() => setMaking(true)}>
          <Icon name="plus" /> New event
        </button>
      ) : null}
    </div>
  );

  return (
    <Panel title="Demand-response events" aside={aside}>
      <p role="status" className={said ? styles.said : 'visually-hidden'}>
        {said}
      </p>
      {making ? (
        <EventForm
          feeders={feeders}
          onClose={() => setMaking(false)}
          onCreated={(sentence) => {
            setMaking(false);
            setSaid(sentence);
            refresh();
          }}
        />
      ) : null}
      {error && !data ? <Failed what="the events" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the events" /> : null}
      {data && events.length === 0 && !making ? (
        <Empty title={past ? 'No events' : 'No active or upcoming events'}>
          {mayCreate ? 'An event lowers a feeder’s limit for a time.' : 'Operators can create one.'}
        </Empty>
      ) : null}
      {events.length > 0 ? (
        <ul className={styles.list}>
          {events.map((event) => (
            <EventRow
              key={event.id}
              event={event}
              now={now}
              onCancelled={(sentence) => {
                setSaid(sentence);
                refresh();
              }}
            />
          ))}
        </ul>
      ) : null}
    </Panel>
  );
}
