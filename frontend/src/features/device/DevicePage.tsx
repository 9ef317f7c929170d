//! One device: does it do what it is told, and what state is it in?
import { Link, useSearchParams } from 'wouter';
import { useTitle } from '../../shared/lib/hooks';
import { typeName } from '../../shared/lib/format';
import { parseTime, toRfc3339 } from '../../shared/lib/time';
import { Badge } from '../../shared/ui/Badge';
import { FreshnessBadge } from '../../shared/ui/FreshnessBadge';
import { Icon } from '../../shared/ui/Icon';
import { rangeOf } from '../../shared/ui/ranges';
import { Empty, Failed, Loading, StaleStrip } from '../../shared/ui/States';
import { CommandLedger } from './CommandLedger';
import { DeviceCharts } from './DeviceCharts';
import { DeviceFacts } from './DeviceFacts';
import { DeviceFigures } from './DeviceFigures';
import type { Facts } from './model';
import { Notices } from './Notices';
import { OverridePanel } from './OverridePanel';
import { ReplacePanel } from './ReplacePanel';
import { RetirePanel } from './RetirePanel';
import { StandingPanel } from './StandingPanel';
import { WhyPanel } from './WhyPanel';
import { useDevice, useTelemetry } from './useDevice';
import styles from './DevicePage.module.css';

export function DevicePage({ id }: { id: string }) {
  useTitle(id);
  const { device, missing, error, loading, refresh, tail } = useDevice(id);
  const [params, setParams] = useSearchParams();
  const range = rangeOf(params.get('range') ?? '1h');
  const at = parseTime(params.get('at'));
  const set = (name: 'range' | 'at', value: string | null) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === null) next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const explainAt = (ms: number | null) => set('at', ms === null ? null : toRfc3339(ms));
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
          <Notices notices={device.notices} />
          <DeviceFigures device={device} />
          <div className={styles.columns}>
            <div className={styles.main}>
              <DeviceCharts
                device={device}
                range={range}
                onRange={(value) => set('range', value === '1h' ? null : value)}
                telemetry={telemetry}
                tail={tail}
                at={at}
                onPick={explainAt}
              >
                <WhyPanel id={id} at={at} onAt={explainAt} />
              </DeviceCharts>
            </div>
            <div className={styles.side}>
              <StandingPanel device={device} />
              <OverridePanel device={device} />
              <DeviceFacts device={device} />
              <ReplacePanel device={device} />
              <RetirePanel id={id} />
            </div>
            <div className={styles.ledger}>
              <CommandLedger id={id} onExplain={explainAt} />
            </div>
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
