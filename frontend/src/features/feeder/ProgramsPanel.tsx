//! Programs that act on the feeder, now and to come; they are changed on the page of demand response.
import { Link } from 'wouter';
import { PHASES, remaining } from '../../shared/events/programPhase';
import { useCan } from '../../shared/lib/can';
import { kw, words } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { useLiveQuery } from '../../shared/lib/live';
import { fullTime, parseTime, zonedSpan } from '../../shared/lib/time';
import { testIds } from '../../shared/testIds';
import { Badge } from '../../shared/ui/Badge';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { acting } from './programs';
import type { Acting } from './programs';
import { FeederPrograms } from './queries';
import styles from './ProgramsPanel.module.css';

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
  const [from, to] = [parseTime(start) ?? now, parseTime(end) ?? now];
  const [fromText, toText] = zonedSpan(from, to, now);
  const { tone, icon, text } = PHASES[phase];
  return (
    <li className={styles.row} data-testid={testIds.feederProgram}>
      <div>
        <p>
          <Link href={`/demand-response?pick=${encodeURIComponent(`program/${id}`)}`}>{name}</Link>{' '}
          <span className={styles.what}>
            {mode === 'FIXED_CAP' ? `${kw(targetShedKw)} off` : words(mode)}
            {on === feederId ? '' : `, by ${on} above`}
          </span>
        </p>
        <p className={styles.when}>
          <time dateTime={start} title={fullTime(from)}>
            {fromText}
          </time>{' '}
          to{' '}
          <time dateTime={end} title={fullTime(to)}>
            {toText}
          </time>
          {impact && phase === 'active' ? ` · sheds ${kw(impact.shedKw)} now` : ''}
        </p>
      </div>
      <div className={styles.state}>
        <Badge tone={tone} icon={icon}>
          {text}
        </Badge>
        <span className={styles.when}>{remaining(phase, start, end, now)}</span>
      </div>
    </li>
  );
}
