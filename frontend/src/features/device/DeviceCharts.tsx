//! Setpoint against actual, and the state of charge, over one range with one cursor.
import { useMemo, useRef } from 'react';
import type { ReactNode } from 'react';
import { saveCsv } from '../../shared/lib/csv';
import { useNow } from '../../shared/lib/hooks';
import { kw, percent } from '../../shared/lib/format';
import { gapMs, toColumns, windowStart, withTail } from '../../shared/lib/series';
import { toRfc3339 } from '../../shared/lib/time';
import { testIds } from '../../shared/testIds';
import type { ChartSeries } from '../../shared/ui/chartOptions';
import { Panel } from '../../shared/ui/Panel';
import { RANGES } from '../../shared/ui/ranges';
import type { Range } from '../../shared/ui/ranges';
import { SaveTools } from '../../shared/ui/SaveTools';
import type { Picture } from '../../shared/ui/SaveTools';
import { Segmented } from '../../shared/ui/Segmented';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { TimeChart } from '../../shared/ui/TimeChart';
import { extremes } from './model';
import type { Facts, TelemetrySample } from './model';
import type { useTelemetry } from './useDevice';
import styles from './DeviceCharts.module.css';

const POWER: readonly ChartSeries[] = [
  { label: 'Actual', color: '--series-load', kind: 'area', fill: '--series-fill', format: (value) => kw(value) },
  { label: 'Setpoint', color: '--series-setpoint', kind: 'dashed', format: (value) => kw(value) },
];
const SOC: readonly ChartSeries[] = [
  {
    label: 'State of charge',
    color: '--series-soc',
    kind: 'area',
    fill: '--series-soc-fill',
    format: (value) => percent(value === null ? null : value / 100),
  },
];
const WHOLE = [0, 100] as const;
const NO_SAMPLES: readonly TelemetrySample[] = [];

interface Props {
  device: Facts;
  range: Range;
  onRange: (value: string) => void;
  telemetry: ReturnType<typeof useTelemetry>;
  tail: readonly TelemetrySample[];
  /** The moment that is explained, ms; null for now. */
  at: number | null;
  onPick: (at: number) => void;
  /** Between the power and the charge. */
  children: ReactNode;
}

export function DeviceCharts({ device, range, onRange, telemetry, tail, at, onPick, children }: Props) {
  const { stored, error, refresh } = telemetry;
  const now = useNow(5000);
  const from = now - range.ms;
  const samples = useMemo(() => withTail(stored ?? NO_SAMPLES, tail, from), [stored, tail, from]);
  const gap = useMemo(() => gapMs(stored ?? NO_SAMPLES, range.ms), [stored, range.ms]);
  const power = useMemo(() => toColumns(samples, [(s) => s.powerKw, (s) => s.setpointKw], gap), [samples, gap]);
  const soc = useMemo(() => toColumns(samples, [(s) => (s.soc === null ? null : s.soc * 100)], gap), [samples, gap]);
  const frame = {
    from: windowStart(samples, now, range.ms) / 1000,
    to: now / 1000,
    syncKey: `device-${device.id}`,
    moment: at === null ? null : at / 1000,
    onPick: (seconds: number) => onPick(seconds * 1000),
  };
  const stores = device.soc !== null;
  const { id } = device;
  const powerPicture = useRef<Picture>(null);
  const socPicture = useRef<Picture>(null);
  const heads = useMemo(() => ({ power: { title: `Setpoint against actual of ${id}`, unit: 'kW' }, soc: { title: `State of charge of ${id}`, unit: '%' } }), [id]);

  return (
    <div className={styles.charts}>
      <Panel
        title="Setpoint against actual"
        aside={
          <div className={styles.tools}>
            <Segmented label="Time shown" options={RANGES} value={range.value} onChange={onRange} />
            <SaveTools
              what="the power chart"
              file={`${id}-power`}
              disabled={samples.length === 0}
              onCsv={() => savePower(id, samples)}
              picture={() => powerPicture.current}
            />
          </div>
        }
      >
        {error && !stored ? <Failed what="the history" error={error} again={refresh} /> : null}
        {!stored && !error ? <Loading what="the history" height={300} /> : null}
        {stored && samples.length === 0 ? <Empty title={`Nothing was heard in the ${range.words}`} /> : null}
        {stored && samples.length > 0 ? (
          <TimeChart
            series={POWER}
            data={power}
            height={280}
            summary={describePower(device.id, samples, range)}
            testId={testIds.powerChart}
            picture={powerPicture}
            head={heads.power}
            {...frame}
          />
        ) : null}
        {stored && samples.length > 0 ? <p className={styles.hint}>Click a moment, or choose it with the arrow keys and Enter, to see why it was so.</p> : null}
      </Panel>
      {children}
      {stores && stored && samples.length > 0 ? (
        <Panel
          title="State of charge"
          aside={
            <SaveTools
              what="the state of charge"
              file={`${id}-soc`}
              disabled={false}
              onCsv={() => saveSoc(id, samples)}
              picture={() => socPicture.current}
            />
          }
        >
          <TimeChart
            series={SOC}
            data={soc}
            height={170}
            fixed={WHOLE}
            summary={`State of charge of ${device.id}, ${range.words}; now ${percent(device.soc)}.`}
            testId={testIds.socChart}
            picture={socPicture}
            head={heads.soc}
            {...frame}
          />
        </Panel>
      ) : null}
    </div>
  );
}

function describePower(id: string, samples: readonly TelemetrySample[], range: Range): string {
  const bounds = extremes(samples);
  if (!bounds) return `Power of ${id}.`;
  return `Actual power and setpoint of ${id}, ${range.words}: between ${kw(bounds.low)} and ${kw(bounds.high)}.`;
}

function savePower(id: string, samples: readonly TelemetrySample[]): void {
  saveCsv(`${id}-power.csv`, ['time', 'powerKw', 'setpointKw'], samples.map(({ at, powerKw, setpointKw }) => [toRfc3339(at), powerKw, setpointKw]));
}

function saveSoc(id: string, samples: readonly TelemetrySample[]): void {
  saveCsv(`${id}-soc.csv`, ['time', 'soc'], samples.map(({ at, soc }) => [toRfc3339(at), soc]));
}
