//! How a phase looks: its word, tone and mark.
import type { Tone } from '../../shared/ui/Badge';
import type { IconName } from '../../shared/ui/Icon';
import type { Phase } from './model';

export const PHASES: Record<Phase, { text: string; tone: Tone; icon: IconName }> = {
  active: { text: 'Active', tone: 'accent', icon: 'bolt' },
  upcoming: { text: 'Upcoming', tone: 'neutral', icon: 'calendar' },
  off: { text: 'Switched off', tone: 'neutral', icon: 'missing' },
  past: { text: 'Ended', tone: 'quiet', icon: 'inside' },
  cancelled: { text: 'Cancelled', tone: 'quiet', icon: 'close' },
};
