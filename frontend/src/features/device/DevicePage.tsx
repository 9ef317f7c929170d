//! One device: does it do what it is told, and what state is it in?
import { useState } from 'react';
import { Link } from 'wouter';
import { useTitle } from '../../shared/lib/hooks';
import { typeName } from '../../shared/lib/format';
import { Badge } from '../../shared/ui/Badge';
import { FreshnessBadge } from '../../shared/ui/FreshnessBadge';
import { Icon } from '../../shared/ui/Icon';
import { rangeOf } from '../../shared/ui/ranges';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { DeviceCharts } from './DeviceCharts';
import { DeviceFacts } from './DeviceFacts';
import { DeviceFigures } from './DeviceFigures';
import type { Facts } from './model';
import { useDevice, useTelemetry } from './useDevice';
import styles from './DevicePage.module.css';

export function DevicePage({ id }: { id: string }) {
  useTitle(id);
  const { device, missing, error, loading, refresh, tail } = useDevice(id);
  const [rangeValue, setRange] = useState<string>('1h');
  const range = rangeOf(rangeValue);
  const telemetry = useTelemetry(id, range);

  return (
    <>
      <header className={styles.head}>
        <Link href="/devices" className={styles.back}>
          <Icon name="back" /> Devices
        </Link>
        <div className={styles.title}>
          <h1>{id}</h1>
          {device ? <Badges device={device} /> : null}
        </div>
      </header>
      {loading ? <Loading what="the device" height={420} /> : null}
      {error && !device ? <Failed what="the device" error={error} again={refresh} /> : null}
      {error && device ? <StaleStrip>The server does not answer. What you see is the last known state.</StaleStrip> : null}
      {missing ? (
        <Empty title={`There is no device “${id}”`}>
          It may never have been heard. <Link href="/devices">See all devices</Link>
        </Empty>
      ) : null}
      {device ? (
        <>
          <DeviceFigures device={device} />
          <div className={styles.columns}>
            <DeviceCharts device={device} range={range} onRange={setRange} telemetry={telemetry} tail={tail} />
            <DeviceFacts device={device} />
          </div>
        </>
      ) : null}
    </>
  );
}

function Badges({ device }: { device: Facts }) {
  return (
    <p className={styles.badges}>
      <Badge>{typeName(device.type)}</Badge>
      {device.origin === 'PHYSICAL' ? (
        <Badge tone="accent" icon="physical">
          Physical
        </Badge>
      ) : (
        <Badge>Simulated</Badge>
      )}
      <FreshnessBadge freshness={device.freshness} />
    </p>
  );
}
