//! A labelled input with its hint and its problem beside it.
import { useId } from 'react';
import type { ReactNode } from 'react';

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
  const id = useId();
  const problemId = `${id}-problem`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input"
        type={type}
        {...(type === 'text' ? { inputMode: words ? ('text' as const) : ('decimal' as const), autoComplete: 'off' } : {})}
        value={value}
        autoFocus={autoFocus}
        aria-invalid={problem !== undefined}
        aria-describedby={problem ? problemId : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      {hint ? <p className="hint">{hint}</p> : null}
      {problem ? (
        <p id={problemId} className="problem">
          {problem}
        </p>
      ) : null}
    </div>
  );
}
