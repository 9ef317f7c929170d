//! The simulator's time of day: day, night, or by the clock.
import { useRef, useState } from 'react';
import { useMutation } from 'urql';
import type { SimulationMode } from '../../shared/gql/graphql';
import { useCan } from '../../shared/lib/can';
import { useNow } from '../../shared/lib/hooks';
import { useLiveQuery } from '../../shared/lib/live';
import { wrongIn } from '../../shared/lib/refusal';
import { sayDone } from '../../shared/lib/toasts';
import { Ago } from '../../shared/ui/Ago';
import { Panel } from '../../shared/ui/Panel';
import { Segmented } from '../../shared/ui/Segmented';
import { Failed, Loading } from '../../shared/ui/States';
import { simulationWords } from '../../shared/simulation/model';
import { SimulationQuery } from '../../shared/simulation/queries';
import { SetSimulationMode } from './queries';
import styles from './HealthPage.module.css';

const ASK_EVERY_MS = 15_000;
const MODES = [
  { value: 'AUTO', label: 'By the clock' },
  { value: 'DAY', label: 'Day' },
  { value: 'NIGHT', label: 'Night' },
] as const;

export function SimulationPanel() {
  const { data, error, loading, refresh } = useLiveQuery({ query: SimulationQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const simulation = data?.simulation;
  const now = useNow(30_000);
  return (
    <Panel title="Simulation">
      {error && !simulation ? <Failed what="the simulation" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the simulation" height={64} /> : null}
      {simulation ? (
        <>
          <Mode mode={simulation.mode} hoursAhead={simulation.hoursAhead} />
          <p className={styles.detail}>
            {simulationWords(simulation, now)}
            {simulation.updatedAt ? (
              <>
                {' '}
                Set <Ago at={simulation.updatedAt} />.
              </>
            ) : null}
          </p>
        </>
      ) : null}
    </Panel>
  );
}

function Mode({ mode, hoursAhead }: { mode: SimulationMode; hoursAhead: number }) {
  const may = useCan('setSimulation');
  const [, set] = useMutation(SetSimulationMode);
  const [problem, setProblem] = useState<string | null>(null);
  /** What was chosen last, until the API has answered: its answer is then the mode that is shown. */
  const [asked, setAsked] = useState<SimulationMode | null>(null);
  const choices = useRef(0);
  if (!may) return <p className={styles.line}>{MODES.find(({ value }) => value === mode)?.label}</p>;

  const choose = async (next: SimulationMode) => {
    choices.current += 1;
    const choice = choices.current;
    setAsked(next);
    const wrong = wrongIn(await set({ mode: next }));
    if (choice === choices.current) setAsked(null);
    setProblem(wrong);
    if (wrong === null) sayDone({ text: simulationWords({ mode: next, hoursAhead }, Date.now()), undo: async () => wrongIn(await set({ mode })) });
  };
  return (
    <div>
      <Segmented label="Time of day" options={MODES} value={asked ?? mode} onChange={(next) => void choose(next)} />
      {problem ? (
        <p className="problem" role="alert">
          {problem}
        </p>
      ) : null}
    </div>
  );
}
