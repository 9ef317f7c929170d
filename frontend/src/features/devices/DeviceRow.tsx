//! One device as a row of the table, or as a card on a phone. A screenful of them changes in every frame of a scroll:
//! few elements, none positioned but the row, and no listener of their own.
import { memo, useLayoutEffect, useRef } from 'react';
import { kw, powerFigure, signedKw, typeName } from '../../shared/lib/format';
import { deviceHref } from '../../shared/lib/hrefs';
import { testIds } from '../../shared/testIds';
import { Ago } from '../../shared/ui/Ago';
import { Badge } from '../../shared/ui/Badge';
import { FreshnessBadge } from '../../shared/ui/FreshnessBadge';
import { SocBar } from '../../shared/ui/SocBar';
import { barGeometry, pieceOf } from './model';
import type { ColumnKey, Row } from './model';
import styles from './DeviceTable.module.css';

interface Props {
  elementId: string;
  row: Row;
  rowIndex: number;
  top: number;
  height: number;
  tabStop: boolean;
  /** null: rows cannot be selected. */
  selected: boolean | null;
  onSelect: (id: string) => void;
  hidden: readonly ColumnKey[];
}

/** Where a cell stands, and how it looks. */
function at(place: string | undefined, look: string | undefined): string {
  return `${place ?? ''} ${look ?? ''}`;
}

export const DeviceRow = memo(function DeviceRow({ elementId, row, rowIndex, top, height, tabStop, selected, onSelect, hidden }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const shown = useRef(row.id);
  // The focus belongs to the device, not to the element that now shows another one.
  useLayoutEffect(() => {
    if (shown.current === row.id) return;
    shown.current = row.id;
    const focused = document.activeElement;
    if (focused instanceof HTMLElement && element.current?.contains(focused)) focused.blur();
  }, [row.id]);
  return (
    <div
      ref={element}
      id={elementId}
      role="row"
      aria-rowindex={rowIndex}
      aria-selected={selected ?? undefined}
      className={styles.row}
      data-device={row.id}
      data-testid={testIds.deviceRow}
      tabIndex={tabStop ? 0 : -1}
      style={{ top, height }}
    >
      <div role="gridcell" className={at(styles.atDevice, styles.device)}>
        {selected === null ? null : <Select label={`Select ${row.id}`} checked={selected} onChange={() => onSelect(row.id)} />}
        <a href={deviceHref(row.id)} tabIndex={-1}>
          {row.id}
        </a>
        <Marks row={row} />
      </div>
      {hidden.includes('type') ? null : (
        <div role="gridcell" className={at(styles.atType, styles.type)}>
          {typeName(row.type)}
        </div>
      )}
      {hidden.includes('feeder') ? null : (
        <div role="gridcell" className={at(styles.atFeeder, styles.feeder)}>
          {row.feederId}
        </div>
      )}
      {hidden.includes('state') ? null : (
        <div role="gridcell" className={at(styles.atState, styles.state)}>
          <FreshnessBadge freshness={row.freshness} />
        </div>
      )}
      {hidden.includes('power') ? null : (
        <div role="gridcell" className={at(styles.atPower, styles.power)}>
          <PowerBar row={row} />
        </div>
      )}
      {hidden.includes('error') ? null : (
        <div role="gridcell" className={at(styles.atError, styles.error)} data-off={!row.compliant || undefined}>
          <span className={styles.cardLabel}>Error </span>
          {signedKw(row.trackingErrorKw)}
        </div>
      )}
      {hidden.includes('soc') ? null : (
        <div role="gridcell" className={at(styles.atSoc, styles.soc)}>
          <SocBar soc={row.soc} />
        </div>
      )}
      {hidden.includes('priority') ? null : (
        <div role="gridcell" className={at(styles.atPriority, styles.priority)}>
          <span className={styles.cardLabel}>Priority </span>
          {row.priority}
        </div>
      )}
      {hidden.includes('seen') ? null : (
        <div role="gridcell" className={at(styles.atSeen, styles.seen)}>
          <Ago at={row.lastSeen} />
        </div>
      )}
    </div>
  );
});

interface SelectProps {
  label: string;
  checked: boolean;
  /** Some, but not all. */
  mixed?: boolean;
  onChange: () => void;
  tabIndex?: number;
}

/** A tick box whose surroundings count as it, so that a finger finds it. */
export function Select({ label, checked, mixed = false, onChange, tabIndex = -1 }: SelectProps) {
  return (
    <label className={styles.select}>
      <input
        type="checkbox"
        aria-label={label}
        checked={checked}
        tabIndex={tabIndex}
        ref={(input) => {
          if (input) input.indeterminate = mixed;
        }}
        onChange={onChange}
      />
    </label>
  );
}

function Marks({ row }: { row: Row }) {
  return (
    <span className={styles.marks}>
      {row.origin === 'PHYSICAL' ? (
        <Badge tone="accent" icon="physical">
          Physical
        </Badge>
      ) : null}
      {row.compliant ? null : (
        <Badge tone="warn" icon="near" title="Does not follow its setpoints; counted at what it really draws">
          Not following
        </Badge>
      )}
      {row.optedOut ? <Badge title="Counted as load that nobody commands">Opted out</Badge> : null}
      {row.overridden ? <Badge title="An operator has set its power">Override</Badge> : null}
    </span>
  );
}

function PowerBar({ row }: { row: Row }) {
  const bar = barGeometry(row);
  const power = pieceOf(bar.from, bar.to);
  const percent = (share: number) => `${(share * 100).toFixed(1)}%`;
  // In the order of the class: the setpoint's mark, zero, the power, the ground.
  const positions = [bar.setpoint ?? 0, bar.zero, power.position, 0].map((share) => `${percent(share)} 50%`);
  const sizes = [bar.setpoint === null ? '0' : '2px 1rem', '1px 0.7rem', `${percent(power.size)} 0.5rem`, '100% 0.5rem'];
  return (
    <>
      <span className={styles.actual}>{powerFigure(row.powerKw).value}</span>
      <span className={styles.bar} aria-hidden="true" style={{ backgroundPosition: positions.join(), backgroundSize: sizes.join() }} />
      <span className={styles.setpoint}>
        <span className="visually-hidden">kilowatts, set </span>
        <span className={styles.cardLabel} aria-hidden="true">
          set{' '}
        </span>
        {kw(row.setpointKw)}
      </span>
    </>
  );
}
