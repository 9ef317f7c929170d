//! A moment in the reader's zone, with day, zone and UTC on hover.
import { fullTime, parseTime, zonedTime } from '../../shared/lib/time';

export function When({ at, now }: { at: string; now: number }) {
  const ms = parseTime(at);
  if (ms === null) return <span>–</span>;
  return (
    <time dateTime={at} title={`${fullTime(ms)} · ${at}`}>
      {zonedTime(ms, now)}
    </time>
  );
}
