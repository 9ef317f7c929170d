//! The form that makes an event. What is valid is decided in eventModel.ts.
import { useId, useState } from 'react';
import type { SyntheticEvent } from 'react';
import { useMutation } from 'urql';
import { errorText } from '../../shared/lib/client';
import { kw } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { toLocalInput } from '../../shared/lib/time';
import { Segmented } from '../../shared/ui/Segmented';
import { checkDraft, preview, startLabel, toInput } from './eventModel';
import type { EventDraft, FeederFacts } from './eventModel';
import { Field } from '../../shared/ui/Field';
import { CreateEvent } from './queries';
import styles from './EventForm.module.css';

interface Props {
  feeders: readonly FeederFacts[];
  onClose: () => void;
  onCreated: (sentence: string) => void;
}

const WHEN = [
  { value: 'now', label: 'Now' },
  { value: 'later', label: 'Later' },
] as const;

function firstDraft(feeders: readonly FeederFacts[]): EventDraft {
  return { feederId: feeders[0]?.id ?? '', limitKw: '', when: 'now', start: '', minutes: '30', rampSeconds: '0' };
}

export function EventForm({ feeders, onClose, onCreated }: Props) {
  const ids = { feeder: useId(), form: useId() };
  const now = useNow();
  const [draft, setDraft] = useState(() => firstDraft(feeders));
  const [tried, setTried] = useState(false);
  const [{ fetching, error }, create] = useMutation(CreateEvent);
  const feeder = feeders.find((each) => each.id === draft.feederId);
  const problems = checkDraft(draft, feeder, now);
  const valid = Object.keys(problems).length === 0;
  const shown = tried ? problems : {};
  const set = (part: Partial<EventDraft>) => setDraft((before) => ({ ...before, ...part }));

  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (!valid || !feeder) return;
    const input = toInput(draft, now);
    const result = await create({ input });
    if (!result.error) onCreated(`Event created. ${preview(input, feeder, now)}`);
  };

  return (
    <form className={styles.form} aria-label="New event" noValidate onSubmit={(event) => void submit(event)}>
      <div className="field">
        <label htmlFor={ids.feeder}>Feeder</label>
        <select
          id={ids.feeder}
          className="input"
          value={draft.feederId}
          autoFocus
          onChange={(event) => set({ feederId: event.target.value })}
        >
          {feeders.map((each) => (
            <option key={each.id}>{each.id}</option>
          ))}
        </select>
        {feeder ? (
          <p className="hint">
            Load now {kw(feeder.loadKw)}, own limit {kw(feeder.importLimitKw)}
          </p>
        ) : null}
      </div>
      <Field label="Limit (kW)" value={draft.limitKw} problem={shown.limitKw} onChange={(limitKw) => set({ limitKw })} />
      <div className="field">
        <span className={styles.label}>Start</span>
        <Segmented
          label="Start"
          options={WHEN}
          value={draft.when}
          onChange={(when) => set({ when, start: draft.start || toLocalInput(Date.now() + 900_000) })}
        />
      </div>
      {draft.when === 'later' ? (
        <Field
          label={startLabel(draft, now)}
          type="datetime-local"
          value={draft.start}
          problem={shown.start}
          onChange={(start) => set({ start })}
        />
      ) : null}
      <Field label="Duration (minutes)" value={draft.minutes} problem={shown.minutes} onChange={(minutes) => set({ minutes })} />
      <Field label="Ramp (seconds)" value={draft.rampSeconds} problem={shown.rampSeconds} onChange={(rampSeconds) => set({ rampSeconds })} />
      <div className={styles.end}>
        <p className={styles.preview}>{valid && feeder ? preview(toInput(draft, now), feeder, now) : ''}</p>
        {error ? (
          <p className="problem" role="alert">
            {errorText(error)}
          </p>
        ) : null}
        <div className={styles.actions}>
          <button type="submit" className="button" data-kind="primary" disabled={fetching}>
            {fetching ? 'Creating…' : 'Create event'}
          </button>
          <button type="button" className="button" onClick={onClose}>
            Close
          </button>
        </div>
      </div>
    </form>
  );
}
