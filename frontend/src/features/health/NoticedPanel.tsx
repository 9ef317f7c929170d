//! Devices about which something was noticed that somebody should mend.
import { Link } from 'wouter';
import { count } from '../../shared/lib/format';
import { useLiveQuery } from '../../shared/lib/live';
import { NOTICES } from '../../shared/lib/notices';
import { deviceHref } from '../../shared/lib/hrefs';
import { Panel } from '../../shared/ui/Panel';
import { Empty, Failed, Loading } from '../../shared/ui/States';
import { NoticedQuery } from './queries';
import styles from './HealthPage.module.css';

const ASK_EVERY_MS = 30_000;

export function NoticedPanel() {
  const { data, error, loading, refresh } = useLiveQuery({ query: NoticedQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const devices = data?.noticedDevices.edges.map(({ node }) => node) ?? [];
  const total = data?.noticedDevices.totalCount ?? 0;
  return (
    <Panel title="Noticed about devices">
      {error && !data ? <Failed what="what was noticed" error={error} again={refresh} /> : null}
      {loading ? <Loading what="what was noticed" height={64} /> : null}
      {data && devices.length === 0 ? <Empty title="Nothing was noticed">Every device speaks as the contract says.</Empty> : null}
      {devices.length > 0 ? (
        <ul className={styles.list}>
          {devices.map(({ id, notices }) => (
            <li key={id} className={styles.row}>
              <p className={styles.line}>
                <Link href={deviceHref(id)}>{id}</Link>
              </p>
              {notices.map(({ kind, detail }) => (
                <div key={kind}>
                  <p className={styles.detail}>
                    <strong>{NOTICES[kind].title}.</strong> {detail}
                  </p>
                  <p className={styles.quiet}>{NOTICES[kind].todo}</p>
                </div>
              ))}
            </li>
          ))}
        </ul>
      ) : null}
      {total > devices.length ? <p className={styles.quiet}>and {count(total - devices.length)} more</p> : null}
    </Panel>
  );
}
