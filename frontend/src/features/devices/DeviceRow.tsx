//! One device as a row of the table, or as a card on a phone.
import { memo } from 'react';
import { Link, useLocation } from 'wouter';
import { kw, powerFigure, signedKw, typeName } from '../../shared/lib/format';
import { testIds } from '../../shared/testIds';
import { Ago } from '../../shared/ui/Ago';
import { Badge } from '../../shared/ui/Badge';
import { FreshnessBadge } from '../../shared/ui/FreshnessBadge';
import { SocBar } from '../../shared/ui/SocBar';
import { barGeometry } from './model';
import type { Row } from './model';
import styles from './DeviceTable.module.css';

interface Props {
  row: Row;
  rowIndex: number;
  top: number;
  height: number;
  tabStop: boolean;
  /** null: rows cannot be selected. */
  selected: boolean | null;
  onSelect: (id: string) => void;
}

export const DeviceRow = memo(function DeviceRow({ row, rowIndex, top, height, tabStop, selected, onSelect }: Props) {
  const [, navigate] = useLocation();
  const href = `/devices/${encodeURIComponent(row.id)}`;
  return (
    <div
      role="row"
      aria-rowindex={rowIndex}
      aria-selected={selected ?? undefined}
      className={styles.row}
      data-device={row.id}
      data-testid={testIds.deviceRow}
      tabIndex={tabStop ? 0 : -1}
      style={{ transform: `translateY(${top}px)`, height }}
      onClick={() => navigate(href)}
    >
      <div role="gridcell" className={styles.device}>
        {selected === null ? null : <Select label={`Select ${row.id}`} checked={selected} onChange={() => onSelect(row.id)} />}
        <Link href={href} tabIndex={-1} onClick={(event) => event.stopPropagation()}>
          {row.id}
        </Link>
        <Marks row={row} />
      </div>
      <div role="gridcell" className={styles.type}>
        {typeName(row.type)}
      </div>
      <div role="gridcell" className={styles.feeder}>
        {row.feederId}
      </div>
      <div role="gridcell" className={styles.state}>
        <FreshnessBadge freshness={row.freshness} />
      </div>
      <div role="gridcell" className={styles.power}>
        <PowerBar row={row} />
      </div>
      <div role="gridcell" className={styles.error} data-off={!row.compliant || undefined}>
        <span className={styles.cardLabel}>Error </span>
        {signedKw(row.trackingErrorKw)}
      </div>
      <div role="gridcell" className={styles.soc}>
        <SocBar soc={row.soc} />
      </div>
      <div role="gridcell" className={styles.priority}>
        <span className={styles.cardLabel}>Priority </span>
        {row.priority}
      </div>
      <div role="gridcell" className={styles.seen}>
        <Ago at={row.lastSeen} />
      </div>
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
    <label className={styles.select} onClick={(event) => event.stopPropagation()}>
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
  const at = (share: number) => `${(share * 100).toFixed(1)}%`;
  return (
    <>
      <span className={styles.actual}>{powerFigure(row.powerKw).value}</span>
      <span className={styles.bar} aria-hidden="true">
        <span className={styles.fill} style={{ left: at(bar.from), width: at(bar.to - bar.from) }} />
        <span className={styles.zero} style={{ left: at(bar.zero) }} />
        {bar.setpoint === null ? null : <span className={styles.mark} style={{ left: at(bar.setpoint) }} />}
      </span>
      <span className={styles.setpoint}>
        <span className="visually-hidden">kilowatts, </span>
        <span className={styles.setLabel}>set </span>
        {kw(row.setpointKw)}
      </span>
    </>
  );
}
