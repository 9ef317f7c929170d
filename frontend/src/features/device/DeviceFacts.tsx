//! What the device is and how it is set; for operators, a way to set it otherwise.
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useCan } from '../../shared/lib/can';
import { kw, percent } from '../../shared/lib/format';
import { sayDone } from '../../shared/lib/toasts';
import { feederHref } from '../../shared/lib/hrefs';
import { Ago } from '../../shared/ui/Ago';
import { Icon } from '../../shared/ui/Icon';
import { Panel } from '../../shared/ui/Panel';
import type { Facts } from './model';
import { SettingsForm } from './SettingsForm';
import styles from './DeviceFacts.module.css';

export function DeviceFacts({ device }: { device: Facts }) {
  const may = useCan('setDevice');
  const [editing, setEditing] = useState(false);
  if (may && editing) {
    return (
      <Panel title="Settings">
        <SettingsForm
          device={device}
          onClose={() => setEditing(false)}
          onDone={(done) => {
            setEditing(false);
            sayDone(done);
          }}
        />
      </Panel>
    );
  }
  const aside = may ? (
    <button type="button" className="button" data-size="s" aria-label="Change settings" onClick={() => setEditing(true)}>
      <Icon name="edit" /> Change
    </button>
  ) : null;
  return (
    <Panel title="Facts" aside={aside}>
      <dl className={styles.facts}>
        <Fact term="Feeder">
          <Link href={feederHref(device.feederId)}>{device.feederId}</Link>
        </Fact>
        <Fact term="Site">{device.siteId ?? '–'}</Fact>
        <Fact term="Rated power">{kw(device.ratedKw)}</Fact>
        <Fact term="Runs from">{device.minPowerKw ? kw(device.minPowerKw) : 'any power'}</Fact>
        <Fact term="Priority">{device.priority} of 10</Fact>
        <Fact term="Target charge">{percent(device.targetSoc)}</Fact>
        <Fact term="Without a setpoint">{kw(device.fallbackKw)}</Fact>
        <Fact term="Opted out">{device.optedOut ? 'Yes' : 'No'}</Fact>
        <Fact term="Last heard">
          <Ago at={device.lastSeen} />
        </Fact>
      </dl>
    </Panel>
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
