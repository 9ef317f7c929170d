//! Events and programs over time, with the present as a line. A bar is a button that leads to its entry below.
import { PHASES } from '../../shared/events/programPhase';
import type { DrEvent } from '../../shared/events/eventModel';
import { useNow } from '../../shared/lib/hooks';
import { zoneName } from '../../shared/lib/time';
import { useThresholds } from '../../shared/lib/thresholds';
import { testIds } from '../../shared/testIds';
import { Panel } from '../../shared/ui/Panel';
import { Segmented } from '../../shared/ui/Segmented';
import { Empty } from '../../shared/ui/States';
import { bars, frameOf, isOpen, SPANS, ticks } from './model';
import type { Bar, Program, Span } from './model';
import styles from './Timeline.module.css';

interface Props {
  events: readonly DrEvent[];
  programs: readonly Program[];
  span: Span;
  picked: string | null;
  onSpan: (span: Span) => void;
  onPick: (key: string, isPast: boolean) => void;
}

const KINDS: Record<Bar['kind'], string> = { event: 'Event', program: 'Program' };

export function Timeline({ events, programs, span, picked, onSpan, onPick }: Props) {
  const now = useNow(10_000);
  const frame = frameOf(span, now);
  const shown = bars(events, programs, frame, now, useThresholds());
  const marks = ticks(frame, span);
  const present = `${((now - frame.from) / (frame.to - frame.from)) * 100}%`;
  const choose = (value: Span['value']) => onSpan(SPANS.find((each) => each.value === value) ?? span);

  return (
    <Panel title="Timeline" aside={<Segmented label="Time shown" options={SPANS} value={span.value} onChange={choose} />}>
      {shown.length === 0 ? (
        <Empty title="Nothing in this time">Neither an event nor a program lies in the time shown.</Empty>
      ) : (
        <div className={styles.timeline} data-testid={testIds.drTimeline}>
          <div className={styles.scale} aria-hidden="true">
            {marks.map((mark, index) => (
              <span key={mark.at} className={styles.tick} data-odd={index % 2 === 1 || undefined} style={{ left: `${mark.left * 100}%` }}>
                {mark.left < 0.95 ? mark.label : ''}
              </span>
            ))}
            <span className={styles.zone}>{zoneName(now)}</span>
          </div>
          <ul className={styles.rows} aria-label="Events and programs in time">
            {shown.map((bar) => (
              <Row key={bar.key} bar={bar} isPicked={picked === bar.key} onPick={() => onPick(bar.key, !isOpen(bar.phase))} />
            ))}
          </ul>
          <div className={styles.lines} aria-hidden="true">
            {marks.map((mark) => (
              <span key={mark.at} className={styles.line} style={{ left: `${mark.left * 100}%` }} />
            ))}
            <span className={styles.now} style={{ left: present }}>
              <span>now</span>
            </span>
          </div>
        </div>
      )}
    </Panel>
  );
}

function Row({ bar, isPicked, onPick }: { bar: Bar; isPicked: boolean; onPick: () => void }) {
  const { text } = PHASES[bar.phase];
  const sentence = `${KINDS[bar.kind]} ${bar.title}, ${bar.what}, ${bar.when}, ${text.toLowerCase()}`;
  return (
    <li className={styles.row}>
      <button
        type="button"
        className={styles.hit}
        aria-label={sentence}
        aria-pressed={isPicked}
        title={`${bar.when} · ${text}`}
        onClick={onPick}
      >
        <span className={styles.name} style={bar.left > 0.6 ? { right: `${(1 - bar.left - bar.width) * 100}%` } : { left: `${bar.left * 100}%` }}>
          <strong>{bar.title}</strong> {bar.what}
        </span>
        <span
          className={styles.bar}
          data-kind={bar.kind}
          data-phase={bar.phase}
          data-cut-left={bar.startsBefore || undefined}
          data-cut-right={bar.endsAfter || undefined}
          style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%` }}
        />
      </button>
    </li>
  );
}
