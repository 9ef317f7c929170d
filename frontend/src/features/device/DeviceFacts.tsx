//! How the device stands with control, and its settings.
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { kw, percent } from '../../shared/lib/format';
import { Ago } from '../../shared/ui/Ago';
import { Icon } from '../../shared/ui/Icon';
import type { IconName } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import { standing } from './model';
import type { Facts, Standing } from './model';
import styles from './DeviceFacts.module.css';

const ICONS: Record<Standing['tone'], IconName> = { ok: 'inside', warn: 'near', neutral: 'missing' };

export function DeviceFacts({ device }: { device: Facts }) {
  const { tone, title, detail } = standing(device);
  return (
    <div className={styles.side}>
      <Panel title="Compliance">
        <div className={styles.standing} data-tone={tone}>
          <Icon name={ICONS[tone]} size={20} />
          <div>
            <p className={styles.title}>{title}</p>
            <p className={styles.detail}>{detail}</p>
          </div>
        </div>
      </Panel>
      <Panel title="Facts">
        <dl className={styles.facts}>
          <Fact term="Feeder">
            <Link href={`/devices?feeder=${encodeURIComponent(device.feederId)}`}>{device.feederId}</Link>
          </Fact>
          <Fact term="Site">{device.siteId ?? '–'}</Fact>
          <Fact term="Rated power">{kw(device.ratedKw)}</Fact>
          <Fact term="Runs from">{device.minPowerKw ? kw(device.minPowerKw) : 'any power'}</Fact>
          <Fact term="Priority">{device.priority} of 10</Fact>
          <Fact term="Target charge">{percent(device.targetSoc)}</Fact>
          <Fact term="Opted out">{device.optedOut ? 'Yes' : 'No'}</Fact>
          <Fact term="Override">{device.overridden ? 'Yes' : 'No'}</Fact>
          <Fact term="Last heard">
            <Ago at={device.lastSeen} />
          </Fact>
        </dl>
      </Panel>
    </div>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}
