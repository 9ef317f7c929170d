//! The form that changes a feeder: what it will do stands below it, and is asked once more before it is done.
import { useId, useState } from 'react';
import type { ReactNode, SyntheticEvent } from 'react';
import { useQuery } from 'urql';
import type { FeederFacts } from '../../shared/feeders/model';
import type { FeederMode } from '../../shared/gql/graphql';
import { words } from '../../shared/lib/format';
import { refusalOf } from '../../shared/lib/refusal';
import { Field } from '../../shared/ui/Field';
import { PoliciesQuery } from './queries';
import { checkSettings, draftOf, effects, FIELDS, formerOf, isGrave, toInput } from './settings';
import type { SettingsDraft } from './settings';
import { useSetFeeder } from './useFeederWrites';
import type { OnChanged } from './useFeederWrites';
import styles from './SettingsPanel.module.css';

const MODES: readonly FeederMode[] = ['AUTOMATIC', 'MANUAL', 'SHADOW', 'DISABLED'];

interface Props {
  feeder: FeederFacts;
  feeders: readonly FeederFacts[];
  onClose: () => void;
  onChanged: OnChanged;
}

export function SettingsForm({ feeder, feeders, onClose, onChanged }: Props) {
  const [draft, setDraft] = useState(() => draftOf(feeder));
  const [asking, setAsking] = useState(false);
  const [{ data }] = useQuery({ query: PoliciesQuery });
  const [{ fetching, error }, setFeeder] = useSetFeeder(onChanged);
  const problems = checkSettings(draft);
  const valid = Object.keys(problems).length === 0;
  const input = valid ? toInput(draft, feeder) : null;
  const told = input ? effects(feeder, input) : [];
  const refusal = refusalOf(error, FIELDS);
  const shown = { ...refusal.fields, ...problems };
  const set = (part: Partial<SettingsDraft>) => {
    setAsking(false);
    setDraft((before) => ({ ...before, ...part }));
  };

  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!input) return;
    if (!asking) {
      setAsking(true);
      return;
    }
    setAsking(false);
    if (await setFeeder(input, formerOf(feeder, Object.keys(input)), told)) onClose();
  };

  return (
    <form className={styles.form} aria-label={`Settings of ${feeder.id}`} noValidate onSubmit={(event) => void submit(event)}>
      <div className={styles.limit}>
        <Field
          label="Import limit (kW)"
          value={draft.importDefault ? '' : draft.importLimit}
          problem={shown.importLimitKw}
          onChange={(importLimit) => set({ importLimit, importDefault: false })}
          autoFocus
        />
        <Check checked={draft.importDefault} onChange={(importDefault) => set({ importDefault })}>
          No limit of its own: the default holds
        </Check>
      </div>
      <div className={styles.limit}>
        <Field
          label="Export limit (kW)"
          value={draft.exportNone ? '' : draft.exportLimit}
          problem={shown.exportLimitKw}
          onChange={(exportLimit) => set({ exportLimit, exportNone: false })}
        />
        <Check checked={draft.exportNone} onChange={(exportNone) => set({ exportNone })}>
          No export limit
        </Check>
      </div>
      <Choice label="Mode" value={draft.mode} problem={shown.mode} onChange={(mode) => set({ mode: mode as FeederMode })}>
        {MODES.map((mode) => (
          <option key={mode} value={mode}>
            {words(mode)}
          </option>
        ))}
      </Choice>
      <Choice label="Policy" value={draft.policy} problem={shown.policy} onChange={(policy) => set({ policy })}>
        <option value="">Default{feeder.policyIsDefault ? ` (${feeder.policy})` : ''}</option>
        {(data?.policies ?? []).map((policy) => (
          <option key={policy}>{policy}</option>
        ))}
      </Choice>
      <Choice label="Below" value={draft.parentId} problem={shown.parentId} onChange={(parentId) => set({ parentId })}>
        <option value="">Nothing: it stands at the top</option>
        {feeders
          .filter(({ id }) => id !== feeder.id)
          .map(({ id }) => (
            <option key={id}>{id}</option>
          ))}
      </Choice>
      {refusal.rest ? (
        <p className="problem" role="alert">
          {refusal.rest}
        </p>
      ) : null}
      <div className={styles.effects} role="status" data-grave={asking && input && isGrave(feeder, input) ? true : undefined}>
        {asking ? <strong>Do this to {feeder.id}?</strong> : null}
        {told.length > 0 ? told.map((sentence) => <p key={sentence}>{sentence}</p>) : <p>Nothing is changed yet.</p>}
      </div>
      <div className={styles.actions}>
        <button type="submit" className="button" data-kind={asking ? 'danger' : 'primary'} disabled={fetching || !input}>
          {submitWord(asking, fetching)}
        </button>
        <button type="button" className="button" onClick={asking ? () => setAsking(false) : onClose}>
          {asking ? 'Back' : 'Close'}
        </button>
      </div>
    </form>
  );
}

function submitWord(asking: boolean, fetching: boolean): string {
  if (fetching) return 'Applying…';
  return asking ? 'Yes, apply' : 'Apply…';
}

function Check({ checked, onChange, children }: { checked: boolean; onChange: (checked: boolean) => void; children: ReactNode }) {
  return (
    <label className="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} /> {children}
    </label>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
  children: ReactNode;
}

function Choice({ label, value, problem, onChange, children }: ChoiceProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="input"
        value={value}
        aria-invalid={problem !== undefined}
        aria-describedby={problem ? `${id}-problem` : undefined}
        onChange={(event) => onChange(event.target.value)}
      >
        {children}
      </select>
      {problem ? (
        <p id={`${id}-problem`} className="problem">
          {problem}
        </p>
      ) : null}
    </div>
  );
}
