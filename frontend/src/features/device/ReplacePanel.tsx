//! Putting another device into the place of this one: who, what that does, asked once more. For operators only.
import { useId, useState } from 'react';
import type { SyntheticEvent } from 'react';
import type { CombinedError } from '@urql/core';
import { useMutation, useQuery } from 'urql';
import { useLocation } from 'wouter';
import { useCan } from '../../shared/lib/can';
import { refusalOf } from '../../shared/lib/refusal';
import { sayDone } from '../../shared/lib/toasts';
import { deviceHref } from '../../shared/lib/hrefs';
import { FormEnd } from '../../shared/ui/FormEnd';
import { FormField } from '../../shared/ui/FormField';
import formStyles from '../../shared/ui/Form.module.css';
import { Panel } from '../../shared/ui/Panel';
import type { Facts } from './model';
import { ReplaceDevice, ReplacementsQuery } from './queries';
import { candidates, checkReplacement, replacementPreview } from './replacement';

export function ReplacePanel({ device }: { device: Facts }) {
  const may = useCan('setDevice');
  const [open, setOpen] = useState(false);
  if (!may) return null;
  return (
    <Panel title="Replace">
      {open ? (
        <ReplaceForm device={device} onClose={() => setOpen(false)} />
      ) : (
        <>
          <p className="hint">For a device that was exchanged: the new one takes its place and its settings.</p>
          <div>
            <button type="button" className="button" data-size="s" onClick={() => setOpen(true)}>
              Replace this device…
            </button>
          </div>
        </>
      )}
    </Panel>
  );
}

const API_FIELDS = ['id', 'by'] as const;

function ReplaceForm({ device, onClose }: { device: Facts; onClose: () => void }) {
  const listId = useId();
  const [, go] = useLocation();
  const [by, setBy] = useState('');
  const [tried, setTried] = useState(false);
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<CombinedError>();
  const [{ data }] = useQuery({ query: ReplacementsQuery, variables: { type: device.type, search: by.trim() || null }, requestPolicy: 'cache-and-network' });
  const [{ fetching }, replace] = useMutation(ReplaceDevice);
  const problem = checkReplacement(device, by);
  const refusal = refusalOf(error, API_FIELDS);

  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (problem) return;
    if (!asking) {
      setAsking(true);
      return;
    }
    const answer = await replace({ id: device.id, by: by.trim() });
    setAsking(false);
    setError(answer.error);
    if (answer.error) return;
    sayDone({ text: `${by.trim()} has taken the place of ${device.id}.` });
    go(deviceHref(by.trim()));
  };

  return (
    <form className={formStyles.form} aria-label={`Replace ${device.id}`} noValidate onSubmit={(event) => void submit(event)}>
      <FormField label="Replaced by" problem={refusal.fields.by ?? refusal.fields.id ?? (tried ? problem : undefined)} hint="A device of the same type that waits or is known">
        {(bind) => (
          <>
            <input
              {...bind}
              type="text"
              autoComplete="off"
              autoFocus
              list={listId}
              value={by}
              onChange={(event) => {
                setAsking(false);
                setError(undefined);
                setBy(event.target.value);
              }}
            />
            <datalist id={listId}>
              {candidates(device, data).map(({ id, where }) => (
                <option key={id} value={id}>
                  {where}
                </option>
              ))}
            </datalist>
          </>
        )}
      </FormField>
      <FormEnd
        preview={
          <p className={formStyles.preview} role="status">
            {problem ? '' : `${asking ? 'Do this? ' : ''}${replacementPreview(device, by)}`}
          </p>
        }
        refused={refusal.rest}
        submit={asking ? 'Yes, replace it' : 'Replace…'}
        disabled={fetching}
        onClose={onClose}
      />
    </form>
  );
}
