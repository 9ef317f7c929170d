//! What was just done, in a sentence, with a way back where there is one. Shown by shared/ui/Toasts.
import { useSyncExternalStore } from 'react';

export interface Toast {
  id: number;
  text: string;
  tone: 'done' | 'failed';
  /** Takes back what was done; what it answers is said in its place. */
  undo?: (() => Promise<Omit<Toast, 'id'>>) | undefined;
}

/** More at once nobody reads: the oldest goes. */
const SHOWN_MAX = 3;

class ToastStore {
  private list: readonly Toast[] = [];
  private next = 1;
  private readonly listeners = new Set<() => void>();

  readonly read = (): readonly Toast[] => this.list;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  say(toast: Omit<Toast, 'id'>): void {
    this.set([...this.list, { ...toast, id: this.next++ }].slice(-SHOWN_MAX));
  }

  drop(id: number): void {
    this.set(this.list.filter((toast) => toast.id !== id));
  }

  private set(list: readonly Toast[]): void {
    this.list = list;
    for (const listener of this.listeners) listener();
  }
}

export const toasts = new ToastStore();

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(toasts.subscribe, toasts.read);
}

export interface Done {
  text: string;
  /** Takes it back; answers with what went wrong, or null. */
  undo?: (() => Promise<string | null>) | undefined;
}

/** Says what was done, and with "Undo" whether that went. */
export function sayDone({ text, undo }: Done): void {
  const takeBack = undo && (async () => {
    const wrong = await undo();
    return wrong === null ? { text: 'Taken back.', tone: 'done' as const } : { text: `It could not be taken back: ${wrong}`, tone: 'failed' as const };
  });
  toasts.say({ text, tone: 'done', undo: takeBack });
}
