//! Above the list of feeders: search, order, how many stand how, and the time that histories show.
import { useId } from 'react';
import { STATES } from '../../shared/feeders/StateBadge';
import type { FeederFacts } from '../../shared/feeders/model';
import { count } from '../../shared/lib/format';
import { useNow } from '../../shared/lib/hooks';
import { useThresholds } from '../../shared/lib/thresholds';
import { Icon } from '../../shared/ui/Icon';
import { RANGES } from '../../shared/ui/ranges';
import type { Range } from '../../shared/ui/ranges';
import { Segmented } from '../../shared/ui/Segmented';
import { countStates } from './tree';
import type { ListView } from './tree';
import styles from './ListControls.module.css';

/** With fewer there is nothing to search. */
const SEARCH_FROM = 6;

const ORDERS = [
  { value: 'tree', label: 'Tree' },
  { value: 'tightest', label: 'Tightest first' },
] as const;

interface Props {
  feeders: readonly FeederFacts[];
  view: ListView;
  onView: (view: ListView) => void;
  range: Range;
  onRange: (value: string) => void;
}

export function ListControls({ feeders, view, onView, range, onRange }: Props) {
  const now = useNow(5000);
  const thresholds = useThresholds();
  const searchId = useId();
  return (
    <div className={styles.bar}>
      {feeders.length >= SEARCH_FROM || view.search ? (
        <div className={styles.search}>
          <label htmlFor={searchId} className="visually-hidden">
            Search feeders
          </label>
          <Icon name="search" />
          <input
            id={searchId}
            type="search"
            className="input"
            placeholder="Search feeders"
            value={view.search}
            spellCheck={false}
            onChange={(event) => onView({ ...view, search: event.target.value })}
          />
        </div>
      ) : null}
      <div className={styles.states} role="group" aria-label="Show by state">
        {countStates(feeders, now, thresholds).map(({ state, count: number }) => (
          <button
            key={state}
            type="button"
            className={styles.state}
            data-tone={STATES[state].tone}
            aria-pressed={view.state === state}
            title={STATES[state].title}
            onClick={() => onView({ ...view, state: view.state === state ? null : state })}
          >
            <Icon name={STATES[state].icon} size={13} />
            {STATES[state].word} <strong>{count(number)}</strong>
          </button>
        ))}
      </div>
      <div className={styles.end}>
        <Segmented label="Order" options={ORDERS} value={view.order} onChange={(order) => onView({ ...view, order })} />
        <Segmented label="Time shown" options={RANGES} value={range.value} onChange={onRange} />
      </div>
    </div>
  );
}
