//! The pages of the runbook, as they stand in docs/runbook when the dashboard is built.
import { runbookCode, runbookSections } from './model';
import type { RunbookSection } from './model';

const PAGES = import.meta.glob<string>('../../../../docs/runbook/*.md', { query: '?raw', import: 'default', eager: true });

/** What the page of an alarm says; empty where there is no such page. */
export function runbookOf(runbook: string): RunbookSection[] {
  const code = runbookCode(runbook);
  const page = code === null ? undefined : PAGES[`../../../../docs/runbook/${code}.md`];
  return page === undefined ? [] : runbookSections(page);
}
