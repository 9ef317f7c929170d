//! The addresses of pages, as links name them.

export function deviceHref(deviceId: string): string {
  return `/devices/${encodeURIComponent(deviceId)}`;
}

export function feederHref(feederId: string): string {
  return `/feeders/${encodeURIComponent(feederId)}`;
}

/** A moment of a feeder's past. `at`: RFC 3339, or ms since the epoch. */
export function replayHref(feederId: string | null, at: string | number): string {
  const params = new URLSearchParams({ at: new Date(at).toISOString() });
  if (feederId !== null) params.set('feeder', feederId);
  return `/replay?${params.toString()}`;
}
