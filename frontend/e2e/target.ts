//! What the journeys run against: BASE_URL with the given users, or a mock server started here.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Person } from './browser';

/** More than one page of the API, so that paging is walked too. */
const MOCK_DEVICES = 700;

export interface Target {
  url: string;
  /** May create and cancel events. */
  operator: Person;
  /** May only look; null when no such user was given. */
  viewer: Person | null;
  /** May also read the audit trail and delete; null when no such user was given. */
  admin: Person | null;
  close: () => Promise<void>;
}

function given(userName: string, passwordName: string): Person | null {
  const user = process.env[userName];
  const password = process.env[passwordName];
  return user && password ? { user, password } : null;
}

/** The test runner sets a BASE_URL of its own ('/') where none is given: only a full address counts. */
export function baseUrl(): string | null {
  const url = process.env.BASE_URL;
  return url?.startsWith('http') ? url : null;
}

export async function target(): Promise<Target> {
  const url = baseUrl();
  if (url) {
    const operator = given('DERMS_USER', 'DERMS_PASSWORD');
    if (!operator) throw new Error('BASE_URL is set: DERMS_USER and DERMS_PASSWORD are needed too');
    const nothing = () => Promise.resolve();
    return { url, operator, viewer: given('DERMS_VIEWER', 'DERMS_VIEWER_PASSWORD'), admin: given('DERMS_ADMIN', 'DERMS_ADMIN_PASSWORD'), close: nothing };
  }
  return startMock();
}

/** The mock in a process of its own, as `npm run dev:mock` starts it, on a free port. */
async function startMock(): Promise<Target> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', 'dev/mock/main.ts'], {
    cwd: root,
    env: { ...process.env, MOCK_PORT: '0', MOCK_DEVICES: process.env.MOCK_DEVICES ?? String(MOCK_DEVICES) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const said = Promise.race([firstMatch(child.stdout, /(http:\S+)[^]*password (\S+)/), ended.then(() => null)]);
  const match = await said;
  if (!match?.[1] || !match[2]) throw new Error('the mock server did not start');
  const password = match[2];
  return {
    url: match[1],
    operator: { user: 'operator', password },
    viewer: { user: 'viewer', password },
    admin: { user: 'admin', password },
    close: async () => {
      child.kill();
      await ended;
    },
  };
}

async function firstMatch(stream: Readable, pattern: RegExp): Promise<RegExpExecArray | null> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    const match = pattern.exec(text);
    if (match) return match;
  }
  return null;
}
