//! Playing the past: from decision to decision, at one or ten times the speed at which they were made.
import { useEffect, useState } from 'react';
import { covers, neighbour, waitMs, windowTo } from './model';
import type { Trail } from './model';

export type Speed = 1 | 10;

export function usePlay(at: number, trail: Trail | undefined, go: (at: number) => void) {
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<Speed>(1);

  // Without the trail of this moment play waits for it.
  useEffect(() => {
    if (!playing || !trail || !covers(trail, at)) return;
    const next = neighbour(trail.steps, at, 1) ?? windowTo(trail.from, Date.now());
    const timer = setTimeout(() => {
      if (next > at) go(next);
      else setPlaying(false);
    }, waitMs(at, next, speed));
    return () => clearTimeout(timer);
  }, [playing, speed, at, trail, go]);

  return { playing, speed, setSpeed, play: setPlaying };
}
