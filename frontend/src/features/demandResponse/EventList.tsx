//! The events, with those of the past where they are asked for.
import type { FeederFacts } from '../../shared/feeders/model';
import { arrange } from '../../shared/events/eventModel';
import type { DrEvent } from '../../shared/events/eventModel';
import { EventRow } from '../../shared/events/EventRow';
import { Panel } from '../../shared/ui/Panel';
import { Empty } from '../../shared/ui/States';

interface Props {
  events: readonly DrEvent[];
  feeders: readonly FeederFacts[];
  now: number;
  picked: string | null;
  past: boolean;
  onChanged: () => void;
}

export function EventList({ events, feeders, now, picked, past, onChanged }: Props) {
  const shown = arrange(events, now, past);
  return (
    <Panel title="Events">
      {shown.length === 0 ? (
        <Empty title={past ? 'No events' : 'No active or upcoming events'}>An event lowers a feeder’s limit for a time.</Empty>
      ) : (
        <ul>
          {shown.map((event) => (
            <EventRow key={event.id} event={event} now={now} feeders={feeders} isPicked={picked === `event/${event.id}`} onChanged={onChanged} />
          ))}
        </ul>
      )}
    </Panel>
  );
}
