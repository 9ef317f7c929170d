//! The settings of a device that operators may change. What is valid is decided in settings.ts and by the API.
import { useState } from 'react';
import type { SyntheticEvent } from 'react';
import type { CombinedError } from '@urql/core';
import { useMutation } from 'urql';
import { useFeederNames } from '../../shared/feeders/useFeederNames';
import { refusalOf, wrongIn } from '../../shared/lib/refusal';
import type { Done } from '../../shared/lib/toasts';
import { Field } from '../../shared/ui/Field';
import { FormEnd } from '../../shared/ui/FormEnd';
import formStyles from '../../shared/ui/Form.module.css';
import { FormField } from '../../shared/ui/FormField';
import type { Facts } from './model';
import { SetDevice } from './queries';
import { checkSettings, isChanged, settingsInput, settingsOf, SETTINGS_FIELDS, settingsPreview, stores, undoInput } from './settings';
import type { SettingsDraft } from './settings';

interface Props {
  device: Facts;
  onClose: () => void;
  onDone: (done: Done) => void;
}

export function SettingsForm({ device, onClose, onDone }: Props) {
  const [before] = useState(() => settingsOf(device));
  const [draft, setDraft] = useState(before);
  const [error, setError] = useState<CombinedError>();
  const [{ fetching }, save] = useMutation(SetDevice);
  const feeders = useFeederNames();
  const problems = checkSettings(draft, before);
  const valid = Object.keys(problems).length === 0;
  const input = settingsInput(device.id, before, draft);
  const refusal = refusalOf(error, SETTINGS_FIELDS);
  const shown = { ...refusal.fields, ...problems };
  const set = (part: Partial<SettingsDraft>) => {
    setError(undefined);
    setDraft((last) => ({ ...last, ...part }));
  };

  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!valid || !isChanged(input)) return;
    const answer = await save({ input });
    setError(answer.error);
    const back = undoInput(device.id, before, draft);
    if (!answer.error) {
      onDone({ text: `${device.id}: ${settingsPreview(input)}`, undo: back && (async () => wrongIn(await save({ input: back }))) });
    }
  };

  const choices = feeders.includes(draft.feederId) ? feeders : [draft.feederId, ...feeders];
  return (
    <form className={formStyles.form} aria-label={`Settings of ${device.id}`} noValidate onSubmit={(event) => void submit(event)}>
      <FormField label="Feeder" problem={shown.feederId}>
        {(bind) => (
          <select {...bind} value={draft.feederId} autoFocus onChange={(event) => set({ feederId: event.target.value })}>
            {choices.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        )}
      </FormField>
      <Field label="Priority (1 to 10)" value={draft.priority} problem={shown.priority} onChange={(priority) => set({ priority })} />
      {stores(device) ? (
        <Field label="Target charge (%)" value={draft.targetSoc} problem={shown.targetSoc} onChange={(targetSoc) => set({ targetSoc })} />
      ) : null}
      <Field
        label="Without a setpoint (kW)"
        hint="What it does when its setpoint lapses; + takes, − gives"
        value={draft.fallbackKw}
        problem={shown.fallbackKw}
        onChange={(fallbackKw) => set({ fallbackKw })}
      />
      <label className={`check ${formStyles.wide}`}>
        <input type="checkbox" checked={draft.optedOut} onChange={(event) => set({ optedOut: event.target.checked })} /> Opted out: counted, never commanded
      </label>
      <FormEnd
        preview={<p className={formStyles.preview}>{valid && isChanged(input) ? settingsPreview(input) : ''}</p>}
        refused={refusal.rest}
        submit={fetching ? 'Saving…' : 'Save'}
        disabled={fetching || !isChanged(input)}
        onClose={onClose}
      />
    </form>
  );
}
