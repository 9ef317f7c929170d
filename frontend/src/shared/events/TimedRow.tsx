//! A row for what holds from one time to another: what it is, when, how it stands and how long still. Brought into view
//! when it is picked elsewhere on the page.
import { useEffect, useRef } from 'react';
import type { ReactNode } from 'react';
import { fullTime, parseTime, zonedSpan } from '../lib/time';
import { Badge } from '../ui/Badge';
import { PHASES, remaining } from './programPhase';
import type { Phase } from './programPhase';
import styles from './TimedRow.module.css';

interface Props {
  title: ReactNode;
  start: string;
  end: string;
  /** Said behind the times. */
  more?: ReactNode;
  phase: Phase;
  now: number;
  isPicked?: boolean;
  testId: string;
  /** Buttons at the end of the row; on a phone below it. */
  tools?: ReactNode;
  /** Below the row, as wide as it. */
  children?: ReactNode;
}

export function TimedRow({ title, start, end, more, phase, now, isPicked = false, testId, tools, children }: Props) {
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isPicked) row.current?.scrollIntoView({ block: 'nearest' });
  }, [isPicked]);
  const from = parseTime(start) ?? now;
  const until = parseTime(end) ?? now;
  const [fromText, untilText] = zonedSpan(from, until, now);
  const { tone, icon, text } = PHASES[phase];
  return (
    <li ref={row} className={styles.row} data-phase={phase} data-picked={isPicked || undefined} data-tools={tools ? true : undefined} data-testid={testId}>
      <div>
        <p className={styles.title}>{title}</p>
        <p className={styles.when}>
          <time dateTime={start} title={fullTime(from)}>
            {fromText}
          </time>{' '}
          to{' '}
          <time dateTime={end} title={fullTime(until)}>
            {untilText}
          </time>
          {more}
        </p>
      </div>
      <div className={styles.state}>
        <Badge tone={tone} icon={icon}>
          {text}
        </Badge>
        <span className={styles.left}>{remaining(phase, start, end, now)}</span>
      </div>
      {tools ? <div className={styles.tools}>{tools}</div> : null}
      {children ? <div className={styles.body}>{children}</div> : null}
    </li>
  );
}
