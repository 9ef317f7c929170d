//! Whether what is shown is live, in a word and a mark.
import { useVisible } from '../shared/lib/hooks';
import { useLink } from '../shared/lib/link';
import type { LinkStatus as Status } from '../shared/lib/link';
import styles from './LinkStatus.module.css';

const WORDS: Record<Status | 'hidden', { text: string; title: string }> = {
  live: { text: 'Live', title: 'Updates arrive as they happen' },
  connecting: { text: 'Connecting…', title: 'Opening the live link' },
  idle: { text: 'As recorded', title: 'This page shows what is on record: it has no live data' },
  hidden: { text: 'Paused', title: 'The tab is hidden: updates rest until it is shown' },
  lost: { text: 'Reconnecting…', title: 'The live link is down: asking every 10 seconds until it is back' },
};

export function LinkStatus() {
  const { status } = useLink();
  const visible = useVisible();
  const { text, title } = WORDS[visible ? status : 'hidden'];
  return (
    <p className={styles.link} data-status={visible ? status : 'idle'} role="status" title={title}>
      <span className={styles.mark} aria-hidden="true" />
      {text}
    </p>
  );
}
