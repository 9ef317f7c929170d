//! What was noticed about the device, and what to do about it.
import { NOTICES } from '../../shared/lib/notices';
import { Icon } from '../../shared/ui/Icon';
import type { Facts } from './model';
import styles from './Notices.module.css';

export function Notices({ notices }: { notices: Facts['notices'] }) {
  if (notices.length === 0) return null;
  return (
    <ul className={styles.notices} aria-label="Noticed about this device">
      {notices.map(({ kind, detail }) => (
        <li key={kind}>
          <Icon name="near" size={20} />
          <div>
            <p className={styles.title}>{NOTICES[kind].title}</p>
            <p>
              {detail}. {NOTICES[kind].todo}
            </p>
          </div>
        </li>
      ))}
    </ul>
  );
}
