//! The state of the live link, shared by the header and by every query that must catch up after a gap.
import { useSyncExternalStore } from 'react';

/**
 * `idle`: nobody listens (no page open or the tab is hidden); `connecting`: first attempt;
 * `live`: updates arrive; `lost`: was live or should be, and is being retried.
 */
export type LinkStatus = 'idle' | 'connecting' | 'live' | 'lost';

export interface Link {
  status: LinkStatus;
  /** Grows each time the link comes back: what was missed in between must be asked for. */
  epoch: number;
  since: number;
}

export class LinkStore {
  private link: Link = { status: 'idle', epoch: 0, since: Date.now() };
  private opened = false;
  private readonly listeners = new Set<() => void>();

  readonly read = (): Link => this.link;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  connecting(): void {
    if (this.link.status === 'idle') this.set('connecting');
  }

  connected(): void {
    const epoch = this.opened ? this.link.epoch + 1 : this.link.epoch;
    this.opened = true;
    this.set('live', epoch);
  }

  /** `clean`: closed by us because nobody listens any more. */
  closed(clean: boolean): void {
    this.set(clean ? 'idle' : 'lost');
  }

  private set(status: LinkStatus, epoch = this.link.epoch): void {
    const since = status === this.link.status ? this.link.since : Date.now();
    this.link = { status, epoch, since };
    for (const listener of this.listeners) listener();
  }
}

export const linkStore = new LinkStore();

export function useLink(): Link {
  return useSyncExternalStore(linkStore.subscribe, linkStore.read);
}
