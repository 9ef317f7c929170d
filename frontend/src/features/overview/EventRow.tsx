//! One event of the list, with its cancelling for those who may.
import { useState } from 'react';
import { useMutation } from 'urql';
import { useCan } from '../../shared/lib/can';
import { errorText } from '../../shared/lib/client';
import { kw } from '../../shared/lib/format';
import { duration, fullTime, parseTime, zonedSpan } from '../../shared/lib/time';
import { testIds } from '../../shared/testIds';
import { Badge } from '../../shared/ui/Badge';
import type { Tone } from '../../shared/ui/Badge';
import type { IconName } from '../../shared/ui/Icon';
import { phase } from './eventModel';
import type { DrEvent, Phase } from './eventModel';
import { CancelEvent } from './queries';
import styles from './EventRow.module.css';

interface Props {
  event: DrEvent;
  now: number;
  onCancelled: (sentence: string) => void;
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

export function EventRow({ event, now, onCancelled }: Props) {
  const start = parseTime(event.start) ?? now;
  const end = parseTime(event.end) ?? now;
  const [startText, endText] = zonedSpan(start, end, now);
  const state = phase(event, now);
  const look = LOOKS[state];
  const cancellable = useCan('cancelEvent') && (state === 'active' || state === 'upcoming');
  return (
    <li className={styles.row} data-state={state} data-testid={testIds.eventRow}>
      <div className={styles.what}>
        <p className={styles.title}>
          <strong>{event.feederId}</strong> held at <strong>{kw(event.limitKw)}</strong>
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
      {cancellable ? <CancelControl event={event} onCancelled={onCancelled} /> : null}
    </li>
  );
}

function CancelControl({ event, onCancelled }: Pick<Props, 'event' | 'onCancelled'>) {
  const [asking, setAsking] = useState(false);
  const [{ fetching, error }, cancel] = useMutation(CancelEvent);

  const confirm = async () => {
    const result = await cancel({ id: event.id });
    if (!result.error) onCancelled(`Event on ${event.feederId} cancelled.`);
  };

  if (!asking) {
    return (
      <button
        type="button"
        className="button"
        data-kind="quiet"
        data-size="s"
        aria-label={`Cancel the event on ${event.feederId} at ${kw(event.limitKw)}`}
        onClick={() => setAsking(true)}
      >
        Cancel
      </button>
    );
  }
  return (
    <div className={styles.confirm} role="group" aria-label="Confirm cancelling">
      <span>The feeder returns to its own limit.</span>
      <button
        type="button"
        className="button"
        data-kind="danger"
        data-size="s"
        disabled={fetching}
        autoFocus
        onClick={() => void confirm()}
      >
        Cancel event
      </button>
      <button type="button" className="button" data-size="s" onClick={() => setAsking(false)}>
        Keep it
      </button>
      {error ? (
        <span className="problem" role="alert">
          {errorText(error)}
        </span>
      ) : null}
    </div>
  );
}
