//! An operator's own setpoint for the device: what stands, until when, and the means to set and to clear it.
import { useState } from 'react';
import type { SyntheticEvent } from 'react';
import type { CombinedError } from '@urql/core';
import { useMutation } from 'urql';
import { useCan } from '../../shared/lib/can';
import { useNow } from '../../shared/lib/hooks';
import { useThresholds } from '../../shared/lib/thresholds';
import { refusalOf, wrongIn } from '../../shared/lib/refusal';
import { duration, fullTime, parseTime, zonedTime } from '../../shared/lib/time';
import { sayDone } from '../../shared/lib/toasts';
import type { Done } from '../../shared/lib/toasts';
import { Field } from '../../shared/ui/Field';
import { FormEnd } from '../../shared/ui/FormEnd';
import formStyles from '../../shared/ui/Form.module.css';
import { Panel } from '../../shared/ui/Panel';
import { orderWords } from './model';
import type { Facts } from './model';
import { ClearOverride, OverrideSetpoint } from './queries';
import { checkOverride, LENGTHS, overridePreview, overrideVariables, restoreOverride } from './settings';
import type { OverrideDraft } from './settings';
import styles from './OverridePanel.module.css';

export function OverridePanel({ device }: { device: Facts }) {
  const may = useCan('override');
  const [setting, setSetting] = useState(false);
  const { override } = device;
  return (
    <Panel title="Override">
      {override ? <Standing override={override} /> : <p className={styles.none}>None: control sets its power.</p>}
      {may && setting ? (
        <OverrideForm
          device={device}
          onClose={() => setSetting(false)}
          onDone={(done) => {
            setSetting(false);
            sayDone(done);
          }}
        />
      ) : null}
      {may && !setting ? (
        <div className={styles.actions}>
          <button type="button" className="button" data-size="s" onClick={() => setSetting(true)}>
            {override ? 'Change its power' : 'Set its power'}
          </button>
          {override ? <ClearButton device={device} /> : null}
        </div>
      ) : null}
    </Panel>
  );
}

function Standing({ override: { powerKw, until } }: { override: NonNullable<Facts['override']> }) {
  const now = useNow();
  const end = parseTime(until) ?? now;
  return (
    <p>
      Told to <strong>{orderWords(powerKw)}</strong> until{' '}
      <time dateTime={until} title={fullTime(end)}>
        {zonedTime(end, now)}
      </time>
      <span className={styles.left}> · {duration(end - now)} left</span>
    </p>
  );
}

function ClearButton({ device }: { device: Facts }) {
  const [{ fetching }, clear] = useMutation(ClearOverride);
  const [, set] = useMutation(OverrideSetpoint);
  const [problem, setProblem] = useState<string | null>(null);
  const act = async () => {
    const was = device.override;
    const wrong = wrongIn(await clear({ deviceId: device.id }));
    setProblem(wrong);
    if (wrong !== null) return;
    const undo = was
      ? async () => {
          const again = restoreOverride(device.id, was, Date.now());
          return again ? wrongIn(await set(again)) : 'it would be over by now.';
        }
      : undefined;
    sayDone({ text: `Override of ${device.id} cleared: control sets its power again.`, undo });
  };
  return (
    <>
      <button type="button" className="button" data-size="s" disabled={fetching} onClick={() => void act()}>
        Clear override
      </button>
      {problem ? (
        <p className="problem" role="alert">
          {problem}
        </p>
      ) : null}
    </>
  );
}

interface FormProps {
  device: Facts;
  onClose: () => void;
  onDone: (done: Done) => void;
}

const API_FIELDS = ['powerKw', 'forSeconds'] as const;

function OverrideForm({ device, onClose, onDone }: FormProps) {
  const now = useNow();
  const [draft, setDraft] = useState<OverrideDraft>({ powerKw: '', minutes: '30' });
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<CombinedError>();
  const [{ fetching }, save] = useMutation(OverrideSetpoint);
  const [, clear] = useMutation(ClearOverride);
  const problems = checkOverride(draft, device, useThresholds());
  const valid = Object.keys(problems).length === 0;
  const refusal = refusalOf(error, API_FIELDS);
  const shown = { powerKw: refusal.fields.powerKw, minutes: refusal.fields.forSeconds, ...(tried ? problems : {}) };
  const set = (part: Partial<OverrideDraft>) => {
    setError(undefined);
    setDraft((last) => ({ ...last, ...part }));
  };

  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (!valid) return;
    const was = device.override;
    const answer = await save(overrideVariables(device.id, draft));
    setError(answer.error);
    if (answer.error) return;
    const undo = async () => {
      const again = was && restoreOverride(device.id, was, Date.now());
      return wrongIn(again ? await save(again) : await clear({ deviceId: device.id }));
    };
    onDone({ text: overridePreview(device.id, draft, Date.now()), undo });
  };

  return (
    <form className={formStyles.form} aria-label={`Override ${device.id}`} noValidate onSubmit={(event) => void submit(event)}>
      <Field
        label="Power (kW)"
        hint="+ takes from the feeder, − gives to it"
        autoFocus
        value={draft.powerKw}
        problem={shown.powerKw}
        onChange={(powerKw) => set({ powerKw })}
      />
      <Field label="For (minutes)" value={draft.minutes} problem={shown.minutes} onChange={(minutes) => set({ minutes })} />
      <p className={`${formStyles.wide} ${styles.lengths}`}>
        {LENGTHS.map(({ minutes, label }) => (
          <button key={minutes} type="button" className="button" data-kind="quiet" data-size="s" onClick={() => set({ minutes })}>
            {label}
          </button>
        ))}
      </p>
      <FormEnd
        preview={<p className={formStyles.preview}>{valid ? overridePreview(device.id, draft, now) : ''}</p>}
        refused={refusal.rest}
        submit={fetching ? 'Sending…' : 'Set power'}
        disabled={fetching}
        onClose={onClose}
      />
    </form>
  );
}
