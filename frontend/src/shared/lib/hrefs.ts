//! The addresses of pages, as links name them.

export function deviceHref(deviceId: string): string {
  return `/devices/${encodeURIComponent(deviceId)}`;
}
