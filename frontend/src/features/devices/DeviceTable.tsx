//! The virtualised grid: only the rows in view exist. Arrow keys move, Enter opens, the space bar selects.
import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, MouseEvent, ReactNode, RefObject } from 'react';
import { useLocation } from 'wouter';
import { PHONE, useMediaQuery } from '../../shared/lib/hooks';
import { deviceHref } from '../../shared/lib/hrefs';
import { Icon } from '../../shared/ui/Icon';
import { DeviceRow, Select } from './DeviceRow';
import { useRowsInView } from './inView';
import { HEADS } from './columnNames';
import { nextSort } from './model';
import type { ColumnKey, Row, Sort, SortKey } from './model';
import styles from './DeviceTable.module.css';

const ROW_PX = 44;
const CARD_PX = 104;
const PAGE_STEP = 10;

const COLUMNS: readonly { key: SortKey; place: string | undefined; end?: boolean }[] = [
  { key: 'id', place: styles.atDevice },
  { key: 'type', place: styles.atType },
  { key: 'feeder', place: styles.atFeeder },
  { key: 'state', place: styles.atState },
  { key: 'power', place: styles.atPower },
  { key: 'error', place: styles.atError, end: true },
  { key: 'soc', place: styles.atSoc },
  { key: 'priority', place: styles.atPriority, end: true },
  { key: 'seen', place: styles.atSeen, end: true },
];

interface Props {
  rows: readonly Row[];
  /** More rows are still being loaded: how many there will be is not said until they are there. */
  loading: boolean;
  sort: Sort;
  onSort: (sort: Sort) => void;
  /** null: rows cannot be selected. */
  selected: ReadonlySet<string> | null;
  onSelect: (id: string) => void;
  onSelectAll: () => void;
  hidden: readonly ColumnKey[];
}

export function DeviceTable({ rows, loading, sort, onSort, selected, onSelect, onSelectAll, hidden }: Props) {
  const columns = COLUMNS.filter(({ key }) => key === 'id' || !hidden.includes(key));
  const head = useRef<HTMLDivElement>(null);
  const picked = useMemo(() => (selected?.size ? rows.filter((row) => selected.has(row.id)).length : 0), [rows, selected]);
  return (
    <div
      className={styles.table}
      role="grid"
      aria-label="Devices"
      aria-rowcount={loading ? -1 : rows.length + 1}
      aria-colcount={columns.length}
      aria-multiselectable={selected ? true : undefined}
    >
      <div ref={head} role="rowgroup" className={styles.head}>
        <div role="row" aria-rowindex={1} className={styles.row}>
          {columns.map((column) => (
            <Heading key={column.key} column={column} sort={sort} onSort={onSort}>
              {column.key === 'id' && selected ? (
                <Select
                  label="Select all devices shown"
                  checked={picked > 0 && picked === rows.length}
                  mixed={picked > 0 && picked < rows.length}
                  onChange={onSelectAll}
                  tabIndex={0}
                />
              ) : null}
            </Heading>
          ))}
        </div>
      </div>
      <Rows rows={rows} head={head} selected={selected} onSelect={onSelect} hidden={hidden} />
    </div>
  );
}

interface RowsProps extends Pick<Props, 'rows' | 'selected' | 'onSelect' | 'hidden'> {
  /** Stays above the rows and covers some. */
  head: RefObject<HTMLElement | null>;
}

/**
 * What scrolls. A row that leaves the view gives its elements to the one that enters, where they stand: to make new ones
 * or to move them costs frames. `aria-owns` names the order in which they are read.
 */
function Rows({ rows, head, selected, onSelect, hidden }: RowsProps) {
  const rowPx = useMediaQuery(PHONE) ? CARD_PX : ROW_PX;
  const body = useRef<HTMLDivElement>(null);
  const [topPx, setTopPx] = useState(0);
  useLayoutEffect(() => {
    const top = body.current?.getBoundingClientRect().top ?? 0;
    setTopPx(top + window.scrollY);
  }, [rowPx, rows.length]);

  const id = useId();
  const { bySlot, slotsInOrder } = useRowsInView(rows.length, rowPx, topPx);
  const reveal = (index: number) => scrollTo(topPx + index * rowPx, rowPx, coveredPx(head.current));
  const { activeId, onKeyDown, onFocus } = useRowKeys(rows, body, reveal, selected ? onSelect : null);
  const onClick = useOpen();
  const tabStop = activeId ?? rows[0]?.id;
  return (
    <div
      ref={body}
      role="rowgroup"
      className={styles.body}
      aria-owns={slotsInOrder.map((slot) => `${id}-${slot}`).join(' ')}
      style={{ height: rows.length * rowPx }}
      onKeyDown={onKeyDown}
      onFocus={onFocus}
      onClick={onClick}
    >
      {bySlot.map((index, slot) => {
        const row = rows[index];
        if (!row) return null;
        return (
          <DeviceRow
            key={slot}
            elementId={`${id}-${slot}`}
            row={row}
            rowIndex={index + 2}
            top={index * rowPx}
            height={rowPx}
            tabStop={row.id === tabStop}
            selected={selected ? selected.has(row.id) : null}
            onSelect={onSelect}
            hidden={hidden}
          />
        );
      })}
    </div>
  );
}

/** How much of the window's upper edge a sticky head covers. */
function coveredPx(head: HTMLElement | null): number {
  return head ? head.offsetHeight + (Number.parseFloat(getComputedStyle(head).top) || 0) : 0;
}

/** No further than needed for the row to be seen whole. */
function scrollTo(rowTopPx: number, rowPx: number, covered: number): void {
  const highest = rowTopPx - covered;
  const lowest = rowTopPx + rowPx - window.innerHeight;
  if (window.scrollY > highest) window.scrollTo({ top: highest });
  else if (window.scrollY < lowest) window.scrollTo({ top: lowest });
}

/** A click anywhere on a row opens its device; a click meant for another tab is left to the link. */
function useOpen(): (event: MouseEvent) => void {
  const [, navigate] = useLocation();
  return (event) => {
    const target = event.target as HTMLElement;
    const id = target.closest<HTMLElement>('[data-device]')?.dataset.device;
    const isForBrowser = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (!id || isForBrowser || target.closest('label')) return;
    event.preventDefault();
    navigate(deviceHref(id));
  };
}

interface HeadingProps {
  column: (typeof COLUMNS)[number];
  sort: Sort;
  onSort: (sort: Sort) => void;
  children: ReactNode;
}

function Heading({ column, sort, onSort, children }: HeadingProps) {
  const current = sort.key === column.key;
  const order = sort.down ? 'descending' : 'ascending';
  return (
    <div role="columnheader" aria-sort={current ? order : 'none'} className={`${styles.heading ?? ''} ${column.place ?? ''} ${children ? (styles.first ?? '') : ''}`} data-end={column.end}>
      {children}
      <button type="button" onClick={() => onSort(nextSort(sort, column.key))}>
        {HEADS[column.key]}
        <span className={styles.arrow} data-shown={current || undefined}>
          <Icon name={current && sort.down ? 'down' : 'up'} size={13} />
        </span>
      </button>
    </div>
  );
}

/** One row is in the tab order; the arrows move it, also to rows that do not exist yet. */
function useRowKeys(
  rows: readonly Row[],
  body: RefObject<HTMLDivElement | null>,
  reveal: (index: number) => void,
  onSelect: ((id: string) => void) | null,
) {
  const [activeId, setActiveId] = useState<string | null>(null);
  const wanted = useRef<string | null>(null);
  const [, navigate] = useLocation();

  // The row may appear only after the scroll: the focus follows as soon as it is there.
  useEffect(() => {
    if (wanted.current === null) return;
    const element = body.current?.querySelector<HTMLElement>(`[data-device="${CSS.escape(wanted.current)}"]`);
    if (!element) return;
    wanted.current = null;
    element.focus({ preventScroll: true });
  });

  const onFocus = useCallback((event: React.FocusEvent) => {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-device]');
    if (row?.dataset.device) setActiveId(row.dataset.device);
  }, []);

  const onKeyDown = (event: KeyboardEvent) => {
    const at = rows.findIndex((row) => row.id === activeId);
    if (event.key === 'Enter' && activeId && event.target instanceof HTMLElement && event.target.dataset.device) {
      navigate(deviceHref(activeId));
      return;
    }
    if (event.key === ' ' && onSelect && activeId && event.target instanceof HTMLElement && event.target.dataset.device) {
      event.preventDefault();
      onSelect(activeId);
      return;
    }
    const next = targetIndex(event.key, at, rows.length);
    const row = next === null ? undefined : rows[next];
    if (next === null || !row) return;
    event.preventDefault();
    reveal(next);
    wanted.current = row.id;
    setActiveId(row.id);
  };
  return { activeId, onKeyDown, onFocus };
}

function targetIndex(key: string, at: number, length: number): number | null {
  const clamp = (index: number) => Math.min(length - 1, Math.max(0, index));
  switch (key) {
    case 'ArrowDown':
      return clamp(at + 1);
    case 'ArrowUp':
      return clamp(at - 1);
    case 'PageDown':
      return clamp(at + PAGE_STEP);
    case 'PageUp':
      return clamp(at - PAGE_STEP);
    case 'Home':
      return 0;
    case 'End':
      return length - 1;
    default:
      return null;
  }
}
