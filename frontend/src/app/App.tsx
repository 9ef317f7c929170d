//! Which page for which address, and what is open to whom: without a session every address leads to the login and back.
import { lazy, Suspense, useEffect, useState } from 'react';
import { Provider } from 'urql';
import { Redirect, Route, Switch, useLocation, useSearch } from 'wouter';
import { LoginPage, SignInAgain } from '../features/login/LoginPage';
import { OverviewPage } from '../features/overview/OverviewPage';
import { createClients } from '../shared/lib/client';
import { BulkClientProvider } from '../shared/lib/live';
import { restoreSession } from '../shared/lib/restore';
import { useLapsed, useSession, useSessionKnown } from '../shared/lib/session';
import { ThresholdsProvider, useAskedThresholds } from '../shared/lib/thresholds';
import { Loading } from '../shared/ui/States';
import { NotFound } from './NotFound';
import { Shell } from './Shell';
import { Starting } from './Starting';

const AuditPage = lazy(() => import('../features/audit/AuditPage').then((m) => ({ default: m.AuditPage })));
const DemandResponsePage = lazy(() => import('../features/demandResponse/DemandResponsePage').then((m) => ({ default: m.DemandResponsePage })));
const FeederPage = lazy(() => import('../features/feeder/FeederPage').then((m) => ({ default: m.FeederPage })));
const HealthPage = lazy(() => import('../features/health/HealthPage').then((m) => ({ default: m.HealthPage })));
const ReplayPage = lazy(() => import('../features/replay/ReplayPage').then((m) => ({ default: m.ReplayPage })));
const ViolationsPage = lazy(() => import('../features/violations/ViolationsPage').then((m) => ({ default: m.ViolationsPage })));
const DevicesPage = lazy(() => import('../features/devices/DevicesPage').then((m) => ({ default: m.DevicesPage })));
const DevicePage = lazy(() => import('../features/device/DevicePage').then((m) => ({ default: m.DevicePage })));

const ASK_AGAIN_MS = 3000;

/** Asks who is signed in until the API says; whether it does not. */
function useRestored(known: boolean): boolean {
  const [away, setAway] = useState(false);
  useEffect(() => {
    if (known) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      const asked = await restoreSession();
      setAway(!asked);
      if (!asked) timer = setTimeout(() => void ask(), ASK_AGAIN_MS);
    };
    void ask();
    return () => clearTimeout(timer);
  }, [known]);
  return away;
}

export function App() {
  const session = useSession();
  const known = useSessionKnown();
  const lapsed = useLapsed();
  const away = useRestored(known);
  const [path] = useLocation();
  const search = useSearch();
  if (!known) return <Starting away={away} />;
  if (!session) {
    if (path === '/login') return <LoginPage />;
    const here = path + (search ? `?${search}` : '');
    return <Redirect to={here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`} replace />;
  }
  return (
    <>
      <SignedIn key={session.username} />
      {lapsed ? <SignInAgain username={session.username} /> : null}
    </>
  );
}

/** Keyed by the user: nobody ever sees another one's cache. */
function SignedIn() {
  const [clients] = useState(() => createClients(import.meta.env.PROD));
  return (
    <Provider value={clients.cached}>
      <BulkClientProvider value={clients.bulk}>
        <Pages />
      </BulkClientProvider>
    </Provider>
  );
}

function Pages() {
  const search = useSearch();
  return (
    <ThresholdsProvider value={useAskedThresholds()}>
      <Shell>
        <Suspense fallback={<Loading what="page" height={400} />}>
          <Switch>
            <Route path="/" component={OverviewPage} />
            <Route path="/feeders/:id">{({ id }) => <FeederPage key={id} id={decodeURIComponent(id)} />}</Route>
            <Route path="/devices" component={DevicesPage} />
            <Route path="/devices/:id">{({ id }) => <DevicePage key={id} id={decodeURIComponent(id)} />}</Route>
            <Route path="/demand-response" component={DemandResponsePage} />
            <Route path="/violations" component={ViolationsPage} />
            <Route path="/replay" component={ReplayPage} />
            <Route path="/health" component={HealthPage} />
            <Route path="/audit" component={AuditPage} />
            <Route path="/login">
              <Redirect to={nextPage(search)} replace />
            </Route>
            <Route component={NotFound} />
          </Switch>
        </Suspense>
      </Shell>
    </ThresholdsProvider>
  );
}

/** Only addresses of this dashboard: never a way out to another site. */
export function nextPage(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  return /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/';
}
