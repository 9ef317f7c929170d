//! Devices that were heard and wait for an operator; and a way to let one in that was never heard.
import { useState } from 'react';
import type { SyntheticEvent } from 'react';
import type { CombinedError } from '@urql/core';
import { useMutation } from 'urql';
import { useFeederNames } from '../../shared/feeders/useFeederNames';
import { readFragment } from '../../shared/gql';
import type { DeviceType, WaitingFragment } from '../../shared/gql/graphql';
import { useCan } from '../../shared/lib/can';
import { count, typeName } from '../../shared/lib/format';
import { useLiveQuery } from '../../shared/lib/live';
import { NOTICES } from '../../shared/lib/notices';
import { refusalOf } from '../../shared/lib/refusal';
import { sayDone } from '../../shared/lib/toasts';
import { testIds } from '../../shared/testIds';
import { Badge } from '../../shared/ui/Badge';
import { Field } from '../../shared/ui/Field';
import { For } from '../../shared/ui/For';
import { FormEnd } from '../../shared/ui/FormEnd';
import formStyles from '../../shared/ui/Form.module.css';
import { FormField } from '../../shared/ui/FormField';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { waitWords } from './model';
import { ApproveDevice, WaitingFields, WaitingQuery } from './queries';
import styles from './HealthPage.module.css';

const ASK_EVERY_MS = 10_000;
const TYPES: readonly DeviceType[] = ['EV', 'BATTERY', 'PV', 'METER', 'OTHER'];

export function WaitingPanel() {
  const { data, error, loading, refresh } = useLiveQuery({ query: WaitingQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const mayApprove = useCan('setDevice');
  const [adding, setAdding] = useState(false);
  /** Let in since the last answer, which still lists them. */
  const [letIn, setLetIn] = useState<{ base: typeof data; ids: readonly string[] }>({ base: undefined, ids: [] });
  const gone = letIn.base === data ? letIn.ids : [];
  const waiting = data?.waitingDevices.edges.map(({ node }) => readFragment(WaitingFields, node)).filter(({ id }) => !gone.includes(id)) ?? [];
  const left = (data?.waitingDevices.totalCount ?? 0) - (data?.waitingDevices.edges.length ?? 0);
  const done = (id: string, feederId: string) => {
    setAdding(false);
    setLetIn({ base: data, ids: [...gone, id] });
    sayDone({ text: `${id} is let in on ${feederId}.` });
    refresh();
  };

  const aside =
    mayApprove && !adding ? (
      <button type="button" className="button" data-size="s" onClick={() => setAdding(true)}>
        <Icon name="plus" /> Register a device
      </button>
    ) : null;
  return (
    <Panel title="Devices that wait" aside={aside}>
      {adding ? <ApproveForm onClose={() => setAdding(false)} onDone={done} /> : null}
      {error && !data ? <Failed what="the devices that wait" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the devices that wait" height={64} /> : null}
      {data && waiting.length === 0 && !adding ? <Empty title="No device waits">Every device that was heard is known.</Empty> : null}
      {waiting.length > 0 ? (
        <ul className={styles.list}>
          {waiting.map((device) => (
            <Waiting key={device.id} device={device} mayApprove={mayApprove} onDone={done} />
          ))}
        </ul>
      ) : null}
      {left > 0 ? <p className={styles.quiet}>and {count(left)} more</p> : null}
    </Panel>
  );
}

interface WaitingProps {
  device: WaitingFragment;
  mayApprove: boolean;
  onDone: (id: string, feederId: string) => void;
}

function Waiting({ device, mayApprove, onDone }: WaitingProps) {
  const [open, setOpen] = useState(false);
  return (
    <li className={styles.row} data-testid={testIds.waitingRow}>
      <div className={styles.line}>
        <strong>{device.id}</strong>
        <Badge>{typeName(device.type)}</Badge>
        {device.origin === 'PHYSICAL' ? (
          <Badge tone="accent" icon="physical">
            Physical
          </Badge>
        ) : null}
        <span className={styles.end}>
          <For since={device.since} />
        </span>
      </div>
      <p className={styles.detail}>
        {waitWords(device)}
      </p>
      {device.notices.map(({ kind, detail }) => (
        <p key={kind} className={styles.detail}>
          {NOTICES[kind].title}: {detail}
        </p>
      ))}
      {mayApprove && open ? <ApproveForm device={device} onClose={() => setOpen(false)} onDone={onDone} /> : null}
      {mayApprove && !open ? (
        <div className={styles.actions}>
          <button type="button" className="button" data-size="s" aria-label={`Approve ${device.id}`} onClick={() => setOpen(true)}>
            Approve…
          </button>
        </div>
      ) : null}
    </li>
  );
}

interface FormProps {
  /** The one that waits; without one, any device is registered beforehand. */
  device?: WaitingFragment;
  onClose: () => void;
  onDone: (id: string, feederId: string) => void;
}

const FIELDS = ['id', 'feederId', 'type'] as const;

function ApproveForm({ device, onClose, onDone }: FormProps) {
  const feeders = useFeederNames();
  const [id, setId] = useState(device?.id ?? '');
  const [feederId, setFeeder] = useState<string | null>(device?.feederId ?? null);
  const [type, setType] = useState<DeviceType>(device?.type ?? 'EV');
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<CombinedError>();
  const [{ fetching }, approve] = useMutation(ApproveDevice);
  const choices = device && !feeders.includes(device.feederId) ? [device.feederId, ...feeders] : feeders;
  const chosen = feederId ?? choices[0] ?? '';
  const refusal = refusalOf(error, FIELDS);
  const idProblem = refusal.fields.id ?? (tried && id.trim() === '' ? 'Enter the device’s id.' : undefined);
  const opens = chosen !== '' && !feeders.includes(chosen);

  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (id.trim() === '' || chosen === '') return;
    const answer = await approve({ id: id.trim(), feederId: chosen, type: device ? null : type });
    setError(answer.error);
    if (!answer.error) onDone(id.trim(), chosen);
  };

  return (
    <form className={formStyles.form} aria-label={device ? `Approve ${device.id}` : 'Register a device'} noValidate onSubmit={(event) => void submit(event)}>
      {device ? null : (
        <>
          <Field label="Device id" words autoFocus value={id} problem={idProblem} onChange={setId} />
          <FormField label="Type" problem={refusal.fields.type}>
            {(bind) => (
              <select {...bind} value={type} onChange={(event) => setType(TYPES.find((each) => each === event.target.value) ?? 'EV')}>
                {TYPES.map((each) => (
                  <option key={each} value={each}>
                    {typeName(each)}
                  </option>
                ))}
              </select>
            )}
          </FormField>
        </>
      )}
      <FormField label="Feeder" problem={refusal.fields.feederId} hint={opens ? 'It is not there yet: it is opened with the default limit.' : undefined}>
        {(bind) => (
          <select {...bind} value={chosen} autoFocus={device !== undefined} onChange={(event) => setFeeder(event.target.value)}>
            {choices.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        )}
      </FormField>
      <FormEnd
        preview={<p className={formStyles.preview}>{id.trim() && chosen ? `${id.trim()} is let in on ${chosen}: it is measured and commanded there from the next decision.` : ''}</p>}
        refused={refusal.rest}
        submit={device ? 'Approve' : 'Register'}
        disabled={fetching}
        onClose={onClose}
      />
    </form>
  );
}
