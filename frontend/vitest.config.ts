//! Unit and component tests: jsdom, no network, the API played by msw.
import { defineConfig } from 'vitest/config';
import react from '@vitejs/plugin-react';

// Times are shown in the reader's zone: the tests pin one, so that they mean the same everywhere.
process.env.TZ = 'Europe/Berlin';

export default defineConfig({
  plugins: [react()],
  // The runbook's pages are read from docs/.
  server: { fs: { allow: ['.', '../docs/runbook'] } },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/app/testing/setup.ts'],
    css: false,
    pool: 'threads',
    maxWorkers: 2,
    // Whole forms are filled in key by key: seconds, on a machine that is busy with something else too.
    testTimeout: 30_000,
  },
});
