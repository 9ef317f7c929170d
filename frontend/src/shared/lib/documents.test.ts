//! Tests of what is sent for a document, against a played API.
import { http, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import known from '../../../../schemas/graphql/dashboard.json';
import { MeDocument } from '../gql/graphql';
import { createClients } from './client';
import type { Clients } from './client';

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

interface Body {
  query?: string;
  operationName: string;
  extensions?: { persistedQuery: { version: number; sha256Hash: keyof typeof known } };
}

/** What a client sends to ask who is signed in. */
async function sent(client: keyof Clients, asksById: boolean): Promise<Body> {
  const bodies: Body[] = [];
  server.use(
    http.post('*/graphql', async ({ request }) => {
      bodies.push((await request.json()) as Body);
      return HttpResponse.json({ data: { me: { __typename: 'User', name: 'ada', role: 'ADMIN' } } });
    }),
  );
  const { data } = await createClients(asksById)[client].query(MeDocument, {}).toPromise();
  expect(data?.me.name).toBe('ada');
  const [body, ...more] = bodies;
  if (!body || more.length > 0) throw new Error(`${bodies.length} requests`);
  return body;
}

test.each(['cached', 'bulk'] as const)('the built dashboard asks by the id of what it would have sent: %s', async (client) => {
  const byText = await sent(client, false);
  const byId = await sent(client, true);
  expect(byText.query).toMatch(/^query Me /);
  expect(byText.extensions).toBeUndefined();
  expect(byId.query).toBeUndefined();
  expect(byId.operationName).toBe('Me');
  const { version, sha256Hash } = byId.extensions?.persistedQuery ?? {};
  expect(version).toBe(1);
  expect(sha256Hash && known[sha256Hash]).toBe(byText.query);
});

test('only the cache asks for the types of things', async () => {
  expect((await sent('cached', false)).query).toContain('__typename');
  expect((await sent('bulk', false)).query).not.toContain('__typename');
});
