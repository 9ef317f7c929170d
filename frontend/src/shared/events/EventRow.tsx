//! One event of the list, with its cancelling for those who may.
import { useState } from 'react';
import { Link } from 'wouter';
import { useCan } from '../lib/can';
import { kw } from '../lib/format';
import { duration } from '../lib/time';
import { testIds } from '../testIds';
import { toasts } from '../lib/toasts';
import { feederHref } from '../lib/hrefs';
import { Effect } from './Effect';
import { EventForm } from './EventForm';
import { phase } from './eventModel';
import type { DrEvent, FeederFacts } from './eventModel';
import { TimedRow } from './TimedRow';
import { useCancelEvent } from './useEventWrites';
import styles from './EventRow.module.css';

interface Props {
  event: DrEvent;
  now: number;
  feeders: readonly FeederFacts[];
  /** Picked somewhere else on the page: brought into view. */
  isPicked?: boolean;
  onChanged: () => void;
}

export function EventRow({ event, now, feeders, isPicked = false, onChanged }: Props) {
  const [open, setOpen] = useState<'edit' | 'cancel' | null>(null);
  const state = phase(event, now);
  const ahead = state === 'active' || state === 'upcoming';
  const mayEdit = useCan('updateEvent') && ahead;
  const mayCancel = useCan('cancelEvent') && ahead;
  const close = () => setOpen(null);
  const title = `the event on ${event.feederId} at ${kw(event.limitKw)}`;
  const tools = (
    <>
      {mayEdit ? (
        <button type="button" className="button" data-kind="quiet" data-size="s" aria-label={`Change ${title}`} onClick={() => setOpen('edit')}>
          Change
        </button>
      ) : null}
      {mayCancel ? (
        <button type="button" className="button" data-kind="quiet" data-size="s" aria-label={`Cancel ${title}`} onClick={() => setOpen('cancel')}>
          Cancel
        </button>
      ) : null}
    </>
  );
  return (
    <TimedRow
      title={
        <>
          <Link href={feederHref(event.feederId)}>{event.feederId}</Link> held at <strong>{kw(event.limitKw)}</strong>
        </>
      }
      start={event.start}
      end={event.end}
      more={`${event.rampSeconds > 0 ? ` · ramp ${duration(event.rampSeconds * 1000)}` : ''} · by ${event.createdBy}`}
      phase={state}
      now={now}
      isPicked={isPicked}
      testId={testIds.eventRow}
      tools={open === null && (mayEdit || mayCancel) ? tools : null}
    >
      {open === null ? <Effect what={title} held={event} feederIds={[event.feederId]} now={now} /> : null}
      {open === 'cancel' && mayCancel ? <CancelControl event={event} onClose={close} onChanged={onChanged} /> : null}
      {open === 'edit' && mayEdit ? (
        <EventForm
          feeders={feeders}
          event={event}
          onClose={close}
          onDone={() => {
            close();
            onChanged();
          }}
        />
      ) : null}
    </TimedRow>
  );
}

interface CancelProps {
  event: DrEvent;
  onClose: () => void;
  onChanged: () => void;
}

function CancelControl({ event, onClose, onChanged }: CancelProps) {
  const [{ fetching }, cancel] = useCancelEvent();
  const confirm = async () => {
    toasts.say(await cancel(event));
    onClose();
    onChanged();
  };
  return (
    <div className={styles.confirm} role="group" aria-label="Confirm cancelling">
      <span>The feeder returns to its own limit.</span>
      <button type="button" className="button" data-kind="danger" data-size="s" disabled={fetching} autoFocus onClick={() => void confirm()}>
        Cancel event
      </button>
      <button type="button" className="button" data-size="s" onClick={onClose}>
        Keep it
      </button>
    </div>
  );
}
