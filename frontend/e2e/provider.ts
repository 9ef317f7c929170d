//! A login provider as others run them (oidc-provider), on loopback: its users, its clients, its keys.
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import Provider from 'oidc-provider';
import type { Configuration, JWK } from 'oidc-provider';

export const CLIENT = 'derms';
export const SECRET = 'the secret of the dashboard, of this test alone';
/** A client that is not ours, for scripts of others. */
export const OTHER = 'other';
/** A client of ours, for scripts. */
export const SCRIPT = 'script';
const API = 'urn:derms:api';
const ELSEWHERE = 'urn:elsewhere:api';

/** Who is known there, and their groups. */
const GROUPS: Record<string, string[]> = {
  vera: ['staff'],
  omar: ['staff', 'control-room'],
  anna: ['staff', 'grid-admins'],
  nora: ['guests'],
};
export const ROLES = 'staff=viewer,control-room=operator,grid-admins=admin';

function newKey(kid: string): JWK {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
}

/** As Keycloak has one beside those that sign. */
function encryptionKey(): JWK {
  return { ...newKey('encryption'), use: 'enc', alg: 'RSA-OAEP' };
}

export interface TestProvider {
  issuer: string;
  /** Other keys from now on, as after a rotation; sessions there end with them. */
  rotate: () => Promise<void>;
  stop: () => Promise<void>;
  start: () => Promise<void>;
  /** An access token for a script, of a client and for an audience. */
  token: (client: typeof SCRIPT | typeof OTHER) => Promise<string>;
}

export async function startProvider(port: number, dashboard: string): Promise<TestProvider> {
  const issuer = `http://127.0.0.1:${port}`;
  let generation = 0;
  let server: Server | null = null;

  const stop = async () => {
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    server = null;
  };
  const start = async () => {
    const provider = new Provider(issuer, configuration(dashboard, [newKey(`signing-${generation}`), encryptionKey()]));
    const answer = provider.callback();
    server = createServer((request, response) => {
      // Who keeps a connection for later would find it closed after a restart.
      response.setHeader('connection', 'close');
      void answer(request, response);
    }).listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await start();
  return {
    issuer,
    stop,
    start,
    rotate: async () => {
      generation += 1;
      await stop();
      await start();
    },
    token: async (client) => {
      const resource = client === SCRIPT ? API : ELSEWHERE;
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${client}:${encodeURIComponent(SECRET)}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope: 'use' }),
      });
      const answer = (await response.json()) as { access_token?: string };
      if (!answer.access_token) throw new Error(JSON.stringify(answer));
      return answer.access_token;
    },
  };
}

function configuration(dashboard: string, keys: JWK[]): Configuration {
  const script = (client_id: string) => ({
    client_id,
    client_secret: SECRET,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  });
  return {
    enabledJWA: { requestObjectEncryptionAlgValues: ['RSA-OAEP'] },
    clients: [
      { client_id: CLIENT, client_secret: SECRET, redirect_uris: [`${dashboard}/api/auth/oidc/callback`], post_logout_redirect_uris: [`${dashboard}/api/auth/oidc/callback`] },
      script(SCRIPT),
      script(OTHER),
    ],
    jwks: { keys },
    cookies: { keys: ['of this test alone'] },
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    pkce: { required: () => true },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, groups: GROUPS[id] ?? [] }),
    }),
    extraTokenClaims: (_context, token) => (token.kind === 'ClientCredentials' ? { groups: ['control-room'] } : undefined),
    features: {
      devInteractions: { enabled: true },
      // What its encryption key is for.
      encryption: { enabled: true },
      requestObjects: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: 'use',
          audience: resource === API ? 'derms-api' : 'elsewhere',
          accessTokenFormat: 'jwt',
        }),
      },
    },
  };
}
