//! Sentences about what was just done, at the edge of the page. They go by themselves, but not from under a reader.
import { useEffect, useState } from 'react';
import { toasts, useToasts } from '../lib/toasts';
import type { Toast } from '../lib/toasts';
import { Icon } from './Icon';
import styles from './Toasts.module.css';

const SHOWN_MS = 20_000;

export function Toasts() {
  const list = useToasts();
  return (
    <div className={styles.toasts} role="status" aria-label="Done">
      {list.map((toast) => (
        <Row key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function Row({ toast }: { toast: Toast }) {
  const [held, setHeld] = useState(false);
  const [undoing, setUndoing] = useState(false);
  const { id, text, tone, undo } = toast;
  useEffect(() => {
    if (held || undoing) return;
    const timer = setTimeout(() => toasts.drop(id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [id, held, undoing]);

  const takeBack = async () => {
    if (!undo) return;
    setUndoing(true);
    const answer = await undo();
    toasts.drop(id);
    toasts.say(answer);
  };

  return (
    <div
      className={styles.toast}
      data-tone={tone}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <Icon name={tone === 'done' ? 'inside' : 'near'} size={18} />
      <p>{text}</p>
      {undo ? (
        <button type="button" className="button" data-size="s" disabled={undoing} onClick={() => void takeBack()}>
          Undo
        </button>
      ) : null}
      <button type="button" className={styles.close} aria-label="Dismiss" onClick={() => toasts.drop(id)}>
        <Icon name="close" size={14} />
      </button>
    </div>
  );
}
