//! What jsdom lacks and the components use.
import '@testing-library/jest-dom/vitest';
import { cleanup } from '@testing-library/react';
import { afterEach } from 'vitest';

afterEach(() => cleanup());

class NoResize {
  observe(): void { /* nothing resizes in jsdom */ }
  unobserve(): void { /* nothing resizes in jsdom */ }
  disconnect(): void { /* nothing resizes in jsdom */ }
}
globalThis.ResizeObserver = NoResize;

Object.defineProperty(window, 'matchMedia', {
  configurable: true,
  value: (query: string) => ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }),
});
