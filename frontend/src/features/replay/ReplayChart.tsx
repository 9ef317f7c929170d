//! Load against limit around the moment: holes stay holes, and a click goes to another moment.
import { useMemo, useRef } from 'react';
import { saveCsv } from '../../shared/lib/csv';
import { kw } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { toColumns } from '../../shared/lib/series';
import { useThresholds } from '../../shared/lib/thresholds';
import { toRfc3339 } from '../../shared/lib/time';
import { testIds } from '../../shared/testIds';
import type { ChartSeries } from '../../shared/ui/chartOptions';
import { Panel } from '../../shared/ui/Panel';
import { SaveTools } from '../../shared/ui/SaveTools';
import type { Picture } from '../../shared/ui/SaveTools';
import { Empty } from '../../shared/ui/States';
import { TimeChart } from '../../shared/ui/TimeChart';
import { missedAfterMs, windowTo } from './model';
import type { Trail } from './model';

const SERIES: readonly ChartSeries[] = [
  { label: 'Load', color: '--series-load', kind: 'area', fill: '--series-fill', format: (value) => kw(value) },
  { label: 'Limit', color: '--series-limit', kind: 'dashed', format: (value) => kw(value) },
];
const OVER = [0, 1] as const;

interface Props {
  feederId: string;
  trail: Trail;
  at: number;
  onAt: (at: number) => void;
}

export function ReplayChart({ feederId, trail, at, onAt }: Props) {
  const now = useNow(5000);
  const picture = useRef<Picture>(null);
  const head = useMemo(() => ({ title: `Load against limit of ${feederId}`, unit: 'kW' }), [feederId]);
  const { silentAfterMs } = useThresholds();
  const { steps, from } = trail;
  const data = useMemo(
    () => toColumns(steps, [(step) => step.loadKw, (step) => step.limitKw], missedAfterMs(steps, silentAfterMs)),
    [steps, silentAfterMs],
  );
  return (
    <Panel
      title={`Around this moment on ${feederId}`}
      aside={<SaveTools what="this chart" file={`${feederId}-replay`} disabled={steps.length === 0} onCsv={() => save(feederId, trail)} picture={() => picture.current} />}
    >
      {steps.length === 0 ? (
        <Empty title="No load is on record around this moment">It is older than what is kept, or nothing was running.</Empty>
      ) : (
        <TimeChart
          series={SERIES}
          data={data}
          from={from / 1000}
          to={windowTo(from, now) / 1000}
          height={180}
          over={OVER}
          moment={at / 1000}
          onPick={(seconds) => onAt(Math.round(seconds * 1000))}
          summary={`Load and limit of ${feederId} around the moment. Click, or choose with the arrow keys and Enter, to go to another one.`}
          testId={testIds.replayChart}
          picture={picture}
          head={head}
        />
      )}
    </Panel>
  );
}

function save(feederId: string, { steps }: Trail): void {
  saveCsv(`${feederId}-replay.csv`, ['time', 'loadKw', 'limitKw'], steps.map(({ at, loadKw, limitKw }) => [toRfc3339(at), loadKw, limitKw]));
}
