//! The form that makes a program or changes one. What is valid is decided in programDraft.ts and, in the end, by the API.
import { useState } from 'react';
import type { SyntheticEvent } from 'react';
import type { CombinedError } from '@urql/core';
import { useMutation } from 'urql';
import type { FeederFacts } from '../../shared/feeders/model';
import { readFragment } from '../../shared/gql';
import { kw } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { useThresholds } from '../../shared/lib/thresholds';
import { refusalOf, wrongIn } from '../../shared/lib/refusal';
import { zoneName } from '../../shared/lib/time';
import { FormEnd } from '../../shared/ui/FormEnd';
import formStyles from '../../shared/ui/Form.module.css';
import { Field } from '../../shared/ui/Field';
import type { Done } from '../../shared/lib/toasts';
import { Segmented } from '../../shared/ui/Segmented';
import { effects } from './model';
import type { Effect, Program } from './model';
import { checkProgram, draftOf, newProgram, PROGRAM_FIELDS, programInput, programPatch, programPreview, shapeOf } from './programDraft';
import type { ProgramDraft, ProgramProblems } from './programDraft';
import { CreateProgram, ProgramFields, SetProgramActive, UpdateProgram } from './queries';
import styles from './ProgramForm.module.css';

interface Props {
  feeders: readonly FeederFacts[];
  /** The program to change; without one, a new one. */
  program: Program | undefined;
  feederId: string | null;
  onClose: () => void;
  onDone: (done: Done) => void;
}

const MODES = [
  { value: 'FIXED_CAP', label: 'Fixed cap' },
  { value: 'PRICE_ELASTIC', label: 'Price elastic' },
] as const;

export function ProgramForm({ feeders, program, feederId, onClose, onDone }: Props) {
  const now = useNow();
  const [before] = useState(() => (program ? draftOf(program) : { ...newProgram(Date.now()), feederIds: feederId ? [feederId] : [] }));
  const [draft, setDraft] = useState<ProgramDraft>(before);
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<CombinedError>();
  const { save, saving } = useSave(program, before, onDone, setError);
  const thresholds = useThresholds();
  const problems = checkProgram(draft, now, thresholds);
  const valid = Object.keys(problems).length === 0;
  const refusal = refusalOf(error, PROGRAM_FIELDS);
  const shown: ProgramProblems = { ...refusal.fields, ...(tried ? problems : {}) };
  const set = (part: Partial<ProgramDraft>) => {
    setError(undefined);
    setDraft((last) => ({ ...last, ...part }));
  };
  const input = (key: 'name' | 'start' | 'end' | 'targetShedKw' | 'incentivePerKwh' | 'penaltyPerKwh') => ({
    value: draft[key],
    problem: shown[key],
    onChange: (value: string) => set({ [key]: value }),
  });
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (valid) void save(draft, programPreview(draft, feeders, now, thresholds));
  };

  return (
    <form className={formStyles.form} aria-label={program ? `Change ${program.name}` : 'New program'} noValidate onSubmit={submit}>
      <Field label="Name" words autoFocus {...input('name')} />
      <div className="field">
        <span className={formStyles.label}>Kind</span>
        <Segmented label="Kind" options={MODES} value={draft.mode} onChange={(mode) => set({ mode })} />
      </div>
      <Field label={`Start (${zoneName(now)})`} type="datetime-local" {...input('start')} />
      <Field label={`End (${zoneName(now)})`} type="datetime-local" {...input('end')} />
      <Field
        label={draft.mode === 'FIXED_CAP' ? 'Power to shed (kW)' : 'At least (kW)'}
       
        hint="Split evenly over the feeders"
        {...input('targetShedKw')}
      />
      {draft.mode === 'PRICE_ELASTIC' ? (
        <>
          <Field label="Penalty per kWh" hint={`Penalty less incentive: per cent of the limit, at most ${thresholds.priceMaxPercent}`} {...input('penaltyPerKwh')} />
          <Field label="Incentive per kWh" {...input('incentivePerKwh')} />
        </>
      ) : null}
      <FeederChoice feeders={feeders} chosen={draft.feederIds} problem={shown.feederIds} onChange={(feederIds) => set({ feederIds })} />
      {program ? null : (
        <label className={`check ${formStyles.wide}`}>
          <input type="checkbox" checked={draft.active} onChange={(event) => set({ active: event.target.checked })} /> Active: acts when its time comes
        </label>
      )}
      <FormEnd
        preview={valid ? <Preview draft={draft} feeders={feeders} sentence={programPreview(draft, feeders, now, thresholds)} /> : null}
        refused={refusal.rest}
        submit={saving ? 'Saving…' : program ? 'Save changes' : 'Create program'}
        disabled={saving}
        onClose={onClose}
      />
    </form>
  );
}

interface ChoiceProps {
  feeders: readonly FeederFacts[];
  chosen: readonly string[];
  problem: string | undefined;
  onChange: (chosen: string[]) => void;
}

/** A list to tick; with many feeders it scrolls. None ticked means all. */
function FeederChoice({ feeders, chosen, problem, onChange }: ChoiceProps) {
  return (
    <fieldset className={`${styles.feeders} ${formStyles.wide}`}>
      <legend className={formStyles.label}>Feeders {chosen.length === 0 ? '(none chosen: all top feeders)' : `(${chosen.length} chosen)`}</legend>
      <div className={styles.choices}>
        {feeders.map(({ id }) => (
          <label key={id} className="check">
            <input
              type="checkbox"
              checked={chosen.includes(id)}
              onChange={(event) => onChange(event.target.checked ? [...chosen, id] : chosen.filter((each) => each !== id))}
            />
            {id}
          </label>
        ))}
      </div>
      {problem ? <p className="problem">{problem}</p> : null}
    </fieldset>
  );
}

const SHOWN_MAX = 8;

function Preview({ draft, feeders, sentence }: { draft: ProgramDraft; feeders: readonly FeederFacts[]; sentence: string }) {
  const all = effects(shapeOf(draft), feeders, useThresholds());
  return (
    <div>
      <p className={formStyles.preview}>{sentence}</p>
      <ul className={styles.effects}>
        {all.slice(0, SHOWN_MAX).map((effect) => (
          <li key={effect.feeder.id}>{sayEffect(effect)}</li>
        ))}
        {all.length > SHOWN_MAX ? <li>and {all.length - SHOWN_MAX} more</li> : null}
      </ul>
    </div>
  );
}

function sayEffect({ feeder, limitKw }: Effect): string {
  const over = feeder.loadKw - limitKw;
  const load = over > 0 ? `${kw(over)} above that now` : 'below that now';
  return `${feeder.id}: limit ${kw(feeder.importLimitKw)} → ${kw(limitKw)}, load ${load}`;
}

function useSave(program: Program | undefined, before: ProgramDraft, onDone: (done: Done) => void, onError: (error: CombinedError) => void) {
  const [creating, create] = useMutation(CreateProgram);
  const [updating, update] = useMutation(UpdateProgram);
  const [, setActive] = useMutation(SetProgramActive);

  const change = async (kept: Program, draft: ProgramDraft, sentence: string) => {
    const { id } = kept;
    const { error } = await update({ id, input: programPatch(before, draft) });
    if (error) onError(error);
    else onDone({ text: `Program changed. ${sentence}`, undo: async () => wrongIn(await update({ id, input: programPatch(draft, before) })) });
  };
  const make = async (draft: ProgramDraft, sentence: string) => {
    const { data, error } = await create({ input: programInput(draft) });
    if (error) onError(error);
    if (!data) return;
    const { id, active } = readFragment(ProgramFields, data.createDrProgram);
    const undo = active ? async () => wrongIn(await setActive({ id, active: false })) : undefined;
    onDone({ text: `Program created. ${sentence}`, undo });
  };
  const save = (draft: ProgramDraft, sentence: string) => (program ? change(program, draft, sentence) : make(draft, sentence));
  return { save, saving: creating.fetching || updating.fetching };
}
