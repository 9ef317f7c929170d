//! What was just done, for as long as it takes to read, with a way to take it back where there is one.
import { useEffect, useState } from 'react';
import { Icon } from './Icon';
import styles from './Said.module.css';

const SAID_FOR_MS = 20_000;

export interface Saying {
  text: string;
  /** Takes it back; answers with what went wrong, or null. */
  undo?: (() => Promise<string | null>) | undefined;
}

export function useSaid(): readonly [Saying | null, (saying: Saying | null) => void] {
  const [said, setSaid] = useState<Saying | null>(null);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(null), SAID_FOR_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return [said, setSaid];
}

export function Said({ said, say }: { said: Saying | null; say: (saying: Saying | null) => void }) {
  const [busy, setBusy] = useState(false);
  const undo = async () => {
    if (!said?.undo) return;
    setBusy(true);
    const wrong = await said.undo();
    setBusy(false);
    say({ text: wrong === null ? 'Taken back.' : `Could not be taken back: ${wrong}` });
  };
  return (
    <div className={said ? styles.said : 'visually-hidden'}>
      <p role="status">{said?.text}</p>
      {said?.undo ? (
        <button type="button" className="button" data-size="s" disabled={busy} onClick={() => void undo()}>
          Undo
        </button>
      ) : null}
      {said ? (
        <button type="button" className={styles.close} aria-label="Close this message" onClick={() => say(null)}>
          <Icon name="close" size={14} />
        </button>
      ) : null}
    </div>
  );
}
