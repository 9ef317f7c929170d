//! A moment: short and local to read, in full with UTC on hover and for machines.
import { useNow } from '../lib/hooks';
import { clock, day, fullTime, parseTime, shortTime } from '../lib/time';

export function At({ at, seconds = false }: { at: string | null | undefined; seconds?: boolean }) {
  const now = useNow(60_000);
  const ms = parseTime(at);
  if (ms === null) return <span className="muted">–</span>;
  const text = shortTime(ms, now);
  return (
    <time dateTime={at ?? undefined} title={fullTime(ms)}>
      {seconds ? (text === clock(ms) ? clock(ms, true) : `${day(ms)}, ${clock(ms, true)}`) : text}
    </time>
  );
}
