//! Day and night: follows the system until the reader chooses. The first paint is done by public/theme.js.
import { useSyncExternalStore } from 'react';

const KEY = 'derms.theme';
export type ThemeChoice = 'auto' | 'day' | 'night';
export type Theme = 'day' | 'night';

const dark = () => window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

function readChoice(): ThemeChoice {
  const stored = localStorage.getItem(KEY);
  return stored === 'day' || stored === 'night' ? stored : 'auto';
}

function readTheme(): Theme {
  const choice = readChoice();
  if (choice !== 'auto') return choice;
  return dark().matches ? 'night' : 'day';
}

function apply(): void {
  document.documentElement.dataset.theme = readTheme();
  for (const listener of listeners) listener();
}

export function chooseTheme(choice: ThemeChoice): void {
  if (choice === 'auto') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, choice);
  apply();
}

/** Follows system changes while the page lives. */
export function watchSystemTheme(): void {
  dark().addEventListener('change', apply);
  apply();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useThemeChoice(): ThemeChoice {
  return useSyncExternalStore(subscribe, readChoice);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, readTheme);
}
