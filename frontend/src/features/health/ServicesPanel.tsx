//! The parts of the system: which work, since when, and what each is for.
import type { CombinedError } from '@urql/core';
import type { ServicePartFragment } from '../../shared/gql/graphql';
import { Badge } from '../../shared/ui/Badge';
import { For } from '../../shared/ui/For';
import { Panel } from '../../shared/ui/Panel';
import { Failed, Loading } from '../../shared/ui/States';
import styles from './HealthPage.module.css';

interface Part {
  key: string;
  name: string;
  what: string;
  state: ServicePartFragment;
}

interface Props {
  parts: readonly Part[] | undefined;
  error: CombinedError | undefined;
  again: () => void;
}

export function ServicesPanel({ parts, error, again }: Props) {
  return (
    <Panel title="Services">
      {!parts && error ? <Failed what="the services" error={error} again={again} /> : null}
      {!parts && !error ? <Loading what="the services" height={220} /> : null}
      {parts ? (
        <ul className={styles.list}>
          {parts.map(({ key, name, what, state }) => (
            <li key={key} className={styles.row}>
              <div className={styles.line}>
                <strong>{name}</strong>
                <Badge tone={state.ok ? 'ok' : 'bad'} icon={state.ok ? 'inside' : 'over'}>
                  {state.ok ? 'Working' : 'Not working'}
                </Badge>
                {state.since ? (
                  <span className={styles.end}>
                    <For since={state.since} />
                  </span>
                ) : null}
              </div>
              {state.detail ? <p className={styles.detail}>{state.detail}</p> : null}
              <p className={styles.quiet}>{what}</p>
            </li>
          ))}
        </ul>
      ) : null}
    </Panel>
  );
}
