//! The GraphQL clients: one normalised cache for what is looked at, one without a cache for series and the fleet.
import { cacheExchange } from '@urql/exchange-graphcache';
import type { Cache } from '@urql/exchange-graphcache';
import { Client, fetchExchange, mapExchange, subscriptionExchange } from '@urql/core';
import type { CombinedError, ExecutionResult } from '@urql/core';
import { CloseCode, createClient as createWsClient } from 'graphql-ws';
import * as ids from '../gql/ids';
import { byId } from './documents';
import { linkStore } from './link';
import { DASHBOARD_HEADER, sessionStore } from './session';

const PING_EVERY_MS = 12_000;
/** A link that does not answer within this is dead, though nobody has closed it: a cable pulled out says nothing. */
const PONG_WITHIN_MS = 5000;
const CLOSE_AFTER_IDLE_MS = 3000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
const UNAUTHENTICATED_CLOSES: readonly number[] = [CloseCode.Unauthorized, CloseCode.Forbidden];

export interface Clients {
  cached: Client;
  /** For answers that are large and never asked for twice: a cache would only grow. */
  bulk: Client;
}

export function isUnauthenticated(error: CombinedError): boolean {
  const response: unknown = error.response;
  const status = typeof response === 'object' && response !== null && 'status' in response ? response.status : null;
  return status === 401 || error.graphQLErrors.some((each) => each.extensions.code === 'UNAUTHENTICATED');
}

/** Words for a reader: what the API said, or that it could not be reached. */
export function errorText(error: CombinedError): string {
  const first = error.graphQLErrors[0];
  if (first) return first.message;
  const response: unknown = error.response;
  const status = typeof response === 'object' && response !== null && 'status' in response ? response.status : null;
  return typeof status === 'number' && status >= 400
    ? `The server answered with an error (${status}).`
    : 'The server cannot be reached.';
}

function closeCode(event: unknown): number | null {
  const code = typeof event === 'object' && event !== null && 'code' in event ? event.code : null;
  return typeof code === 'number' ? code : null;
}

function createSocket() {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  let deadline: ReturnType<typeof setTimeout> | undefined;
  const socket = createWsClient({
    url: `${scheme}//${location.host}/graphql/ws`,
    lazyCloseTimeout: CLOSE_AFTER_IDLE_MS,
    keepAlive: PING_EVERY_MS,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (attempt) => {
      const wait = Math.min(FIRST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS);
      return new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random() / 2)));
    },
    on: {
      connecting: () => linkStore.connecting(),
      connected: () => linkStore.connected(),
      ping: (received) => {
        if (!received) deadline = setTimeout(() => socket.terminate(), PONG_WITHIN_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(deadline);
      },
      closed: (event) => {
        clearTimeout(deadline);
        const code = closeCode(event);
        linkStore.closed(code === 1000);
        if (code !== null && UNAUTHENTICATED_CLOSES.includes(code)) sessionStore.end('expired');
      },
    },
  });
  window.addEventListener('offline', () => socket.terminate());
  return socket;
}

const noKey = () => null;

/** Lists depend on arguments and on the time: ask again rather than guess. */
function forget(store: Cache, ...lists: readonly string[]): void {
  for (const { fieldName, arguments: args } of store.inspectFields('Query')) {
    if (lists.includes(fieldName)) store.invalidate('Query', fieldName, args);
  }
}

/** What has no id of its own: it is kept as a part of what it was asked with. */
const KEYLESS = [
  'Alarm', 'AlarmPeriod', 'AlarmPeriodConnection', 'AlarmPeriodEdge', 'AuditConnection', 'AuditEdge', 'CommandConnection',
  'CommandEdge', 'DeadLetterReason', 'DecisionConnection', 'DecisionDevice', 'DecisionDeviceConnection',
  'DecisionDeviceEdge', 'DecisionEdge', 'DeviceConnection', 'DeviceEdge', 'DrImpact', 'Explanation', 'Fairness',
  'FairnessDevice', 'FeederPoint', 'Health', 'Notice', 'NoticedDeviceConnection', 'NoticedDeviceEdge', 'Override',
  'PageInfo', 'Part', 'TelemetryPoint', 'Thresholds', 'TrackingError', 'TypeTotal', 'User', 'Violation',
  'ViolationConnection', 'ViolationEdge', 'WaitingDeviceConnection', 'WaitingDeviceEdge',
];

/** `asksById`: whether the API is of this build, so that it knows the documents. */
export function createClients(asksById = false): Clients {
  const socket = createSocket();
  const endOnRefusal = mapExchange({
    onError: (error) => {
      if (isUnauthenticated(error)) sessionStore.end('expired');
    },
  });
  const subscriptions = subscriptionExchange({
    forwardSubscription: (request) => ({
      subscribe: (sink) => ({
        unsubscribe: socket.subscribe(
          { ...request, query: request.query ?? '' },
          {
            next: (result) => sink.next({ ...result, data: result.data ?? null } as ExecutionResult),
            error: (error) => sink.error(error),
            complete: () => sink.complete(),
          },
        ),
      }),
    }),
  });
  const cache = cacheExchange({
    // There is one simulation: what a change answers is what its question shows, without asking again.
    keys: { ...Object.fromEntries(KEYLESS.map((name) => [name, noKey])), Simulation: () => 'the' },
    updates: {
      Mutation: {
        createEvent: (_result, _args, store) => forget(store, 'events'),
        updateEvent: (_result, _args, store) => forget(store, 'events'),
        cancelEvent: (_result, _args, store) => forget(store, 'events'),
        createDrProgram: (_result, _args, store) => forget(store, 'drPrograms'),
        deleteDrProgram: (_result, _args, store) => forget(store, 'drPrograms'),
        setFeeder: (_result, _args, store) => forget(store, 'feeders', 'feeder'),
        resumeControl: (_result, _args, store) => forget(store, 'alarms'),
      },
      Subscription: {
        alarm: (_result, _args, store) => forget(store, 'alarms'),
      },
    },
  });
  const options = {
    url: '/graphql',
    preferGetMethod: false as const,
    fetchOptions: { headers: DASHBOARD_HEADER },
  };
  const sent = (known: typeof ids.plain) => [...(asksById ? [byId(known)] : []), subscriptions, fetchExchange];
  return {
    cached: new Client({ ...options, exchanges: [endOnRefusal, cache, ...sent(ids.typed)] }),
    bulk: new Client({ ...options, exchanges: [endOnRefusal, ...sent(ids.plain)] }),
  };
}
