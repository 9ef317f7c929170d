//! How every form ends: what it will do, what the API refused of it as a whole, and its two buttons.
import type { ReactNode } from 'react';
import styles from './Form.module.css';

interface Props {
  preview: ReactNode;
  refused: string | undefined;
  submit: string;
  disabled: boolean;
  onClose: () => void;
}

export function FormEnd({ preview, refused, submit, disabled, onClose }: Props) {
  return (
    <div className={styles.end}>
      {preview}
      {refused ? (
        <p className="problem" role="alert">
          {refused}
        </p>
      ) : null}
      <div className={styles.actions}>
        <button type="submit" className="button" data-kind="primary" disabled={disabled}>
          {submit}
        </button>
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </div>
    </div>
  );
}
