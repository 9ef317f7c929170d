//! A labelled control of a form with its hint and its problem beside it, tied together for those who listen.
import { useId } from 'react';
import type { ReactNode } from 'react';

interface Bind {
  id: string;
  className: string;
  'aria-invalid': boolean;
  'aria-describedby': string | undefined;
}

interface Props {
  label: string;
  problem?: string | undefined;
  hint?: ReactNode;
  children: (bind: Bind) => ReactNode;
}

export function FormField({ label, problem, hint, children }: Props) {
  const id = useId();
  const describedBy = [problem ? `${id}-problem` : '', hint ? `${id}-hint` : ''].filter(Boolean).join(' ');
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, className: 'input', 'aria-invalid': problem !== undefined, 'aria-describedby': describedBy || undefined })}
      {problem ? (
        <p id={`${id}-problem`} className="problem">
          {problem}
        </p>
      ) : null}
      {hint ? (
        <p id={`${id}-hint`} className="hint">
          {hint}
        </p>
      ) : null}
    </div>
  );
}
