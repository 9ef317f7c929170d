//! Messages that were refused, by reason: how many, the last one, and what to do. For operators.
import { Link, useSearchParams } from 'wouter';
import { readFragment } from '../../shared/gql';
import { useCan } from '../../shared/lib/can';
import { count, plural } from '../../shared/lib/format';
import { useBulkQuery } from '../../shared/lib/live';
import { toRfc3339 } from '../../shared/lib/time';
import { deviceHref } from '../../shared/lib/hrefs';
import { testIds } from '../../shared/testIds';
import { Ago } from '../../shared/ui/Ago';
import { Panel } from '../../shared/ui/Panel';
import { Segmented } from '../../shared/ui/Segmented';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { advice, byCount, DEAD_SPANS, deadSpanOf, readableSample, totalLetters } from './model';
import type { DeadLetter, DeadSpan } from './model';
import { DeadLetterFields, DeadLettersQuery } from './queries';
import styles from './HealthPage.module.css';

const ASK_EVERY_MS = 15_000;

export function DeadLettersPanel() {
  const may = useCan('readDeadLetters');
  if (may) return <Letters />;
  return (
    <Panel title="Refused messages">
      <Empty title="For operators">Messages may hold what only operators should see.</Empty>
    </Panel>
  );
}

function Letters() {
  const [params, setParams] = useSearchParams();
  const span = deadSpanOf(params.get('letters'));
  const { data, error, loading, refresh } = useBulkQuery({
    query: DeadLettersQuery,
    variables: () => {
      const now = Date.now();
      return { from: toRfc3339(now - span.ms), to: toRfc3339(now) };
    },
    key: span.value,
    everyMs: ASK_EVERY_MS,
  });
  const letters = data && byCount(readFragment(DeadLetterFields, data.deadLetters));
  const choose = (value: DeadSpan['value']) => setParams(value === '24h' ? {} : { letters: value }, { replace: true });

  return (
    <Panel title="Refused messages" aside={<Segmented label="Time counted" options={DEAD_SPANS} value={span.value} onChange={choose} />}>
      {error && !data ? <Failed what="the refused messages" error={error} again={refresh} /> : null}
      {error && data ? <StaleStrip>The server does not answer. These are the last known counts.</StaleStrip> : null}
      {loading ? <Loading what="the refused messages" /> : null}
      {letters?.length === 0 ? <Empty title={`No message was refused in the ${span.words}`} /> : null}
      {letters && letters.length > 0 ? (
        <>
          <p className={styles.quiet}>
            {plural(totalLetters(letters), 'message')} in the {span.words}. Nothing was dropped silently.
          </p>
          <ul className={styles.list}>
            {letters.map((letter) => (
              <Letter key={letter.reason} letter={letter} />
            ))}
          </ul>
        </>
      ) : null}
    </Panel>
  );
}

function Letter({ letter }: { letter: DeadLetter }) {
  const { name, todo } = advice(letter.reason);
  return (
    <li className={styles.row} data-testid={testIds.deadLetterRow}>
      <div className={styles.line}>
        <strong>{name}</strong>
        <span className={styles.n}>{count(letter.count)}</span>
        <span className={styles.end}>
          last <Ago at={letter.lastAt} />
        </span>
      </div>
      <p className={styles.detail}>
        {letter.detail}
        {letter.deviceId ? (
          <>
            {' · '}
            <Link href={deviceHref(letter.deviceId)}>{letter.deviceId}</Link>
          </>
        ) : null}
      </p>
      <p className={styles.quiet}>{todo}</p>
      <details className={styles.more}>
        <summary>The last such message</summary>
        <pre className={styles.sample} tabIndex={0} role="region" aria-label={`Sample: ${name}`}>
          {readableSample(letter.sample)}
        </pre>
      </details>
    </li>
  );
}
