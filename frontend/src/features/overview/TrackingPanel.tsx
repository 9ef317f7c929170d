//! How well the fleet follows its setpoints: the mean, and who follows least.
import { Link } from 'wouter';
import { kw, signedKw, typeName } from '../../shared/lib/format';
import { useBulkQuery } from '../../shared/lib/live';
import { deviceHref } from '../../shared/lib/hrefs';
import { Figure } from '../../shared/ui/Figure';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { trackingSummary } from './model';
import { TrackingErrors } from './queries';
import styles from './TrackingPanel.module.css';

const ASK_EVERY_MS = 30_000;
const WORST = 5;
const none = () => ({});

export function TrackingPanel() {
  const { data, error, loading, refresh } = useBulkQuery({
    query: TrackingErrors,
    variables: none,
    key: 'all',
    everyMs: ASK_EVERY_MS,
  });
  const summary = data ? trackingSummary(data.trackingError, WORST) : null;
  const most = summary?.worst[0]?.meanAbsErrorKw ?? 0;
  return (
    <Panel title="Tracking error">
      {error && !data ? <Failed what="the tracking error" error={error} again={refresh} /> : null}
      {loading ? <Loading what="the tracking error" height={160} /> : null}
      {data && !summary ? <Empty title="No setpoints followed yet" /> : null}
      {summary ? (
        <>
          <p className={styles.mean}>
            <Figure kw={summary.meanAbsKw} size="l" />
            <span className="muted">
              mean distance from setpoint, {signedKw(summary.meanKw)} on average
            </span>
          </p>
          <ol className={styles.worst} aria-label="Devices that follow least">
            {summary.worst.map((row) => (
              <li key={row.deviceId} className={styles.row}>
                <Link href={deviceHref(row.deviceId)}>{row.deviceId}</Link>
                <span className="muted">{typeName(row.type)}</span>
                <span className={styles.bar} aria-hidden="true">
                  <span style={{ width: most > 0 ? `${(row.meanAbsErrorKw / most) * 100}%` : 0 }} />
                </span>
                <span className={styles.value}>{kw(row.meanAbsErrorKw)}</span>
              </li>
            ))}
          </ol>
        </>
      ) : null}
    </Panel>
  );
}
