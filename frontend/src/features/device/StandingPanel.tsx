//! How the device stands with control: the one thing to know about it.
import { Icon } from '../../shared/ui/Icon';
import type { IconName } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { standing } from './model';
import type { Facts, Standing } from './model';
import styles from './DeviceFacts.module.css';

const ICONS: Record<Standing['tone'], IconName> = { ok: 'inside', warn: 'near', neutral: 'missing' };

export function StandingPanel({ device }: { device: Facts }) {
  const { tone, title, detail } = standing(device);
  return (
    <Panel title="Compliance">
      <div className={styles.standing} data-tone={tone}>
        <Icon name={ICONS[tone]} size={20} />
        <div>
          <p className={styles.title}>{title}</p>
          <p className={styles.detail}>{detail}</p>
        </div>
      </div>
    </Panel>
  );
}
