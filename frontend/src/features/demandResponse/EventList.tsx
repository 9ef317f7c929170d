//! The events: each with what it does, and for operators changing and cancelling.
import { useMutation } from 'urql';
import { CancelDrEvent } from '../../shared/events/queries';
import { useCan } from '../../shared/lib/can';
import { kw } from '../../shared/lib/format';
import { wrongIn } from '../../shared/lib/refusal';
import { duration, fullTime, parseTime } from '../../shared/lib/time';
import { testIds } from '../../shared/testIds';
import { Confirm } from '../../shared/ui/Confirm';
import { Panel } from '../../shared/ui/Panel';
import type { Done } from '../../shared/lib/toasts';
import { Empty } from '../../shared/ui/States';
import { Entry } from './Entry';
import { eventPhase, inOrder } from './model';
import type { DrEvent, FeederFacts, Phase } from './model';
import styles from './Entry.module.css';

interface Props {
  events: readonly DrEvent[];
  feeders: readonly FeederFacts[];
  now: number;
  picked: string | null;
  past: boolean;
  onEdit: (key: string) => void;
  onDone: (done: Done) => void;
}

export function EventList({ events, feeders, now, picked, past, onEdit, onDone }: Props) {
  const ordered = inOrder(events, (event) => eventPhase(event, now));
  return (
    <Panel title="Events">
      {ordered.length === 0 ? (
        <Empty title={past ? 'No events' : 'No active or upcoming events'}>An event lowers a feeder’s limit for a time.</Empty>
      ) : (
        <ul className={styles.list}>
          {ordered.map((event) => {
            const phase = eventPhase(event, now);
            return (
              <Entry
                key={event.id}
                title={
                  <>
                    <strong>{event.feederId}</strong> held at <strong>{kw(event.limitKw)}</strong>
                  </>
                }
                start={event.start}
                end={event.end}
                phase={phase}
                now={now}
                notes={notes(event)}
                isPicked={picked === `event/${event.id}`}
                testId={testIds.drEvent}
                actions={
                  <Actions event={event} feeder={feeders.find((each) => each.id === event.feederId)} phase={phase} onEdit={onEdit} onDone={onDone} />
                }
              />
            );
          })}
        </ul>
      )}
    </Panel>
  );
}

function notes(event: DrEvent): string {
  const cancelled = parseTime(event.cancelledAt);
  return [
    event.type === 'dr' ? '' : event.type,
    event.rampSeconds > 0 ? `ramp ${duration(event.rampSeconds * 1000)}` : '',
    `by ${event.createdBy}`,
    cancelled === null ? '' : `cancelled ${fullTime(cancelled)}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

interface ActionsProps {
  event: DrEvent;
  feeder: FeederFacts | undefined;
  phase: Phase;
  onEdit: (key: string) => void;
  onDone: (done: Done) => void;
}

function Actions({ event, feeder, phase, onEdit, onDone }: ActionsProps) {
  const mayEdit = useCan('updateEvent');
  const mayCancel = useCan('cancelEvent');
  const [, cancel] = useMutation(CancelDrEvent);
  if (phase !== 'active' && phase !== 'upcoming') return null;
  const its = `the event on ${event.feederId} at ${kw(event.limitKw)}`;
  const limit = feeder ? ` of ${kw(feeder.importLimitKw)}` : '';
  return (
    <>
      {mayEdit ? (
        <button type="button" className="button" data-size="s" aria-label={`Change ${its}`} onClick={() => onEdit(`event/${event.id}`)}>
          Change
        </button>
      ) : null}
      {mayCancel ? (
        <Confirm
          label="Cancel"
          name={`Cancel ${its}`}
          kind="quiet"
          sentence={phase === 'active' ? `The feeder returns to its own limit${limit}.` : 'It will not begin.'}
          yes="Cancel event"
          no="Keep it"
          danger
          onYes={async () => {
            const wrong = wrongIn(await cancel({ id: event.id }));
            if (wrong === null) onDone({ text: `Event on ${event.feederId} cancelled.` });
            return wrong;
          }}
        />
      ) : null}
    </>
  );
}
