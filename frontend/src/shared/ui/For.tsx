//! How long something has been so: "for 12 min", with the beginning on hover and for machines.
import { useNow } from '../lib/hooks';
import { duration, fullTime, parseTime } from '../lib/time';

export function For({ since }: { since: string }) {
  const now = useNow();
  const ms = parseTime(since);
  if (ms === null) return null;
  return (
    <time dateTime={since} title={`since ${fullTime(ms)}`}>
      for {duration(now - ms)}
    </time>
  );
}
