//! What the journeys run against: BASE_URL with the given users, or a mock server started here.
import type { Person } from './browser';

export interface Target {
  url: string;
  /** May create and cancel events. */
  operator: Person;
  /** May only look; null when no such user was given. */
  viewer: Person | null;
  close: () => Promise<void>;
}

function given(userName: string, passwordName: string): Person | null {
  const user = process.env[userName];
  const password = process.env[passwordName];
  return user && password ? { user, password } : null;
}

export async function target(): Promise<Target> {
  const url = process.env['BASE_URL'];
  if (url) {
    const operator = given('DERMS_USER', 'DERMS_PASSWORD');
    if (!operator) throw new Error('BASE_URL is set: DERMS_USER and DERMS_PASSWORD are needed too');
    const nothing = () => Promise.resolve();
    return { url, operator, viewer: given('DERMS_VIEWER', 'DERMS_VIEWER_PASSWORD'), close: nothing };
  }
  const { MOCK_PASSWORD: password, startMock } = await import('../dev/mock/server');
  const mock = await startMock({ port: 0, devices: 200 });
  return {
    url: mock.url,
    operator: { user: 'operator', password },
    viewer: { user: 'viewer', password },
    close: mock.close,
  };
}
