//! Which page for which address, and what is open to whom: without a session every address leads to the login and back.
import { lazy, Suspense, useState } from 'react';
import { Provider } from 'urql';
import { Redirect, Route, Switch, useLocation, useSearch } from 'wouter';
import { LoginPage } from '../features/login/LoginPage';
import { OverviewPage } from '../features/overview/OverviewPage';
import { createClients } from '../shared/lib/client';
import { BulkClientProvider } from '../shared/lib/live';
import { useSession } from '../shared/lib/session';
import { Loading } from '../shared/ui/States';
import { NotFound } from './NotFound';
import { Shell } from './Shell';

const AuditPage = lazy(() => import('../features/audit/AuditPage').then((m) => ({ default: m.AuditPage })));
const DemandResponsePage = lazy(() => import('../features/demandResponse/DemandResponsePage').then((m) => ({ default: m.DemandResponsePage })));
const FeederPage = lazy(() => import('../features/feeder/FeederPage').then((m) => ({ default: m.FeederPage })));
const HealthPage = lazy(() => import('../features/health/HealthPage').then((m) => ({ default: m.HealthPage })));
const ReplayPage = lazy(() => import('../features/replay/ReplayPage').then((m) => ({ default: m.ReplayPage })));
const ViolationsPage = lazy(() => import('../features/violations/ViolationsPage').then((m) => ({ default: m.ViolationsPage })));
const DevicesPage = lazy(() => import('../features/devices/DevicesPage').then((m) => ({ default: m.DevicesPage })));
const DevicePage = lazy(() => import('../features/device/DevicePage').then((m) => ({ default: m.DevicePage })));

export function App() {
  const session = useSession();
  const [path] = useLocation();
  const search = useSearch();
  if (!session) {
    if (path === '/login') return <LoginPage />;
    const here = path + (search ? `?${search}` : '');
    return <Redirect to={here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`} replace />;
  }
  return <SignedIn key={session.token} token={session.token} />;
}

/** Keyed by the token: the clients live as long as it does, and another user never sees this one's cache. */
function SignedIn({ token }: { token: string }) {
  const [clients] = useState(() => createClients(token));
  const search = useSearch();
  return (
    <Provider value={clients.cached}>
      <BulkClientProvider value={clients.bulk}>
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
      </BulkClientProvider>
    </Provider>
  );
}

/** Only addresses of this dashboard: never a way out to another site. */
export function nextPage(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  return /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/';
}
