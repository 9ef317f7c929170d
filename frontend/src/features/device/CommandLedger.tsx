//! What the device was told, the newest first, and how far each command came.
import { readFragment } from '../../shared/gql';
import { count, kw } from '../../shared/lib/format';
import { usePaged } from '../../shared/lib/paged';
import { fullTime, parseTime } from '../../shared/lib/time';
import { testIds } from '../../shared/testIds';
import { At } from '../../shared/ui/At';
import { Badge } from '../../shared/ui/Badge';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { latency, STAGES, stageTimes } from './commands';
import type { Command } from './commands';
import { CommandFields, CommandsQuery } from './queries';
import styles from './CommandLedger.module.css';

const PAGE = 10;
const ASK_EVERY_MS = 10_000;

interface Props {
  id: string;
  onExplain: (at: number) => void;
}

export function CommandLedger({ id, onExplain }: Props) {
  const { page, error, loading, busy, more, refresh } = usePaged({
    query: CommandsQuery,
    variables: (after) => ({ id, first: PAGE, after }),
    pick: ({ commands }) => ({
      items: commands.edges.map(({ node }) => readFragment(CommandFields, node)),
      next: commands.pageInfo.hasNextPage ? commands.pageInfo.endCursor : null,
      total: commands.totalCount,
    }),
    key: id,
    everyMs: ASK_EVERY_MS,
  });
  return (
    <Panel title="Commands" aside={page && page.total > 0 ? <span className={styles.n}>{count(page.total)}</span> : null}>
      {error && !page ? <Failed what="the commands" error={error} again={refresh} /> : null}
      {error && page ? <StaleStrip>The server does not answer. These are the last known commands.</StaleStrip> : null}
      {loading ? <Loading what="the commands" height={200} /> : null}
      {page?.items.length === 0 ? <Empty title="It was never commanded">A command appears here when its setpoint changes.</Empty> : null}
      {page && page.items.length > 0 ? (
        <ol className={styles.list} aria-label="Commands, the newest first">
          {page.items.map((command) => (
            <Row key={command.id} command={command} onExplain={onExplain} />
          ))}
        </ol>
      ) : null}
      {page?.next ? (
        <button type="button" className={`button ${styles.more}`} data-size="s" disabled={busy} onClick={more}>
          {busy ? 'Loading…' : 'Show older'}
        </button>
      ) : null}
    </Panel>
  );
}

function Row({ command, onExplain }: { command: Command; onExplain: (at: number) => void }) {
  const look = STAGES[command.stage];
  const decided = parseTime(command.decidedAt) ?? 0;
  const times = stageTimes(command);
  return (
    <li className={styles.row} data-testid={testIds.commandRow}>
      <span className={styles.at}>
        <At at={command.decidedAt} seconds />
      </span>
      <span className={styles.setpoint}>{kw(command.setpointKw)}</span>
      <Badge tone={look.tone} icon={look.icon} title={look.title}>
        {look.text}
      </Badge>
      <span className={styles.times}>
        {times.map(({ name, at, after }) => (
          <span key={name}>
            {name}{' '}
            <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
              {latency(after)}
            </time>
          </span>
        ))}
        {times.length === 0 ? <span>nothing more is known</span> : null}
        {command.reason ? <strong>{command.reason}</strong> : null}
      </span>
      <button
        type="button"
        className="button"
        data-kind="quiet"
        data-size="s"
        aria-label={`Why ${kw(command.setpointKw)} at ${fullTime(decided)}?`}
        onClick={() => onExplain(decided)}
      >
        Why?
      </button>
    </li>
  );
}
