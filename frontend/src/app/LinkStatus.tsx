//! Whether what is shown is live, in a word and a mark.
import { useVisible } from '../shared/lib/hooks';
import { useLink } from '../shared/lib/link';
import type { LinkStatus as Status } from '../shared/lib/link';
import styles from './LinkStatus.module.css';

const WORDS: Record<Status, { text: string; title: string }> = {
  live: { text: 'Live', title: 'Updates arrive as they happen' },
  connecting: { text: 'Connecting…', title: 'Opening the live link' },
  idle: { text: 'Paused', title: 'Nothing on this page needs updates, or the tab is hidden' },
  lost: { text: 'Reconnecting…', title: 'The live link is down: asking every 10 seconds until it is back' },
};

export function LinkStatus() {
  const { status } = useLink();
  const visible = useVisible();
  const shown: Status = visible ? status : 'idle';
  const { text, title } = WORDS[shown];
  return (
    <p className={styles.link} data-status={shown} role="status" title={title}>
      <span className={styles.mark} aria-hidden="true" />
      {text}
    </p>
  );
}
