//! Demand-response events: what limits the feeders now and next, and for operators a way to make and to cancel one.
import { useState } from 'react';
import { useCan } from '../lib/can';
import { useNow } from '../lib/hooks';
import { useLiveQuery } from '../lib/live';
import { Icon } from '../ui/Icon';
import { Panel } from '../ui/Panel';
import { Empty, Failed, Loading } from '../ui/States';
import { EventForm } from './EventForm';
import { EventRow } from './EventRow';
import { arrange } from './eventModel';
import type { FeederFacts } from './eventModel';
import { EventsQuery } from './queries';
import styles from './EventsPanel.module.css';

const ASK_EVERY_MS = 10_000;

interface Props {
  /** Those that an event can be made for. */
  feeders: readonly FeederFacts[];
  /** Only the events of this feeder. */
  feederId?: string;
}

export function EventsPanel({ feeders, feederId }: Props) {
  const [past, setPast] = useState(false);
  const [making, setMaking] = useState(false);
  const mayCreate = useCan('createEvent');
  const now = useNow();
  const { data, error, loading, refresh } = useLiveQuery({
    query: EventsQuery,
    variables: { feederId: feederId ?? null, includePast: past },
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
      {making ? (
        <EventForm
          feeders={feeders}
          onClose={() => setMaking(false)}
          onDone={() => {
            setMaking(false);
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
            <EventRow key={event.id} event={event} now={now} feeders={feeders} onChanged={refresh} />
          ))}
        </ul>
      ) : null}
    </Panel>
  );
}
