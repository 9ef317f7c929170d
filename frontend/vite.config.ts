//! Build of the dashboard, and the development server with the API behind it (DERMS_API, default the real API's port).
import { defineConfig } from 'vite';
import react from '@vitejs/plugin-react';

const api = process.env.DERMS_API ?? 'http://127.0.0.1:3001';

export default defineConfig({
  plugins: [react()],
  build: {
    // Nothing inlined as data: URLs, so that a strict content security policy ('self' only) can be served.
    assetsInlineLimit: 0,
    sourcemap: false,
    chunkSizeWarningLimit: 600,
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    // The runbook's pages are read from docs/.
    fs: { allow: ['.', '../docs/runbook'] },
    proxy: {
      '/api': api,
      '/graphql': { target: api, ws: true },
    },
  },
});
