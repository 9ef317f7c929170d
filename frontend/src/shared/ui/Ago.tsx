//! How long ago something was, kept current; the full local time with its zone on hover and for machines.
import { useNow } from '../lib/hooks';
import { fullTime, parseTime, relative } from '../lib/time';

export function Ago({ at }: { at: string | null | undefined }) {
  const now = useNow();
  const ms = parseTime(at);
  if (ms === null) return <span>never</span>;
  return (
    <time dateTime={at ?? undefined} title={fullTime(ms)}>
      {relative(ms, now)}
    </time>
  );
}
