//! Choosing the moment: by its time, second by second, decision by decision, or by playing on.
import type { KeyboardEvent } from 'react';
import { useNow } from '../../shared/lib/hooks';
import { clock, fromLocalInput, fullTime, toLocalInput, zoneName } from '../../shared/lib/time';
import { FormField } from '../../shared/ui/FormField';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { Segmented } from '../../shared/ui/Segmented';
import { neighbour, windowTo } from './model';
import type { Trail } from './model';
import type { Speed, usePlay } from './usePlay';
import styles from './ReplayPage.module.css';

const SPEEDS = [
  { value: '1', label: '1×' },
  { value: '10', label: '10×' },
] as const;
const STEPS: Record<string, 1 | -1> = { PageUp: -1, PageDown: 1 };
const BUTTON_STEPS: Record<string, 1 | -1> = { ArrowLeft: -1, ArrowRight: 1, ...STEPS };

interface Props {
  at: number;
  /** Where the window begins. */
  from: number;
  trail: Trail | undefined;
  /** Those of today, and those of the tree then. */
  feeders: readonly string[];
  feederId: string;
  onAt: (at: number) => void;
  onFeeder: (id: string) => void;
  player: ReturnType<typeof usePlay>;
}

export function Controls({ at, from, trail, feeders, feederId, onAt, onFeeder, player }: Props) {
  const now = useNow(5000);
  const to = windowTo(from, now);
  const previous = trail ? neighbour(trail.steps, at, -1) : null;
  const next = trail ? neighbour(trail.steps, at, 1) : null;
  const onKeyDown = (steps: Record<string, 1 | -1>) => (event: KeyboardEvent) => {
    const direction = steps[event.key];
    if (!direction) return;
    event.preventDefault();
    const there = direction === 1 ? next : previous;
    if (there !== null) onAt(there);
  };

  return (
    <Panel title="Moment">
      <div className={styles.controls}>
        <FormField label="Feeder">
          {(bind) => (
            <select {...bind} value={feederId} onChange={(event) => onFeeder(event.target.value)}>
              {feeders.includes(feederId) ? null : <option>{feederId}</option>}
              {feeders.map((id) => (
                <option key={id}>{id}</option>
              ))}
            </select>
          )}
        </FormField>
        <FormField label={`Time (${zoneName(at)})`}>
          {(bind) => (
            <input
              {...bind}
              type="datetime-local"
              step={1}
              value={localSeconds(at)}
              onChange={(event) => {
                const picked = fromLocalInput(event.target.value);
                if (picked !== null) onAt(picked);
              }}
            />
          )}
        </FormField>
        <div className={styles.buttons} role="toolbar" aria-label="Replay" onKeyDown={onKeyDown(BUTTON_STEPS)}>
          <button type="button" className="button" aria-label="Previous decision" disabled={previous === null} onClick={() => previous !== null && onAt(previous)}>
            <Icon name="previous" />
          </button>
          <button type="button" className="button" data-kind="primary" aria-pressed={player.playing} onClick={() => player.play(!player.playing)}>
            <Icon name={player.playing ? 'pause' : 'play'} /> {player.playing ? 'Pause' : 'Play'}
          </button>
          <button type="button" className="button" aria-label="Next decision" disabled={next === null} onClick={() => next !== null && onAt(next)}>
            <Icon name="next" />
          </button>
        </div>
        <Segmented label="Speed" options={SPEEDS} value={player.speed === 1 ? '1' : '10'} onChange={(value) => player.setSpeed(Number(value) as Speed)} />
      </div>
      <div className={styles.slider}>
        <span>{clock(from)}</span>
        <input
          type="range"
          aria-label="Second of the past"
          aria-valuetext={fullTime(at)}
          min={from}
          max={to}
          step={1000}
          value={Math.min(at, to)}
          onChange={(event) => onAt(Number(event.target.value))}
          onKeyDown={onKeyDown(STEPS)}
        />
        <span>{clock(to)}</span>
      </div>
      <p className={styles.hint}>
        On the buttons the arrow keys go from decision to decision; on the slider they go by seconds, Page Up and Page Down by decisions.
      </p>
    </Panel>
  );
}

function localSeconds(ms: number): string {
  return `${toLocalInput(ms)}:${String(new Date(ms).getSeconds()).padStart(2, '0')}`;
}
