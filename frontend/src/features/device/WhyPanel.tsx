//! Why the device has its setpoint, now or at any moment: the sentence, then the numbers that it is made of.
import { Link } from 'wouter';
import { DecisionFactsFields } from '../../shared/decisions/queries';
import { bindingWords, reasonOf, rungWords } from '../../shared/decisions/reasons';
import { readFragment } from '../../shared/gql';
import { useNow } from '../../shared/lib/hooks';
import { useBulkQuery } from '../../shared/lib/live';
import { fromLocalInput, toLocalInput, toRfc3339, zoneName } from '../../shared/lib/time';
import { feederHref, replayHref } from '../../shared/lib/hrefs';
import { testIds } from '../../shared/testIds';
import { Ago } from '../../shared/ui/Ago';
import { At } from '../../shared/ui/At';
import { Badge } from '../../shared/ui/Badge';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { decisionWords, deviceNumbers, feederNumbers, sharedWords } from './explanation';
import type { Explanation, NumberRow } from './explanation';
import { ExplainQuery, ExplanationFields } from './queries';
import styles from './WhyPanel.module.css';

const ASK_EVERY_MS = 5000;
/** What was decided does not change; it may only be stored a little late. */
const ASK_PAST_EVERY_MS = 60_000;

interface Props {
  id: string;
  at: number | null;
  onAt: (at: number | null) => void;
}

export function WhyPanel({ id, at, onAt }: Props) {
  const { data, error, loading, refresh } = useBulkQuery({
    query: ExplainQuery,
    variables: () => ({ id, at: at === null ? null : toRfc3339(at) }),
    key: `${id}/${at ?? 'now'}`,
    everyMs: at === null ? ASK_EVERY_MS : ASK_PAST_EVERY_MS,
  });
  const found = readFragment(ExplanationFields, data?.explain) ?? null;
  const explanation = found && { ...found, decision: readFragment(DecisionFactsFields, found.decision) };
  return (
    <Panel title="Why this setpoint?" aside={<Moment at={at} onAt={onAt} />}>
      <div className={styles.why} data-testid={testIds.why}>
        {error && !data ? <Failed what="the explanation" error={error} again={refresh} /> : null}
        {error && data ? <StaleStrip>The server does not answer. This is the last known explanation.</StaleStrip> : null}
        {loading ? <Loading what="the explanation" height={180} /> : null}
        {data && !explanation ? (
          <Empty title="No decision is known for this moment">
            Nothing was decided for it then, or it is older than what is kept.
          </Empty>
        ) : null}
        {explanation ? <Told explanation={explanation} isNow={at === null} /> : null}
      </div>
    </Panel>
  );
}

function Moment({ at, onAt }: Pick<Props, 'at' | 'onAt'>) {
  const now = useNow(10_000);
  return (
    <div className={styles.moment}>
      <label className={styles.at}>
        At
        <input
          type="datetime-local"
          className="input"
          step={1}
          aria-label={`Moment to explain (${zoneName(at ?? now)})`}
          value={localSeconds(at ?? now)}
          onChange={(event) => {
            const picked = fromLocalInput(event.target.value);
            if (picked !== null) onAt(Math.min(picked, Date.now()));
          }}
        />
      </label>
      <button type="button" className="button" data-size="s" aria-pressed={at === null} disabled={at === null} onClick={() => onAt(null)}>
        Now
      </button>
    </div>
  );
}

function localSeconds(ms: number): string {
  return `${toLocalInput(ms)}:${String(new Date(ms).getSeconds()).padStart(2, '0')}`;
}

function Told({ explanation, isNow }: { explanation: Explanation; isNow: boolean }) {
  const { device, decision, boundFeederId, sentence } = explanation;
  const shared = sharedWords(explanation);
  return (
    <>
      <p className={styles.sentence} aria-live={isNow ? 'off' : 'polite'}>
        {sentence}
      </p>
      <p className={styles.badges}>
        <Badge tone="accent">{reasonOf(device.reason).title}</Badge>
        <Badge>Bound by {bindingWords(decision.bindingConstraint)}</Badge>
        {decision.certified ? null : (
          <Badge tone="warn" icon="near">
            Plan did not pass its check
          </Badge>
        )}
      </p>
      {shared ? (
        <p className={styles.line}>
          {shared} {boundFeederId ? <Link href={feederHref(boundFeederId)}>See {boundFeederId}</Link> : null}
        </p>
      ) : null}
      <div className={styles.numbers}>
        <Numbers title="This device" rows={deviceNumbers(explanation)} />
        <Numbers title={decision.feederId} rows={feederNumbers(explanation)} />
      </div>
      <p className={styles.foot}>
        Decided {isNow ? <Ago at={decision.at} /> : <At at={decision.at} seconds />} {triggerWords(decision.trigger)} · {decisionWords(explanation)} · {rungWords(decision.rung)}{' '}
        <Link href={replayHref(decision.feederId, decision.at)}>Replay this moment</Link>
      </p>
    </>
  );
}

const TRIGGERS: Record<string, string> = {
  WINDOW: 'at the end of its window',
  IDLE: 'by the clock: samples were missing',
  OVERLOAD: 'at once: the feeder was over its limit',
  OPERATOR: 'at once: an operator changed something',
};

function triggerWords(trigger: string): string {
  return TRIGGERS[trigger] ?? trigger.toLowerCase();
}

function Numbers({ title, rows }: { title: string; rows: readonly NumberRow[] }) {
  return (
    <div>
      <h3 className={styles.title}>{title}</h3>
      <dl className={styles.list}>
        {rows.map(({ term, value, hint }) => (
          <div key={term} title={hint}>
            <dt>
              {term}
              <span className={styles.hint}>{hint}</span>
            </dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
