//! A refusal of the API at the field that it names: "importLimitKw: must be at least 0; you gave -3", "end must be …".
import type { CombinedError } from '@urql/core';
import { errorText } from './client';

export interface Refusal<Field extends string> {
  /** Problems by field, as the API words them. */
  fields: Partial<Record<Field, string>>;
  /** What names none of the fields. */
  rest: string | undefined;
}

const NAMED = /^(?:input\.)?([A-Za-z]+)(:?)\s+(.+)$/s;

export function refusalOf<Field extends string>(error: CombinedError | undefined, fields: readonly Field[]): Refusal<Field> {
  if (!error) return { fields: {}, rest: undefined };
  const found: Refusal<Field>['fields'] = {};
  let unnamed = false;
  for (const { message } of error.graphQLErrors) {
    const [, name, colon, what] = NAMED.exec(message) ?? [];
    const field = fields.find((each) => each === name);
    if (field && what) found[field] ??= sentence(colon ? what : message);
    else unnamed = true;
  }
  const isTold = !unnamed && error.graphQLErrors.length > 0;
  return { fields: found, rest: isTold ? undefined : errorText(error) };
}

/** What a mutation's answer says went wrong, in a sentence; null when nothing did. */
export function wrongIn({ error }: { error?: CombinedError | undefined }): string | null {
  return error ? sentence(errorText(error)) : null;
}

/** A sentence begins with a capital, but the name of a feeder stays what it is. */
function sentence(text: string): string {
  const start = /^[a-z]+(\s|$)/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
