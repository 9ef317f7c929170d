//! What the API refuses and which field of a form it means: its messages begin with the field's name ("start: …",
//! "end must be …"). Pure.
import type { CombinedError } from '@urql/core';
import { errorText } from './client';

export interface Refusal<Field extends string> {
  /** The field to show it at; null where it is about the whole. */
  field: Field | null;
  text: string;
}

export function refusalOf<Field extends string>(error: CombinedError, fields: readonly Field[]): Refusal<Field> {
  const message = errorText(error);
  const match = /^(?:input\.)?(\w+)(:?) (.+)$/s.exec(message);
  const field = fields.find((each) => each === match?.[1]) ?? null;
  const text = field !== null && match?.[2] === ':' ? (match[3] ?? message) : message;
  return { field, text: sentence(text) };
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

/** What a mutation's answer says went wrong; null when nothing did. */
export function wrongIn({ error }: { error?: CombinedError | undefined }): string | null {
  return error ? sentence(errorText(error)) : null;
}
