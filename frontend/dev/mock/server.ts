//! The mock API over HTTP and WebSocket, with the built dashboard at `/`, as the real API serves it.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSchema, graphql, GraphQLError, parse } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { alarmView } from './alarms';
import type { Alarms } from './alarms';
import type { Context, User } from './answers';
import { newestDecision } from './decisions';
import { documentOf, UNKNOWN } from './documents';
import { Fleet } from './fleet';
import { makeRoot } from './resolvers';
import { deviceView, feederView } from './views';

const here = fileURLToPath(new URL('.', import.meta.url));
const DIST = join(here, '../../dist');
const SDL = join(here, '../../../schemas/graphql/schema.graphql');
const DECIDE_EVERY_MS = 2000;
const TOKEN_LIFE_S = 3600;
const BODY_MAX = 1_000_000;

/** As strict as the real API's, so that the journeys notice what it would block. */
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

const USERS: Record<string, User['role']> = { viewer: 'VIEWER', operator: 'OPERATOR', admin: 'ADMIN' };
export const MOCK_PASSWORD = 'mock-password';

export interface MockServer {
  url: string;
  fleet: Fleet;
  close: () => Promise<void>;
}

interface Options {
  port: number;
  devices: number;
  /** More feeders than the usual four, for looks at a large tree. */
  feeders?: number;
}

function makeToken(name: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + TOKEN_LIFE_S;
  return `${part({ alg: 'none' })}.${part({ sub: name, exp, jti: randomUUID() })}.mock`;
}

/** Tokens whose users have signed out. */
const ended = new Set<string>();

/** The token of a request: a script's, or the one in the dashboard's cookie. */
function tokenOf({ authorization, cookie }: IncomingHttpHeaders): string | undefined {
  return authorization ? /^Bearer (.+)$/.exec(authorization)?.[1] : /(?:^|; )derms_session=([^;]+)/.exec(cookie ?? '')?.[1];
}

function userOf(token: string | undefined): User | null {
  const payload = token?.split('.')[1];
  if (!token || !payload || ended.has(token)) return null;
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string; exp: number };
    const role = USERS[claims.sub];
    return role && claims.exp * 1000 > Date.now() ? { name: claims.sub, role } : null;
  } catch {
    return null;
  }
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > BODY_MAX) throw new Error('body too large');
  }
  return JSON.parse(text || '{}') as Record<string, unknown>;
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function sendFile(response: ServerResponse, path: string): Promise<void> {
  const wanted = join(DIST, normalize(path));
  const file = extname(path) && wanted.startsWith(DIST) ? wanted : join(DIST, 'index.html');
  try {
    const body = await readFile(file);
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY }).end(body);
  } catch {
    response.writeHead(404).end('not built: npm run build');
  }
}

function sessionView(user: User | null): object {
  return user ? { user: { username: user.name, role: user.role.toLowerCase() }, expiresAtMs: Date.now() + TOKEN_LIFE_S * 1000 } : { user: null };
}

function setCookie(response: ServerResponse, value: string, end = ''): void {
  response.setHeader('set-cookie', `derms_session=${value}; Path=/; HttpOnly; SameSite=Strict${end}`);
}

function login(response: ServerResponse, body: Record<string, unknown>): void {
  const { username, password, session, keep } = body;
  if (typeof username !== 'string' || typeof password !== 'string' || !username || !password) {
    sendJson(response, 400, { error: 'username and password are required' }); return;
  }
  const role = USERS[username];
  if (!role || password !== MOCK_PASSWORD) { sendJson(response, 401, { error: 'invalid credentials' }); return; }
  const token = makeToken(username);
  if (session === 'cookie') {
    setCookie(response, token, keep === true ? `; Max-Age=${TOKEN_LIFE_S}` : '');
    sendJson(response, 200, sessionView({ name: username, role })); return;
  }
  sendJson(response, 200, { token, user: { username, role: role.toLowerCase() } });
}

function logout(response: ServerResponse, token: string | undefined): void {
  if (!token || !userOf(token)) { sendJson(response, 401, { error: 'sign in first' }); return; }
  ended.add(token);
  setCookie(response, '', '; Max-Age=0');
  response.writeHead(204).end();
}

/** Hands each tick's items to whoever listens; a slow listener gets the latest tick only. */
class Ticks {
  private waiting: (() => void)[] = [];

  ring(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const wake of waiting) wake();
  }

  async *each<Item>(items: () => Item[]): AsyncGenerator<Item> {
    for (;;) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
      yield* items();
    }
  }
}

function makeSchema(fleet: Fleet, ticks: Ticks, fresh: () => ReturnType<Alarms['look']>) {
  const schema = buildSchema(readFileSync(SDL, 'utf8'));
  const { feederUpdated, deviceUpdated, decisionMade, alarm } = schema.getSubscriptionType()?.getFields() ?? {};
  if (!feederUpdated || !deviceUpdated || !decisionMade || !alarm) throw new Error('the SDL has lost its subscriptions');
  feederUpdated.subscribe = (_source: unknown, { feederId }: { feederId?: string | null }) =>
    ticks.each(() =>
      fleet.feeders.filter((feeder) => !feederId || feeder.id === feederId).map((feeder) => ({ feederUpdated: feederView(fleet, feeder) })),
    );
  deviceUpdated.subscribe = (_source: unknown, args: { deviceId?: string | null; feederId?: string | null }) =>
    ticks.each(() => {
      const ids = args.feederId ? fleet.subtree(args.feederId) : null;
      return fleet.devices
        .filter((device) => (!args.deviceId || device.id === args.deviceId) && (!ids || ids.has(device.feederId)))
        .map((device) => ({ deviceUpdated: deviceView(fleet, device) }));
    });
  decisionMade.subscribe = (_source: unknown, { feederId }: { feederId: string }) =>
    ticks.each(() => {
      const made = newestDecision(fleet, feederId);
      return made ? [{ decisionMade: made }] : [];
    });
  alarm.subscribe = () => ticks.each(() => fresh().map((each) => ({ alarm: alarmView(each) })));
  return schema;
}

export async function startMock({ port, devices, feeders = 0 }: Options): Promise<MockServer> {
  const fleet = new Fleet(devices, Date.now(), feeders);
  const ticks = new Ticks();
  const { root, alarms } = makeRoot(fleet, Date.now());
  let fresh: ReturnType<Alarms['look']> = [];
  const schema = makeSchema(fleet, ticks, () => fresh);

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? '/', 'http://mock');
    if (pathname === '/api/health') { sendJson(response, 200, { status: 'ok' }); return; }
    if (pathname === '/api/auth/login') { login(response, await readBody(request)); return; }
    const token = tokenOf(request.headers);
    if (pathname === '/api/auth/methods') { sendJson(response, 200, { password: true, oidc: null }); return; }
    if (pathname === '/api/auth/session') { sendJson(response, 200, sessionView(userOf(token))); return; }
    const isForged = request.method === 'POST' && !request.headers.authorization && !request.headers['x-derms-dashboard'];
    if (isForged && token) { sendJson(response, 403, { error: 'a change by cookie needs the header X-Derms-Dashboard' }); return; }
    if (pathname === '/api/auth/logout') { logout(response, token); return; }
    if (pathname !== '/graphql') return sendFile(response, pathname);
    const user = userOf(token);
    if (!user) { sendJson(response, 401, { error: 'sign in first' }); return; }
    const { variables, operationName, ...asked } = await readBody(request);
    const source = documentOf(asked, !request.headers.authorization);
    if (source === null) { sendJson(response, 200, { errors: [{ message: UNKNOWN }] }); return; }
    const result = await graphql({
      schema,
      source,
      rootValue: root,
      contextValue: { user } satisfies Context,
      variableValues: (variables ?? {}) as Record<string, unknown>,
      operationName: typeof operationName === 'string' ? operationName : null,
    });
    sendJson(response, 200, result);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => sendJson(response, 400, { error: 'bad request' }));
  });
  const sockets = new WebSocketServer({ server, path: '/graphql/ws' });
  useServer(
    {
      schema,
      roots: { subscription: root },
      onConnect: ({ connectionParams, extra }) => {
        const { cookie } = extra.request.headers;
        const authorization = connectionParams?.authorization;
        return userOf(tokenOf(typeof authorization === 'string' ? { authorization } : { cookie })) !== null;
      },
      onSubscribe: ({ connectionParams }, _id, { operationName, variables, ...asked }) => {
        const text = documentOf(asked, typeof connectionParams?.authorization !== 'string');
        if (text === null) return [new GraphQLError(UNKNOWN)];
        return { schema, rootValue: root, document: parse(text), operationName, variableValues: variables };
      },
    },
    sockets,
  );
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const timer = setInterval(() => {
    fleet.step(Date.now(), DECIDE_EVERY_MS / 1000);
    fresh = alarms.look(fleet, Date.now());
    ticks.ring();
  }, DECIDE_EVERY_MS);

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fleet,
    close: async () => {
      clearInterval(timer);
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
