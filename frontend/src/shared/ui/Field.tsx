//! A labelled input with its hint and its problem beside it.
import type { ReactNode } from 'react';
import { FormField } from './FormField';

interface Props {
  label: string;
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
  type?: 'text' | 'datetime-local';
  /** What is typed is no number. */
  words?: boolean;
  hint?: ReactNode;
  autoFocus?: boolean;
}

export function Field({ label, value, problem, onChange, type = 'text', words = false, hint, autoFocus }: Props) {
  return (
    <FormField label={label} problem={problem} hint={hint}>
      {(bind) => (
        <input
          {...bind}
          type={type}
          {...(type === 'text' ? { inputMode: words ? ('text' as const) : ('decimal' as const), autoComplete: 'off' } : {})}
          value={value}
          autoFocus={autoFocus}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </FormField>
  );
}
