//! What the address says about the page: the span of the timeline, what is picked, which form is open. Pure.
import { spanOf } from './model';
import type { Span } from './model';

export interface View {
  span: Span;
  past: boolean;
  /** `event/ID` or `program/ID`. */
  picked: string | null;
  form: 'event' | 'program' | null;
  /** The feeder that a new event or program begins with. */
  feeder: string | null;
}

export function viewFrom(params: URLSearchParams): View {
  const picked = params.get('pick');
  const form = params.get('new');
  return {
    span: spanOf(params.get('span')),
    past: params.get('past') === '1',
    picked: picked && /^(event|program)\/.+/.test(picked) ? picked : null,
    form: form === 'event' || form === 'program' ? form : null,
    feeder: params.get('feeder'),
  };
}

export function paramsFrom(view: View): URLSearchParams {
  const params = new URLSearchParams();
  if (view.span.value !== 'day') params.set('span', view.span.value);
  if (view.past) params.set('past', '1');
  if (view.picked) params.set('pick', view.picked);
  if (view.form) params.set('new', view.form);
  if (view.form && view.feeder) params.set('feeder', view.feeder);
  return params;
}
