//! The way in. After it the app returns to the page that was asked for, or goes on with the one that was open.
import { useEffect, useId, useRef, useState } from 'react';
import type { ReactNode, SyntheticEvent } from 'react';
import { useSearch } from 'wouter';
import { useTitle } from '../../shared/lib/hooks';
import { restoreSession } from '../../shared/lib/restore';
import { sessionStore } from '../../shared/lib/session';
import { forgetSignOut } from '../../shared/lib/signOut';
import { Brand } from '../../shared/ui/Brand';
import { Icon } from '../../shared/ui/Icon';
import { FeederSketch } from './FeederSketch';
import { askMethods, PASSWORD_ONLY, providerHref, providerProblem, signIn } from './model';
import type { Methods } from './model';
import styles from './LoginPage.module.css';

/** Above the page that somebody was at when their session ended: whoever signs in again finds it as it was. */
export function SignInAgain({ username }: { username: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const methods = useMethods();
  const titleId = useId();
  const search = new URLSearchParams({ next: location.pathname + location.search }).toString();
  useEffect(() => dialog.current?.showModal(), []);
  // Signed in in another tab, by the provider or with the password, is signed in here.
  useEffect(() => {
    const look = () => void restoreSession();
    window.addEventListener('focus', look);
    return () => window.removeEventListener('focus', look);
  }, []);
  return (
    <dialog ref={dialog} className={styles.again} aria-labelledby={titleId} onCancel={(event) => event.preventDefault()}>
      <h2 id={titleId} className={styles.title}>
        Your session has ended
      </h2>
      <p className={styles.note}>
        <Icon name="stale" /> Your session has ended. Sign in to continue where you were: nothing that you have entered is lost.
      </p>
      {methods.provider ? (
        <a className="button" data-kind="primary" href={providerHref(search, false)} target="_blank" rel="noopener" onClick={forgetSignOut}>
          <span className={styles.provider}>Log in with {methods.provider} in a new tab</span>
        </a>
      ) : null}
      {methods.password ? (
        <LoginForm keep={false} second={methods.provider !== null} username={username}>
          {null}
        </LoginForm>
      ) : null}
      <button type="button" className="button" data-kind="quiet" onClick={() => sessionStore.end('signed-out')}>
        Leave this page
      </button>
    </dialog>
  );
}

export function LoginPage() {
  useTitle('Sign in');
  const methods = useMethods();
  const search = useSearch();
  const [keep, setKeep] = useState(false);
  const problem = providerProblem(search, methods);
  const keeping = (
    <label className={styles.keep}>
      <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.target.checked)} /> Keep me signed in on this computer
    </label>
  );
  return (
    <div className={styles.page}>
      <main className={styles.card}>
        <Brand large />
        <h1 className={styles.title}>Sign in to the control room</h1>
        {problem ? (
          <p className={styles.failed} role="alert">
            <Icon name="near" /> <span>{problem}</span>
          </p>
        ) : null}
        {methods.provider ? (
          <a className="button" data-kind="primary" href={providerHref(search, keep)} onClick={forgetSignOut}>
            <span className={styles.provider}>Log in with {methods.provider}</span>
          </a>
        ) : null}
        {methods.provider && methods.password ? <p className={styles.or}>or with a password</p> : null}
        {methods.password ? (
          <LoginForm keep={keep} second={methods.provider !== null}>
            {keeping}
          </LoginForm>
        ) : (
          keeping
        )}
      </main>
      <aside className={styles.scene} aria-hidden="true">
        <FeederSketch />
        <p>Every feeder inside its limit, every device its fair share.</p>
      </aside>
    </div>
  );
}

/** How one can sign in; by a password until the API has said. */
function useMethods(): Methods {
  const [methods, setMethods] = useState(PASSWORD_ONLY);
  useEffect(() => {
    let dropped = false;
    void askMethods().then((answer) => (dropped ? undefined : setMethods(answer)));
    return () => {
      dropped = true;
    };
  }, []);
  return methods;
}

interface FormProps {
  keep: boolean;
  /** Who it is, where that is known. */
  username?: string;
  /** Whether there is a way before it. */
  second: boolean;
  children: ReactNode;
}

function LoginForm({ keep, second, username, children }: FormProps) {
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
    const outcome = await signIn(text('username').trim(), text('password'), keep);
    setBusy(false);
    if ('session' in outcome) {
      forgetSignOut();
      sessionStore.begin(outcome.session);
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
          defaultValue={username}
          autoFocus={!username}
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
          autoFocus={Boolean(username)}
          {...described}
        />
      </div>
      {children}
      <div id={ids.problem} role="alert" className={styles.problem}>
        {problem ? (
          <>
            <Icon name="near" /> {problem}
          </>
        ) : null}
      </div>
      <button type="submit" className="button" data-kind={second ? undefined : 'primary'} disabled={busy}>
        {busy ? 'Signing in…' : 'Sign in'}
      </button>
    </form>
  );
}
