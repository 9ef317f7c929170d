//! A button that asks before it acts: what will happen, in a sentence, with a way out. The answer stays where the
//! question was.
import { useEffect, useRef, useState } from 'react';
import styles from './Confirm.module.css';

interface Props {
  /** The button. */
  label: string;
  /** Its full name where the label alone would be one of many. */
  name?: string;
  kind?: 'quiet' | 'danger' | 'plain';
  sentence: string;
  yes: string;
  no?: string;
  danger?: boolean;
  /** Acts; answers with what went wrong, or null. */
  onYes: () => Promise<string | null>;
}

export function Confirm({ label, name, kind = 'plain', sentence, yes, no = 'Leave it', danger = false, onYes }: Props) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  const mounted = useRef(true);

  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);

  // The focus goes back to where it came from.
  useEffect(() => {
    if (wasAsking.current && !asking) opener.current?.focus();
    wasAsking.current = asking;
  }, [asking]);

  const act = async () => {
    setBusy(true);
    const wrong = await onYes();
    if (!mounted.current) return;
    setBusy(false);
    setProblem(wrong);
    if (wrong === null) setAsking(false);
  };

  if (!asking) {
    return (
      <button
        ref={opener}
        type="button"
        className="button"
        data-kind={kind === 'plain' ? undefined : kind}
        data-size="s"
        aria-label={name}
        onClick={() => setAsking(true)}
      >
        {label}
      </button>
    );
  }
  return (
    <div
      className={styles.confirm}
      role="group"
      aria-label={`Confirm: ${name ?? label}`}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !busy) setAsking(false);
      }}
    >
      <span className={styles.sentence}>{sentence}</span>
      <span className={styles.buttons}>
        <button
          type="button"
          className="button"
          data-kind={danger ? 'danger' : 'primary'}
          data-size="s"
          disabled={busy}
          autoFocus
          onClick={() => void act()}
        >
          {yes}
        </button>
        <button type="button" className="button" data-size="s" onClick={() => setAsking(false)}>
          {no}
        </button>
      </span>
      {problem ? (
        <span className="problem" role="alert">
          {problem}
        </span>
      ) : null}
    </div>
  );
}
