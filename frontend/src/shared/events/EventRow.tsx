//! One event of the list, with its cancelling for those who may.
import { useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { useCan } from '../lib/can';
import { kw } from '../lib/format';
import { duration, fullTime, parseTime, zonedSpan } from '../lib/time';
import { testIds } from '../testIds';
import { Badge } from '../ui/Badge';
import type { Tone } from '../ui/Badge';
import type { IconName } from '../ui/Icon';
import { toasts } from '../lib/toasts';
import { EventForm } from './EventForm';
import { phase } from './eventModel';
import type { DrEvent, FeederFacts, Phase } from './eventModel';
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

const LOOKS: Record<Phase, { tone: Tone; icon: IconName; text: string }> = {
  active: { tone: 'accent', icon: 'bolt', text: 'Active' },
  upcoming: { tone: 'neutral', icon: 'calendar', text: 'Upcoming' },
  past: { tone: 'quiet', icon: 'inside', text: 'Ended' },
  cancelled: { tone: 'quiet', icon: 'close', text: 'Cancelled' },
};

function remaining(state: Phase, start: number, end: number, now: number): string {
  if (state === 'active') return `${duration(end - now)} left`;
  return state === 'upcoming' ? `starts in ${duration(start - now)}` : '';
}

export function EventRow({ event, now, feeders, isPicked = false, onChanged }: Props) {
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isPicked) row.current?.scrollIntoView({ block: 'nearest' });
  }, [isPicked]);
  const [open, setOpen] = useState<'edit' | 'cancel' | null>(null);
  const start = parseTime(event.start) ?? now;
  const end = parseTime(event.end) ?? now;
  const [startText, endText] = zonedSpan(start, end, now);
  const state = phase(event, now);
  const look = LOOKS[state];
  const ahead = state === 'active' || state === 'upcoming';
  const mayEdit = useCan('updateEvent') && ahead;
  const mayCancel = useCan('cancelEvent') && ahead;
  const close = () => setOpen(null);
  const title = `the event on ${event.feederId} at ${kw(event.limitKw)}`;
  return (
    <li ref={row} className={styles.row} data-state={state} data-picked={isPicked || undefined} data-testid={testIds.eventRow}>
      <div className={styles.what}>
        <p className={styles.title}>
          <Link href={`/feeders/${encodeURIComponent(event.feederId)}`}>{event.feederId}</Link> held at <strong>{kw(event.limitKw)}</strong>
        </p>
        <p className={styles.when}>
          <time dateTime={event.start} title={fullTime(start)}>
            {startText}
          </time>{' '}
          to{' '}
          <time dateTime={event.end} title={fullTime(end)}>
            {endText}
          </time>
          {event.rampSeconds > 0 ? ` · ramp ${duration(event.rampSeconds * 1000)}` : ''} · by {event.createdBy}
        </p>
      </div>
      <div className={styles.state}>
        <Badge tone={look.tone} icon={look.icon}>
          {look.text}
        </Badge>
        <span className={styles.left}>{remaining(state, start, end, now)}</span>
      </div>
      {open === null && (mayEdit || mayCancel) ? (
        <div className={styles.tools}>
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
        </div>
      ) : null}
      {open === 'cancel' && mayCancel ? <CancelControl event={event} onClose={close} onChanged={onChanged} /> : null}
      {open === 'edit' && mayEdit ? (
        <div className={styles.edit}>
          <EventForm
            feeders={feeders}
            event={event}
            onClose={close}
            onDone={() => {
              close();
              onChanged();
            }}
          />
        </div>
      ) : null}
    </li>
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
