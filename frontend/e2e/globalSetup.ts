//! Before the journeys: builds the dashboard and starts the mock, unless BASE_URL names a running server.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import type { Person } from './browser';
import { baseUrl, target } from './target';

declare module 'vitest' {
  interface ProvidedContext {
    url: string;
    /** The test runner gives its workers a BASE_URL of its own: they are told here. */
    isMock: boolean;
    operator: Person;
    viewer: Person | null;
    admin: Person | null;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!baseUrl()) build();
  const { url, operator, viewer, admin, close } = await target();
  project.provide('url', url);
  project.provide('isMock', baseUrl() === null);
  project.provide('operator', operator);
  project.provide('viewer', viewer);
  project.provide('admin', admin);
  return close;
}

/** In a process of its own: the test runner's NODE_ENV would make a development build. */
function build(): void {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const env = { ...process.env, NODE_ENV: 'production' };
  execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn'], { cwd, env, stdio: 'inherit' });
}
