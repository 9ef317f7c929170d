//! Control of the feeder has stopped: why, and for those who may the way to resume it.
import { useState } from 'react';
import { useCan } from '../../shared/lib/can';
import { errorText } from '../../shared/lib/client';
import { Icon } from '../../shared/ui/Icon';
import { useResume } from './useFeederWrites';
import type { OnChanged } from './useFeederWrites';
import styles from './StoppedStrip.module.css';

interface Props {
  feederId: string;
  reason: string;
  onChanged: OnChanged;
}

export function StoppedStrip({ feederId, reason, onChanged }: Props) {
  const [asking, setAsking] = useState(false);
  const [{ fetching, error }, resume] = useResume(onChanged);
  const mayResume = useCan('resumeControl');
  return (
    <section className={styles.strip} aria-label="Control has stopped">
      <Icon name="over" size={22} />
      <div className={styles.words}>
        <p className={styles.title}>Control has stopped</p>
        <p>{reason}. Devices are at their fallbacks.</p>
        {asking ? <p>With the next decision its devices get setpoints again. Is what stopped it mended?</p> : null}
        {error ? (
          <p className="problem" role="alert">
            {errorText(error)}
          </p>
        ) : null}
      </div>
      {mayResume && !asking ? (
        <button type="button" className="button" onClick={() => setAsking(true)}>
          Resume control…
        </button>
      ) : null}
      {mayResume && asking ? (
        <div className={styles.actions} role="group" aria-label="Confirm resuming">
          <button type="button" className="button" data-kind="primary" disabled={fetching} autoFocus onClick={() => void resume(feederId)}>
            Resume control
          </button>
          <button type="button" className="button" onClick={() => setAsking(false)}>
            Not yet
          </button>
        </div>
      ) : null}
    </section>
  );
}
