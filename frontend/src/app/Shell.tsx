//! The frame around every page: navigation, link status, theme, who is signed in.
import { useEffect, useRef } from 'react';
import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { may } from '../shared/lib/can';
import type { Action } from '../shared/lib/can';
import { useSession } from '../shared/lib/session';
import { signOut } from '../shared/lib/signOut';
import { words } from '../shared/lib/format';
import { Icon } from '../shared/ui/Icon';
import type { IconName } from '../shared/ui/Icon';
import { Brand } from '../shared/ui/Brand';
import { Toasts } from '../shared/ui/Toasts';
import { LinkStatus } from './LinkStatus';
import { ThemeButton } from './ThemeButton';
import { useMe } from './useMe';
import { WallClock } from './WallClock';
import styles from './Shell.module.css';

interface Place {
  href: string;
  label: string;
  /** On a phone there is little room. */
  short?: string;
  icon: IconName;
  here: (path: string) => boolean;
  /** Where there is little room it is reached from alarms, violations and charts. */
  isWide?: boolean;
  /** Offered only to those who may. */
  action?: Action;
}

const PLACES: readonly Place[] = [
  { href: '/', label: 'Overview', icon: 'overview', here: (path) => path === '/' || path.startsWith('/feeders') },
  { href: '/devices', label: 'Devices', icon: 'devices', here: (path) => path.startsWith('/devices') },
  { href: '/demand-response', label: 'Demand response', short: 'Response', icon: 'bolt', here: (path) => path === '/demand-response' },
  { href: '/violations', label: 'Fairness and violations', short: 'Fairness', icon: 'balance', here: (path) => path === '/violations' },
  { href: '/replay', label: 'Incident replay', icon: 'replay', here: (path) => path === '/replay', isWide: true },
  { href: '/health', label: 'Health', icon: 'pulse', here: (path) => path === '/health' },
  { href: '/audit', label: 'Audit', icon: 'list', here: (path) => path === '/audit', action: 'readAudit' },
];

export function Shell({ children }: { children: ReactNode }) {
  useMe();
  const [path] = useLocation();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  // A new page is announced by moving the focus to it, as a full page load would.
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [path]);

  return (
    <div className={styles.frame}>
      <a className={styles.skip} href="#content">
        Skip to content
      </a>
      <header className={styles.bar}>
        <Link href="/" className={styles.home} aria-label="Mini-DERMS, overview">
          <Brand />
        </Link>
        <Navigation path={path} />
        <div className={styles.status}>
          <LinkStatus />
          <WallClock />
        </div>
        <Account />
      </header>
      <main id="content" ref={main} tabIndex={-1} className={styles.main}>
        {children}
      </main>
      <Toasts />
    </div>
  );
}

function Navigation({ path }: { path: string }) {
  const role = useSession()?.role ?? null;
  const places = PLACES.filter(({ action }) => !action || may(role, action));
  return (
    <nav className={styles.nav} aria-label="Pages">
      {places.map((place) => (
        <Link
          key={place.href}
          href={place.href}
          className={styles.place}
          data-wide={place.isWide}
          aria-current={place.here(path) ? 'page' : undefined}
        >
          <Icon name={place.icon} size={18} />
          <span className={place.short ? styles.long : undefined}>{place.label}</span>
          {place.short ? (
            <span className={styles.short} aria-hidden="true">
              {place.short}
            </span>
          ) : null}
        </Link>
      ))}
    </nav>
  );
}

function Account() {
  const session = useSession();
  if (!session) return null;
  return (
    <div className={styles.account}>
      <p className={styles.who}>
        <span className={styles.user}>{session.username}</span>
        <span className={styles.role}>{words(session.role)}</span>
      </p>
      <ThemeButton />
      <button
        type="button"
        className={styles.tool}
        onClick={() => signOut()}
        aria-label="Sign out"
        title="Sign out"
      >
        <Icon name="leave" size={18} />
      </button>
    </div>
  );
}
