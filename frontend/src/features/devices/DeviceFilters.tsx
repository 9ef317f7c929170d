//! The filters over the table. Each writes the whole view, which lives in the address.
import { useId, useMemo } from 'react';
import type { ReactNode } from 'react';
import { count, typeName, words } from '../../shared/lib/format';
import { Icon } from '../../shared/ui/Icon';
import { Segmented } from '../../shared/ui/Segmented';
import { SORT_NAMES } from './columnNames';
import { FRESHNESS, SORT_KEYS, STANDINGS, TYPES } from './model';
import type { Filters, Row, Standing, View } from './model';
import styles from './DeviceFilters.module.css';

interface Props {
  rows: readonly Row[];
  feeders: readonly string[];
  view: View;
  onChange: (view: View) => void;
}

const STANDING_NAMES: Record<Standing, string> = {
  CURTAILED: 'Gives way',
  NOT_FOLLOWING: 'Not following',
  FOLLOWING: 'Following',
  OPTED_OUT: 'Opted out',
  OVERRIDDEN: 'Override',
};

export function DeviceFilters({ rows, feeders, view, onChange }: Props) {
  const { filters, sort } = view;
  const set = (part: Partial<Filters>) => onChange({ ...view, filters: { ...filters, ...part } });
  const physical = useMemo(() => rows.filter((row) => row.origin === 'PHYSICAL').length, [rows]);
  const searchId = useId();
  const named = (name: string, value: number) => (
    <>
      {name} <span className={styles.n}>{count(value)}</span>
    </>
  );

  return (
    <div className={styles.bar} role="search" aria-label="Filter devices">
      <div className={styles.search}>
        <label htmlFor={searchId} className="visually-hidden">
          Search by device or site
        </label>
        <Icon name="search" />
        <input
          id={searchId}
          type="search"
          className="input"
          placeholder="Search device or site"
          value={filters.search}
          spellCheck={false}
          onChange={(event) => set({ search: event.target.value })}
        />
      </div>
      <Segmented
        label="Origin"
        value={filters.origin ?? 'ALL'}
        options={[
          { value: 'ALL', label: named('All', rows.length) },
          { value: 'PHYSICAL', label: named('Physical', physical) },
          { value: 'SIMULATED', label: named('Simulated', rows.length - physical) },
        ]}
        onChange={(value) => set({ origin: value === 'ALL' ? null : value })}
      />
      <Choice label="Type" value={filters.type} onChange={(type) => set({ type })} options={TYPES} name={typeName} />
      <Choice label="Feeder" value={filters.feeder} onChange={(feeder) => set({ feeder })} options={feeders} name={(id) => id} />
      <Choice label="State" value={filters.state} onChange={(state) => set({ state })} options={FRESHNESS} name={words} />
      <Choice
        label="Standing"
        value={filters.standing}
        onChange={(standing) => set({ standing })}
        options={STANDINGS}
        name={(standing) => STANDING_NAMES[standing]}
      />
      <div className={styles.sort}>
        <Choice
          label="Sort by"
          value={sort.key}
          onChange={(key) => onChange({ ...view, sort: { key: key ?? 'id', down: sort.down } })}
          options={SORT_KEYS}
          name={(key) => SORT_NAMES[key]}
          required
        />
        <button
          type="button"
          className="button"
          aria-label={sort.down ? 'Sorted descending. Sort ascending' : 'Sorted ascending. Sort descending'}
          onClick={() => onChange({ ...view, sort: { ...sort, down: !sort.down } })}
        >
          <Icon name={sort.down ? 'down' : 'up'} />
        </button>
      </div>
    </div>
  );
}

interface ChoiceProps<Value extends string> {
  label: string;
  value: Value | null;
  options: readonly Value[];
  name: (value: Value) => ReactNode;
  onChange: (value: Value | null) => void;
  required?: boolean;
}

function Choice<Value extends string>({ label, value, options, name, onChange, required }: ChoiceProps<Value>) {
  const id = useId();
  return (
    <div className={styles.choice}>
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="input"
        value={value ?? ''}
        data-set={value !== null || undefined}
        onChange={(event) => onChange(options.find((option) => option === event.target.value) ?? null)}
      >
        {required ? null : <option value="">Any</option>}
        {options.map((option) => (
          <option key={option} value={option}>
            {name(option)}
          </option>
        ))}
      </select>
    </div>
  );
}
