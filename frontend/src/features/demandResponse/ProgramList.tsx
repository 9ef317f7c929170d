//! The programs: what each sheds, what comes of it while it runs, and what those may do who may.
import { useState } from 'react';
import { useMutation } from 'urql';
import { Effect } from '../../shared/events/Effect';
import { programPhase } from '../../shared/events/programPhase';
import type { Phase } from '../../shared/events/programPhase';
import { TimedRow } from '../../shared/events/TimedRow';
import type { FeederFacts } from '../../shared/feeders/model';
import { useCan } from '../../shared/lib/can';
import { wrongIn } from '../../shared/lib/refusal';
import { words } from '../../shared/lib/format';
import { useThresholds } from '../../shared/lib/thresholds';
import { testIds } from '../../shared/testIds';
import { Badge } from '../../shared/ui/Badge';
import { Confirm } from '../../shared/ui/Confirm';
import { Panel } from '../../shared/ui/Panel';
import type { Done } from '../../shared/lib/toasts';
import { Empty } from '../../shared/ui/States';
import { Impact } from './Impact';
import { feedersOf, inOrder, sayShape } from './model';
import type { Program } from './model';
import { activationSentence } from './programDraft';
import { ProgramForm } from './ProgramForm';
import { DeleteProgram, SetProgramActive } from './queries';
import styles from './ProgramList.module.css';

interface Props {
  programs: readonly Program[];
  feeders: readonly FeederFacts[];
  now: number;
  picked: string | null;
  past: boolean;
  onPast: (past: boolean) => void;
  onDone: (done: Done) => void;
}

export function ProgramList({ programs, past, onPast, ...rest }: Props) {
  const ordered = inOrder(programs, (program) => programPhase(program, rest.now));
  const aside = (
    <label className="check">
      <input type="checkbox" checked={past} onChange={(event) => onPast(event.target.checked)} /> Show past events and programs
    </label>
  );
  return (
    <Panel title="Programs" aside={aside}>
      {ordered.length === 0 ? (
        <Empty title={past ? 'No programs' : 'No program is on or to come'}>
          A program sheds load on one feeder, on several or on all, by a fixed power or by price.
        </Empty>
      ) : (
        <ul>
          {ordered.map((program) => (
            <Row key={program.id} program={program} {...rest} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

type RowProps = Omit<Props, 'programs' | 'past' | 'onPast'> & { program: Program };

function Row({ program, feeders, now, picked, onDone }: RowProps) {
  const [editing, setEditing] = useState(false);
  const phase = programPhase(program, now);
  const thresholds = useThresholds();
  const done = (what: Done) => {
    setEditing(false);
    onDone(what);
  };
  return (
    <TimedRow
      title={
        <>
          <strong>{program.name}</strong> <Badge>{words(program.mode)}</Badge>
        </>
      }
      start={program.start}
      end={program.end}
      phase={phase}
      now={now}
      isPicked={picked === `program/${program.id}`}
      testId={testIds.drProgram}
    >
      <p className={styles.shape}>{sayShape(program, feeders, thresholds)}.</p>
      {program.impact ? <Impact impact={program.impact} target={program.targetShedKw} isOn={phase === 'active'} /> : null}
      {editing || !program.active ? null : <Effect what={program.name} held={program} feederIds={feedersOf(program, feeders).map(({ id }) => id)} now={now} />}
      {editing ? <ProgramForm feeders={feeders} program={program} feederId={null} onClose={() => setEditing(false)} onDone={done} /> : null}
      {editing ? null : <Actions program={program} feeders={feeders} phase={phase} now={now} onEdit={() => setEditing(true)} onDone={onDone} />}
    </TimedRow>
  );
}

interface ActionsProps {
  program: Program;
  feeders: readonly FeederFacts[];
  phase: Phase;
  now: number;
  onEdit: () => void;
  onDone: (done: Done) => void;
}

function Actions({ program, feeders, phase, now, onEdit, onDone }: ActionsProps) {
  const mayEdit = useCan('editProgram');
  const mayDelete = useCan('deleteProgram');
  const thresholds = useThresholds();
  const [, setActive] = useMutation(SetProgramActive);
  const [, remove] = useMutation(DeleteProgram);
  const { id, name, active } = program;

  const turn = async () => {
    const wrong = wrongIn(await setActive({ id, active: !active }));
    if (wrong !== null) return wrong;
    const undo = async () => wrongIn(await setActive({ id, active }));
    onDone({ text: `“${name}” is ${active ? 'switched off' : 'switched on'}.`, undo });
    return null;
  };

  if (!mayDelete && (!mayEdit || phase === 'past')) return null;
  return (
    <div className={styles.actions}>
      {mayEdit && phase !== 'past' ? (
        <Confirm
          label={active ? 'Deactivate' : 'Activate'}
          name={`${active ? 'Deactivate' : 'Activate'} ${name}`}
          sentence={activationSentence(program, feeders, now, thresholds)}
          yes={active ? 'Deactivate' : 'Activate'}
          onYes={turn}
        />
      ) : null}
      {mayEdit && phase !== 'past' ? (
        <button type="button" className="button" data-size="s" aria-label={`Change ${name}`} onClick={onEdit}>
          Change
        </button>
      ) : null}
      {mayDelete ? (
        <Confirm
          label="Delete"
          name={`Delete ${name}`}
          kind="quiet"
          sentence={phase === 'active' ? 'It ends now and is gone for good.' : 'It is gone for good.'}
          yes="Delete program"
          no="Keep it"
          danger
          onYes={async () => {
            const wrong = wrongIn(await remove({ id }));
            if (wrong === null) onDone({ text: `“${name}” is deleted.` });
            return wrong;
          }}
        />
      ) : null}
    </div>
  );
}
