//! The way in. After it the app returns to the page that was asked for.
import { useId, useRef, useState } from 'react';
import type { SyntheticEvent } from 'react';
import { useTitle } from '../../shared/lib/hooks';
import { sessionStore, useSessionEnd } from '../../shared/lib/session';
import { Brand } from '../../shared/ui/Brand';
import { Icon } from '../../shared/ui/Icon';
import { FeederSketch } from './FeederSketch';
import { signIn } from './model';
import styles from './LoginPage.module.css';

export function LoginPage() {
  useTitle('Sign in');
  const ended = useSessionEnd();
  return (
    <div className={styles.page}>
      <main className={styles.card}>
        <Brand large />
        <h1 className={styles.title}>Sign in to the control room</h1>
        {ended === 'expired' ? (
          <p className={styles.note} role="status">
            <Icon name="stale" /> Your session has ended. Sign in to continue where you were.
          </p>
        ) : null}
        <LoginForm />
      </main>
      <aside className={styles.scene} aria-hidden="true">
        <FeederSketch />
        <p>Every feeder inside its limit, every device its fair share.</p>
      </aside>
    </div>
  );
}

function LoginForm() {
  const ids = { user: useId(), password: useId(), problem: useId() };
  const password = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => {
      const value = form.get(name);
      return typeof value === 'string' ? value : '';
    };
    setBusy(true);
    setProblem(null);
    const outcome = await signIn(text('username').trim(), text('password'));
    setBusy(false);
    if ('session' in outcome) {
      sessionStore.begin(outcome.session, form.get('keep') === 'on');
      return;
    }
    setProblem(outcome.problem);
    password.current?.select();
  };

  const described = problem ? { 'aria-describedby': ids.problem, 'aria-invalid': true } : {};
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <div className="field">
        <label htmlFor={ids.user}>User name</label>
        <input
          id={ids.user}
          className="input"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          autoFocus
          {...described}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.password}>Password</label>
        <input
          id={ids.password}
          ref={password}
          className="input"
          name="password"
          type="password"
          autoComplete="current-password"
          required
          {...described}
        />
      </div>
      <label className={styles.keep}>
        <input type="checkbox" name="keep" /> Keep me signed in on this computer
      </label>
      <div id={ids.problem} role="alert" className={styles.problem}>
        {problem ? (
          <>
            <Icon name="near" /> {problem}
          </>
        ) : null}
      </div>
      <button type="submit" className="button" data-kind="primary" disabled={busy}>
        {busy ? 'Signing in…' : 'Sign in'}
      </button>
    </form>
  );
}
