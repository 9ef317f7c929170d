//! The feeders as a tree of lines: find one, see the tightest, hide what stands below, look at a history.
import { useCallback, useMemo, useState } from 'react';
import { FeederFigures } from '../../shared/feeders/FeederFigures';
import { FeederHistory } from '../../shared/feeders/FeederHistory';
import { FeederLine } from '../../shared/feeders/FeederLine';
import type { FeederFacts } from '../../shared/feeders/model';
import type { Tails } from '../../shared/feeders/useFeeders';
import { useNow } from '../../shared/lib/hooks';
import { useThresholds } from '../../shared/lib/thresholds';
import type { Range } from '../../shared/ui/ranges';
import { Empty } from '../../shared/ui/States';
import { linesOf } from './tree';
import type { ListView } from './tree';
import styles from './FeederList.module.css';

interface Props {
  feeders: readonly FeederFacts[];
  tails: Tails;
  view: ListView;
  range: Range;
  detailed: (id: string) => boolean;
  onToggleDetails: (id: string) => void;
  onClear: () => void;
}

export function FeederList({ feeders, tails, view, range, detailed, onToggleDetails, onClear }: Props) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const now = useNow(5000);
  const thresholds = useThresholds();
  const lines = useMemo(() => linesOf(feeders, view, closed, { now, thresholds }), [feeders, view, closed, now, thresholds]);
  const toggle = useCallback((id: string) => {
    setClosed((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  }, []);
  const isNarrowed = view.search.trim() !== '' || view.state !== null;

  if (lines.length === 0) {
    return (
      <Empty title="No feeder matches">
        <button type="button" className="button" onClick={onClear}>
          Show all feeders
        </button>
      </Empty>
    );
  }
  return (
    <ul className={styles.list} aria-label="Feeders">
      {lines.map(({ feeder, depth, below, isOpen }) => {
        const isDetailed = detailed(feeder.id);
        return (
          <FeederLine
            key={feeder.id}
            feeder={feeder}
            depth={depth}
            below={below}
            isOpen={isOpen}
            onToggleBelow={isNarrowed ? undefined : toggle}
            detailed={isDetailed}
            onToggleDetails={onToggleDetails}
            details={
              isDetailed ? (
                <>
                  <FeederFigures feeder={feeder} />
                  <FeederHistory id={feeder.id} range={range} tail={tails.get(feeder.id)} />
                </>
              ) : undefined
            }
          />
        );
      })}
    </ul>
  );
}
