//! Tables as CSV files: RFC 4180, UTF-8 with a mark so that spreadsheets read it as such.
import { saveFile } from './saveFile';

export type Cell = string | number | null | undefined;

/** A text that a spreadsheet would take for a formula is kept a text. */
function cell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function toCsv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

/** Offers the table as a file to keep. */
export function saveCsv(name: string, head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  saveFile(name, new Blob(['\ufeff', toCsv(head, rows)], { type: 'text/csv;charset=utf-8' }));
}
