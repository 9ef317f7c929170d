//! A labelled input with its problem beside it.
import { useId } from 'react';

interface Props {
  label: string;
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
  type?: 'text' | 'datetime-local';
}

export function Field({ label, value, problem, onChange, type = 'text' }: Props) {
  const id = useId();
  const problemId = `${id}-problem`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input"
        type={type}
        {...(type === 'text' ? { inputMode: 'decimal' as const, autoComplete: 'off' } : {})}
        value={value}
        aria-invalid={problem !== undefined}
        aria-describedby={problem ? problemId : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      {problem ? (
        <p id={problemId} className="problem">
          {problem}
        </p>
      ) : null}
    </div>
  );
}
