//! A small marked word. The tone colours it, the icon and the word carry the meaning.
import type { ReactNode } from 'react';
import { Icon } from './Icon';
import type { IconName } from './Icon';
import styles from './Badge.module.css';

export type Tone = 'neutral' | 'ok' | 'warn' | 'bad' | 'accent' | 'quiet';

interface Props {
  tone?: Tone;
  icon?: IconName;
  children: ReactNode;
  title?: string | undefined;
}

export function Badge({ tone = 'neutral', icon, children, title }: Props) {
  return (
    <span className={styles.badge} data-tone={tone} title={title}>
      {icon ? <Icon name={icon} size={13} /> : null}
      <span>{children}</span>
    </span>
  );
}
