//! The form that makes an event or changes one. What is valid is decided in eventModel.ts.
import { useId, useState } from 'react';
import type { SyntheticEvent } from 'react';
import { useMutation } from 'urql';
import { kw } from '../lib/format';
import { useNow } from '../lib/hooks';
import { useThresholds } from '../lib/thresholds';
import { refusalOf } from '../lib/refusal';
import { parseTime, toLocalInput } from '../lib/time';
import { toasts } from '../lib/toasts';
import { Field } from '../ui/Field';
import { Segmented } from '../ui/Segmented';
import { checkDraft, draftOf, phase, preview, startLabel, toInput, toPatch } from './eventModel';
import type { DrEvent, EventDraft, FeederFacts } from './eventModel';
import { CreateEvent } from './queries';
import { useCancelEvent, useUpdateEvent } from './useEventWrites';
import { FormEnd } from '../ui/FormEnd';
import styles from '../ui/Form.module.css';

interface Props {
  feeders: readonly FeederFacts[];
  /** The event that is changed; without it one is made. */
  event?: DrEvent;
  /** The feeder that a new event begins with. */
  feederId?: string | undefined;
  onClose: () => void;
  onDone: () => void;
}

const WHEN = [
  { value: 'now', label: 'Now' },
  { value: 'later', label: 'Later' },
] as const;
const FIELDS = ['feederId', 'limitKw', 'start', 'end', 'rampSeconds'] as const;

function firstDraft(feederId: string): EventDraft {
  return { feederId, limitKw: '', when: 'now', start: '', minutes: '30', rampSeconds: '0' };
}

export function EventForm({ feeders, event: edited, feederId, onClose, onDone }: Props) {
  const now = useNow();
  const [draft, setDraft] = useState(() => (edited ? draftOf(edited, now) : firstDraft(feederId ?? feeders[0]?.id ?? '')));
  const [tried, setTried] = useState(false);
  const [creating, create] = useMutation(CreateEvent);
  const [updating, update] = useUpdateEvent();
  const cancel = useCancelEvent()[1];
  const running = edited && phase(edited, now) === 'active' ? parseTime(edited.start) : null;
  const feeder = feeders.find((each) => each.id === draft.feederId);
  const problems = checkDraft(draft, { feeder, now, thresholds: useThresholds(), running });
  const valid = Object.keys(problems).length === 0;
  const refusal = refusalOf(creating.error ?? updating.error, FIELDS);
  const shown = { ...refusal.fields, ...(tried ? problems : {}) };
  const busy = creating.fetching || updating.fetching;
  const set = (part: Partial<EventDraft>) => setDraft((before) => ({ ...before, ...part }));

  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (!valid || !feeder) return;
    const input = toInput(draft, now, running);
    const sentence = preview(input, feeder, now);
    if (edited) {
      const patch = toPatch(edited, input);
      if (patch && !(await update(edited, patch, `Event changed. ${sentence}`))) return;
      onDone();
      return;
    }
    const { data } = await create({ input });
    if (!data) return;
    toasts.say({ text: `Event created. ${sentence}`, tone: 'done', undo: () => cancel(data.createEvent) });
    onDone();
  };

  return (
    <form className={styles.form} aria-label={edited ? `Change the event on ${edited.feederId}` : 'New event'} noValidate onSubmit={(event) => void submit(event)}>
      <FeederChoice feeders={feeders} value={draft.feederId} fixed={edited !== undefined} problem={shown.feederId} onChange={(feederId) => set({ feederId })} />
      <Field label="Limit (kW)" value={draft.limitKw} problem={shown.limitKw} onChange={(limitKw) => set({ limitKw })} autoFocus={edited !== undefined} />
      {edited ? null : (
        <div className="field">
          <span className={styles.label}>Start</span>
          <Segmented
            label="Start"
            options={WHEN}
            value={draft.when}
            onChange={(when) => set({ when, start: draft.start || toLocalInput(Date.now() + 900_000) })}
          />
        </div>
      )}
      {draft.when === 'later' && running === null ? (
        <Field label={startLabel(draft, now)} type="datetime-local" value={draft.start} problem={shown.start} onChange={(start) => set({ start })} />
      ) : null}
      <Field label="Duration (minutes)" value={draft.minutes} problem={shown.minutes ?? shown.end} onChange={(minutes) => set({ minutes })} />
      <Field label="Ramp (seconds)" value={draft.rampSeconds} problem={shown.rampSeconds} onChange={(rampSeconds) => set({ rampSeconds })} />
      <FormEnd
        preview={<p className={styles.preview}>{valid && feeder ? preview(toInput(draft, now, running), feeder, now) : ''}</p>}
        refused={refusal.rest}
        submit={submitWord(edited !== undefined, busy)}
        disabled={busy}
        onClose={onClose}
      />
    </form>
  );
}

function submitWord(edits: boolean, busy: boolean): string {
  if (edits) return busy ? 'Changing…' : 'Change event';
  return busy ? 'Creating…' : 'Create event';
}

interface ChoiceProps {
  feeders: readonly FeederFacts[];
  value: string;
  fixed: boolean;
  problem: string | undefined;
  onChange: (id: string) => void;
}

function FeederChoice({ feeders, value, fixed, problem, onChange }: ChoiceProps) {
  const id = useId();
  const feeder = feeders.find((each) => each.id === value);
  return (
    <div className="field">
      <label htmlFor={id}>Feeder</label>
      <select id={id} className="input" value={value} disabled={fixed} autoFocus={!fixed} onChange={(event) => onChange(event.target.value)}>
        {feeders.map((each) => (
          <option key={each.id}>{each.id}</option>
        ))}
      </select>
      {feeder ? (
        <p className="hint">
          Load now {kw(feeder.loadKw)}, own limit {kw(feeder.importLimitKw)}
        </p>
      ) : null}
      {problem ? <p className="problem">{problem}</p> : null}
    </div>
  );
}
