//! A moment in the reader's zone, with day, zone and UTC on hover; it leads to its replay.
import { Link } from 'wouter';
import { fullTime, parseTime, zonedTime } from '../../shared/lib/time';
import { replayHref } from '../../shared/lib/hrefs';

export function When({ at, now, feederId }: { at: string; now: number; feederId: string | null }) {
  const ms = parseTime(at);
  if (ms === null) return <span>–</span>;
  return (
    <Link href={replayHref(feederId, ms)}>
      <time dateTime={at} title={`Replay ${fullTime(ms)} · ${at}`}>
        {zonedTime(ms, now)}
      </time>
    </Link>
  );
}
