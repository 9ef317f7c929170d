//! Which rows of a long list are in view. Every row is as high as the next, so that it takes no measuring.
import { useCallback, useSyncExternalStore } from 'react';

/** Rows kept above and below what is seen, so that a turn of the wheel finds them drawn. */
const SPARE = 8;

interface Place {
  count: number;
  rowPx: number;
  /** Rows that have gone above the upper edge of the window; negative while the list begins below it. */
  passed: number;
  windowPx: number;
}

/** `bySlot`: the row in each slot. One keeps its slot as long as it is in view; `slotsInOrder`: the slots from top to bottom. */
export function rowsInView({ count, rowPx, passed, windowPx }: Place) {
  const slots = Math.min(count, Math.ceil(windowPx / rowPx) + 1 + 2 * SPARE);
  const first = Math.max(0, Math.min(passed - SPARE, count - slots));
  const slotsInOrder = Array.from({ length: slots }, (_, at) => (first + at) % slots);
  const bySlot = new Array<number>(slots);
  slotsInOrder.forEach((slot, at) => (bySlot[slot] = first + at));
  return { bySlot, slotsInOrder };
}

function onScroll(listener: () => void): () => void {
  window.addEventListener('scroll', listener, { passive: true });
  return () => window.removeEventListener('scroll', listener);
}

function onResize(listener: () => void): () => void {
  window.addEventListener('resize', listener);
  return () => window.removeEventListener('resize', listener);
}

/** `topPx`: where the list begins in the document. */
export function useRowsInView(count: number, rowPx: number, topPx: number) {
  const windowPx = useSyncExternalStore(onResize, () => window.innerHeight);
  const passedNow = useCallback(() => Math.floor((window.scrollY - topPx) / rowPx), [topPx, rowPx]);
  const passed = useSyncExternalStore(onScroll, passedNow);
  return rowsInView({ count, rowPx, passed, windowPx });
}
