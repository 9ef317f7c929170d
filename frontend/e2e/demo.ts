//! A `derms up --demo` of the journeys' own, that can be ended and started again; or the one that BASE_URL names.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes, scryptSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Person } from './browser';
import { freePort } from './realApi';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 120_000;
const ROLES = ['viewer', 'operator', 'admin'] as const;
export const FIRST_PASSWORD = 'a password of the journeys';

/** Where `make build` puts it. */
const program = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug/derms');

/** A hash by scrypt: the API's own are made by a program that costs a start each. */
function hashOf(password: string): string {
  const salt = randomBytes(16);
  return `scrypt:${salt.toString('base64')}:${scryptSync(password, salt, 64).toString('base64')}`;
}

function usersOf(password: string): string {
  const passwordHash = hashOf(password);
  return JSON.stringify(ROLES.map((role) => ({ username: role, passwordHash, role })));
}

export interface Demo {
  url: string;
  person: (role: (typeof ROLES)[number]) => Person;
  /** Ends it; with another password whoever was signed in is so no longer. Starts it again in `start`. */
  stop: () => Promise<void>;
  start: (password?: string) => Promise<void>;
  /** Ends it and takes away what it kept. */
  close: () => Promise<void>;
}

export async function startDemo(): Promise<Demo> {
  if (!existsSync(program)) throw new Error(`${program} is not built: make build`);
  const data = mkdtempSync(join(tmpdir(), 'derms-journeys-'));
  const names = ['PORT', 'MQTT_PORT', 'DERMS_KAFKA_PORT', 'DERMS_CLICKHOUSE_PORT'] as const;
  const ports = await Promise.all(names.map(async (name) => [name, String(await freePort())] as const));
  const url = `http://127.0.0.1:${ports[0]?.[1] ?? ''}`;
  let password = FIRST_PASSWORD;
  let users = usersOf(password);
  let child: ChildProcess | null = null;

  const stop = async () => {
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  const start = async (next = password) => {
    if (next !== password) users = usersOf(next);
    password = next;
    child = spawn(program, ['up', '--demo', '--data', data], {
      cwd: ROOT,
      env: { ...process.env, ...Object.fromEntries(ports), AUTH_USERS: users, DERMS_DASHBOARD_DIR: join(ROOT, 'frontend/dist'), BASE_URL: undefined },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr?.on('data', (chunk) => (said = (said + String(chunk)).slice(-4000)));
    const deadline = Date.now() + READY_MS;
    while (child.exitCode === null && Date.now() < deadline) {
      const response = await fetch(`${url}/readyz`).catch(() => null);
      if (response?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await stop();
    throw new Error(`the demo did not start: ${said}`);
  };
  await start();
  return {
    url,
    person: (role) => ({ user: role, password }),
    stop,
    start,
    close: async () => {
      await stop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}
