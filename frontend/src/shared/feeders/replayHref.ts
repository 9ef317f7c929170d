//! The address at which a moment of a feeder's past is looked at.

/** `at`: RFC 3339, or ms since the epoch. */
export function replayHref(feederId: string | null, at: string | number): string {
  const params = new URLSearchParams({ at: new Date(at).toISOString() });
  if (feederId !== null) params.set('feeder', feederId);
  return `/replay?${params.toString()}`;
}
