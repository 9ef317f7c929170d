//! Programs that act on the feeder, now and to come; they are changed on the page of demand response.
import { Link } from 'wouter';
import { TimedRow } from '../../shared/events/TimedRow';
import { useCan } from '../../shared/lib/can';
import { kw, words } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { useLiveQuery } from '../../shared/lib/live';
import { testIds } from '../../shared/testIds';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { acting } from './programs';
import type { Acting } from './programs';
import { FeederPrograms } from './queries';

const ASK_EVERY_MS = 10_000;

interface Props {
  feederId: string;
  feeders: readonly { id: string; parentId: string | null }[];
}

export function ProgramsPanel({ feederId, feeders }: Props) {
  const now = useNow();
  const mayMake = useCan('editProgram');
  const { data, error, loading, refresh } = useLiveQuery({ query: FeederPrograms, variables: {}, everyMs: ASK_EVERY_MS });
  const programs = acting(data?.drPrograms ?? [], feeders, feederId, now);
  const aside = mayMake ? (
    <Link href={`/demand-response?new=program&feeder=${encodeURIComponent(feederId)}`} className="button" data-size="s">
      <Icon name="plus" /> New program
    </Link>
  ) : null;
  return (
    <Panel title="Programs" aside={aside}>
      {error && !data ? <Failed what="the programs" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the programs" height={64} /> : null}
      {data && programs.length === 0 ? <Empty title="No program is on or to come">A program sheds load on this feeder, or on one above it.</Empty> : null}
      {programs.length > 0 ? (
        <ul>
          {programs.map((each) => (
            <Row key={each.program.id} acting={each} feederId={feederId} now={now} />
          ))}
        </ul>
      ) : null}
    </Panel>
  );
}

function Row({ acting: { program, phase, on }, feederId, now }: { acting: Acting; feederId: string; now: number }) {
  const { id, name, mode, start, end, targetShedKw, impact } = program;
  return (
    <TimedRow
      title={
        <>
          <Link href={`/demand-response?pick=${encodeURIComponent(`program/${id}`)}`}>{name}</Link> {mode === 'FIXED_CAP' ? `${kw(targetShedKw)} off` : words(mode)}
          {on === feederId ? '' : `, by ${on} above`}
        </>
      }
      start={start}
      end={end}
      more={impact && phase === 'active' ? ` · sheds ${kw(impact.shedKw)} now` : null}
      phase={phase}
      now={now}
      testId={testIds.feederProgram}
    />
  );
}
