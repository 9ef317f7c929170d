//! The form that makes an event or changes one. What is valid is decided in draft.ts and, in the end, by the API.
import { useState } from 'react';
import type { SyntheticEvent } from 'react';
import type { CombinedError } from '@urql/core';
import { useMutation } from 'urql';
import type { DrEventFragment, EventInput } from '../gql/graphql';
import { readFragment } from '../gql';
import { kw } from '../lib/format';
import { useNow } from '../lib/hooks';
import { refusalOf, wrongIn } from '../lib/refusal';
import { parseTime, zonedTime } from '../lib/time';
import type { Done } from '../lib/toasts';
import { Field } from '../ui/Field';
import { FormField } from '../ui/FormField';
import { Segmented } from '../ui/Segmented';
import { atFormFields, checkEvent, draftOfEvent, EVENT_FIELDS, eventInput, eventPatch, eventPreview, newEvent, patchBack, startLabel } from './draft';
import type { EventDraft, EventProblems, FeederFacts } from './draft';
import { CancelDrEvent, CreateDrEvent, DrEventFields, UpdateDrEvent } from './queries';
import styles from '../ui/Form.module.css';

interface Props {
  feeders: readonly FeederFacts[];
  /** The event to change; without one, a new event. */
  event?: DrEventFragment | undefined;
  /** The feeder of a new event. */
  feederId?: string | undefined;
  onClose: () => void;
  onDone: (done: Done) => void;
}

const WHEN = [
  { value: 'now', label: 'Now' },
  { value: 'later', label: 'Later' },
] as const;
const API_FIELDS = Object.keys(EVENT_FIELDS) as (keyof typeof EVENT_FIELDS)[];

export function EventForm({ feeders, event, feederId, onClose, onDone }: Props) {
  const now = useNow();
  const [draft, setDraft] = useState(() => (event ? draftOfEvent(event) : newEvent(feederId ?? feeders[0]?.id ?? '', Date.now())));
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<CombinedError>();
  const { save, saving } = useSave(event, onDone, setError);
  const start = event ? parseTime(event.start) : null;
  const begun = start !== null && start <= now ? start : null;
  const feeder = feeders.find((each) => each.id === draft.feederId);
  const problems = checkEvent(draft, feeder, now, begun);
  const valid = Object.keys(problems).length === 0;
  const refusal = refusalOf(error, API_FIELDS);
  const shown: EventProblems = { ...atFormFields(refusal.fields), ...(tried ? problems : {}) };
  const set = (part: Partial<EventDraft>) => {
    setError(undefined);
    setDraft((before) => ({ ...before, ...part }));
  };

  const submit = (submitted: SyntheticEvent<HTMLFormElement>) => {
    submitted.preventDefault();
    setTried(true);
    if (valid && feeder) void save(draft, feeder, begun);
  };

  return (
    <form className={styles.form} aria-label={event ? `Change the event on ${event.feederId}` : 'New event'} noValidate onSubmit={submit}>
      <FormField
        label="Feeder"
        problem={shown.feederId}
        hint={feeder ? `Load now ${kw(feeder.loadKw)}, own limit ${kw(feeder.importLimitKw)}` : undefined}
      >
        {(bind) => (
          <select {...bind} value={draft.feederId} autoFocus disabled={event !== undefined} onChange={(e) => set({ feederId: e.target.value })}>
            {feeders.map((each) => (
              <option key={each.id}>{each.id}</option>
            ))}
          </select>
        )}
      </FormField>
      <Field label="Limit (kW)" value={draft.limitKw} problem={shown.limitKw} onChange={(limitKw) => set({ limitKw })} />
      {event ? null : (
        <div className="field">
          <span className={styles.label}>Start</span>
          <Segmented label="Start" options={WHEN} value={draft.when} onChange={(when) => set({ when })} />
        </div>
      )}
      {draft.when === 'later' && begun === null ? (
        <Field
          label={startLabel(draft, now)}
          type="datetime-local"
          value={draft.start}
          problem={shown.start}
          onChange={(value) => set({ start: value })}
        />
      ) : null}
      <Field
        label={begun === null ? 'Duration (minutes)' : `Duration (minutes since ${zonedTime(begun, now)})`}
       
        value={draft.minutes}
        problem={shown.minutes}
        onChange={(minutes) => set({ minutes })}
      />
      <Field label="Ramp (seconds)" value={draft.rampSeconds} problem={shown.rampSeconds} onChange={(rampSeconds) => set({ rampSeconds })} />
      <div className={styles.end}>
        <p className={styles.preview}>{valid && feeder ? eventPreview(eventInput(draft, now, begun), feeder, now) : ''}</p>
        {refusal.rest ? (
          <p className="problem" role="alert">
            {refusal.rest}
          </p>
        ) : null}
        <div className={styles.actions}>
          <button type="submit" className="button" data-kind="primary" disabled={saving}>
            {saving ? 'Saving…' : event ? 'Save changes' : 'Create event'}
          </button>
          <button type="button" className="button" onClick={onClose}>
            Close
          </button>
        </div>
      </div>
    </form>
  );
}

function useSave(event: DrEventFragment | undefined, onDone: (done: Done) => void, onError: (error: CombinedError) => void) {
  const [creating, create] = useMutation(CreateDrEvent);
  const [updating, update] = useMutation(UpdateDrEvent);
  const [, cancel] = useMutation(CancelDrEvent);

  const change = async (kept: DrEventFragment, draft: EventDraft, begun: number | null, sentence: string) => {
    const { id } = kept;
    const patch = eventPatch(kept, draft, Date.now(), begun);
    const { error } = await update({ id, input: patch });
    if (error) onError(error);
    else onDone({ text: `Event changed. ${sentence}`, undo: async () => wrongIn(await update({ id, input: patchBack(kept, patch) })) });
  };
  const make = async (input: EventInput, sentence: string) => {
    const { data, error } = await create({ input });
    if (error) onError(error);
    if (!data) return;
    const { id } = readFragment(DrEventFields, data.createEvent);
    onDone({ text: `Event created. ${sentence}`, undo: async () => wrongIn(await cancel({ id })) });
  };
  const save = (draft: EventDraft, feeder: FeederFacts, begun: number | null) => {
    const input = eventInput(draft, Date.now(), begun);
    const sentence = eventPreview(input, feeder, Date.now());
    return event ? change(event, draft, begun, sentence) : make(input, sentence);
  };
  return { save, saving: creating.fetching || updating.fetching };
}
