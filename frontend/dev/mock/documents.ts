//! Which documents the mock runs: a script's own, and from the dashboard's cookie only those that it was built with, as
//! strict as the real API, so that the journeys notice a document that the API would not know.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const KNOWN = fileURLToPath(new URL('../../../schemas/graphql/dashboard.json', import.meta.url));
const known = new Map(Object.entries(JSON.parse(readFileSync(KNOWN, 'utf8')) as Record<string, string>));

interface Asked {
  query?: unknown;
  extensions?: unknown;
}

/** The text that is asked for; null where it is refused. */
export function documentOf({ query, extensions }: Asked, byCookie: boolean): string | null {
  if (typeof query === 'string' && query) return byCookie ? null : query;
  const { persistedQuery } = (extensions ?? {}) as { persistedQuery?: { sha256Hash?: string } };
  return known.get(persistedQuery?.sha256Hash ?? '') ?? null;
}

export const UNKNOWN = 'no document of the dashboard: npm run codegen';
