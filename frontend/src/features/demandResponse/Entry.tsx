//! One program of the list: what, when, how it stands, and what can be done. Brought into view when
//! it is picked on the timeline.
import { useEffect, useRef } from 'react';
import type { ReactNode } from 'react';
import { PHASES, remaining } from '../../shared/events/programPhase';
import type { Phase } from '../../shared/events/programPhase';
import { fullTime, parseTime, zonedSpan } from '../../shared/lib/time';
import { Badge } from '../../shared/ui/Badge';
import styles from './Entry.module.css';

interface Props {
  title: ReactNode;
  start: string;
  end: string;
  phase: Phase;
  now: number;
  isPicked: boolean;
  testId: string;
  actions: ReactNode;
  children?: ReactNode;
}

export function Entry({ title, start, end, phase, now, isPicked, testId, actions, children }: Props) {
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isPicked) row.current?.scrollIntoView({ block: 'nearest' });
  }, [isPicked]);
  const from = parseTime(start) ?? now;
  const until = parseTime(end) ?? now;
  const [fromText, untilText] = zonedSpan(from, until, now);
  const look = PHASES[phase];
  return (
    <li ref={row} className={styles.entry} data-phase={phase} data-picked={isPicked || undefined} data-testid={testId}>
      <div className={styles.what}>
        <p className={styles.title}>{title}</p>
        <p className={styles.when}>
          <time dateTime={start} title={fullTime(from)}>
            {fromText}
          </time>{' '}
          to{' '}
          <time dateTime={end} title={fullTime(until)}>
            {untilText}
          </time>
        </p>
      </div>
      <div className={styles.state}>
        <Badge tone={look.tone} icon={look.icon}>
          {look.text}
        </Badge>
        <span className={styles.left}>{remaining(phase, start, end, now)}</span>
      </div>
      {children ? <div className={styles.body}>{children}</div> : null}
      {actions ? <div className={styles.actions}>{actions}</div> : null}
    </li>
  );
}
