//! Who gave how much over a span, and each time that a limit was passed, with its cause; and the alarms of that time.
import { useState } from 'react';
import type { SyntheticEvent } from 'react';
import { useSearchParams } from 'wouter';
import { useLiveQuery } from '../../shared/lib/live';
import { useNow, useTitle } from '../../shared/lib/hooks';
import { fromLocalInput, toLocalInput, zonedSpan, zoneName } from '../../shared/lib/time';
import { Field } from '../../shared/ui/Field';
import { Segmented } from '../../shared/ui/Segmented';
import { AlarmsTable } from './AlarmsTable';
import { FairnessPanel } from './FairnessPanel';
import { boundsOf, checkSpan, spanFrom, SPANS, withSpan } from './model';
import type { Span } from './model';
import { FeederIds } from './queries';
import { ViolationsTable } from './ViolationsTable';
import styles from './ViolationsPage.module.css';

export function ViolationsPage() {
  useTitle('Fairness and violations');
  const [params, setParams] = useSearchParams();
  const { data } = useLiveQuery({ query: FeederIds, variables: {} });
  const ids = (data?.feeders ?? []).map(({ id }) => id).sort(new Intl.Collator('en', { numeric: true }).compare);
  const span = spanFrom(params);
  const feederId = params.get('feeder');
  const setSpan = (next: Span) => setParams((before) => withSpan(before, next), { replace: true });
  const setFeeder = (id: string) =>
    setParams(
      (before) => {
        if (id) before.set('feeder', id);
        else before.delete('feeder');
        return before;
      },
      { replace: true },
    );
  // Who gave is told of one feeder: without a choice the first one at the top.
  const root = data?.feeders.find(({ parentId }) => parentId === null)?.id;
  const fair = feederId ?? root ?? null;

  return (
    <>
      <h1 className={styles.title}>Fairness and violations</h1>
      <div className={styles.bar}>
        <div className={styles.choice}>
          <label htmlFor="violations-feeder">Feeder</label>
          <select id="violations-feeder" className="input" value={feederId ?? ''} onChange={(event) => setFeeder(event.target.value)}>
            <option value="">All feeders</option>
            {feederId !== null && !ids.includes(feederId) ? <option>{feederId}</option> : null}
            {ids.map((id) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </div>
        <SpanChoice key={JSON.stringify(span)} span={span} onSpan={setSpan} />
      </div>
      <FairnessPanel feederId={fair} chosen={feederId !== null} span={span} />
      <ViolationsTable feederId={feederId} span={span} />
      <AlarmsTable feederId={feederId} span={span} />
    </>
  );
}

function SpanChoice({ span, onSpan }: { span: Span; onSpan: (span: Span) => void }) {
  const now = useNow(60_000);
  const bounds = boundsOf(span, now);
  const [fixing, setFixing] = useState(span.kind === 'fixed');
  const [from, setFrom] = useState(() => toLocalInput(bounds.from));
  const [to, setTo] = useState(() => toLocalInput(bounds.to));
  const [tried, setTried] = useState(false);
  const problems = checkSpan(from, to, now);
  const shown = tried ? problems : {};
  const [fromText, toText] = zonedSpan(bounds.from, bounds.to, now);

  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    const [start, end] = [fromLocalInput(from), fromLocalInput(to)];
    if (Object.keys(problems).length === 0 && start !== null && end !== null) onSpan({ kind: 'fixed', from: start, to: end });
  };

  return (
    <div className={styles.span}>
      <Segmented
        label="Time"
        value={fixing ? 'fixed' : span.kind === 'last' ? span.value : 'fixed'}
        options={[...SPANS, { value: 'fixed', label: 'From … to' }]}
        onChange={(value) => {
          setFixing(value === 'fixed');
          if (value !== 'fixed') onSpan({ kind: 'last', value });
        }}
      />
      {fixing ? (
        <form className={styles.fixed} aria-label="Time looked at" noValidate onSubmit={submit}>
          <Field label={`From (${zoneName(fromLocalInput(from) ?? now)})`} type="datetime-local" value={from} problem={shown.from} onChange={setFrom} />
          <Field label={`To (${zoneName(fromLocalInput(to) ?? now)})`} type="datetime-local" value={to} problem={shown.to} onChange={setTo} />
          <button type="submit" className="button">
            Show
          </button>
        </form>
      ) : (
        <p className="muted">
          {fromText} to {toText}
        </p>
      )}
    </div>
  );
}
