//! Before it is known who is signed in: nothing, or that the server is away.
import { Brand } from '../shared/ui/Brand';
import { Loading, StaleStrip } from '../shared/ui/States';
import styles from './Starting.module.css';

export function Starting({ away }: { away: boolean }) {
  return (
    <main className={styles.page}>
      <Brand large />
      {away ? <StaleStrip>The server cannot be reached. It is asked again every few seconds.</StaleStrip> : <Loading what="dashboard" height={80} />}
    </main>
  );
}
