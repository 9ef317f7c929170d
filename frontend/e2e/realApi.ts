//! The real API as a program of its own, with neither log nor ClickHouse: what a login needs works without them.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 30_000;
/** Port 9 is "discard": nothing listens there. */
const NOWHERE = '127.0.0.1:9';

/** Where `make build` puts it. */
const apiProgram = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug/derms-api');

export interface RealApi {
  url: string;
  stop: () => Promise<void>;
}

/** A port of loopback that is free at this moment: the provider has to know it before the API listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function startApi(port: number, settings: Record<string, string>): Promise<RealApi> {
  if (!existsSync(apiProgram)) throw new Error(`${apiProgram} is not built: make build`);
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(apiProgram, {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: String(port),
      AUTH_USERS: '[]',
      JWT_SECRET: 'a secret of this test alone, 32 long',
      DERMS_KAFKA_BROKERS: NOWHERE,
      DERMS_CLICKHOUSE_URL: `http://${NOWHERE}`,
      DERMS_DASHBOARD_DIR: join(ROOT, 'frontend/dist'),
      ...settings,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => (said = (said + String(chunk)).slice(-4000)));
  await answers(`${url}/livez`, child, () => said);
  return { url, stop: () => stop(child) };
}

async function answers(url: string, child: ChildProcess, said: () => string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (child.exitCode === null && Date.now() < deadline) {
    const response = await fetch(url).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop(child);
  throw new Error(`the API did not start: ${said()}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill();
  await ended;
}
