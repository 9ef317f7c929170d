//! Limits of the API, each with what happens at it.

use std::time::Duration;

/// Bytes of a query's text; a longer one is refused unread. The dashboard's longest has 1 500.
pub const QUERY_BYTES_MAX: usize = 32 * 1024;

/// Tokens of a query; one with more is refused before it is parsed.
pub const QUERY_TOKENS_MAX: usize = 4_000;

/// Characters of a name in a query; a longer one is refused before it is parsed.
pub const QUERY_NAME_LEN_MAX: usize = 128;

/// Open brackets of any kind in a query's text; more are refused before it is parsed.
pub const QUERY_NESTING_MAX: usize = 32;

/// Operations in one document; more are refused before it is validated, as with all that follows.
pub const QUERY_OPERATIONS_MAX: usize = 16;

/// Variables that an operation declares.
pub const QUERY_VARIABLES_MAX: usize = 64;

/// Fragment definitions in one document.
pub const QUERY_FRAGMENTS_MAX: usize = 64;

/// Places at which fragments are spread, in one document.
pub const QUERY_SPREADS_MAX: usize = 200;

/// Fields of a document once every fragment stands wherever it is spread.
pub const QUERY_EXPANDED_MAX: usize = 2_000;

/// Aliases in one document.
pub const QUERY_ALIASES_MAX: usize = 64;

/// Directives in one document.
pub const QUERY_DIRECTIVES_IN_ALL_MAX: usize = 64;

/// Directives on one field.
pub const QUERY_DIRECTIVES_MAX: usize = 8;

/// Nesting of an argument's or a variable's value.
pub const QUERY_VALUE_DEPTH_MAX: usize = 8;

/// Values in a request's variables, counted at all depths.
pub const VARIABLE_NODES_MAX: usize = 1_000;

/// Bytes of text in a request's variables.
pub const VARIABLE_BYTES_MAX: usize = 16 * 1024;

/// Deepest nesting of a query's fields; a deeper one is refused. The standard introspection query needs 15.
pub const QUERY_DEPTH_MAX: usize = 18;

/// Cost of a query, counted over fields, aliases and page sizes; a dearer one is refused.
pub const QUERY_COMPLEXITY_MAX: usize = 50_000;

/// Nested selections that the library accepts; our own bound on brackets comes first.
pub const QUERY_RECURSION_MAX: usize = 32;

/// Errors of one answer that are told; further ones are left out.
pub const ERRORS_TOLD_MAX: usize = 50;

/// Queries and mutations that are worked on at the same time, each on a thread of its own; further ones wait.
pub const QUERIES_RUNNING_MAX: usize = 8;

/// Those of one user; their further ones wait, and others go first.
pub const QUERIES_RUNNING_PER_USER: usize = 4;

/// Queries and mutations of one user that run or wait; further ones are refused.
pub const QUERIES_WAITING_PER_USER: usize = 64;

/// Queries and mutations that run or wait in all; further ones are refused.
pub const QUERIES_WAITING_MAX: usize = 256;

/// Longest run of one query or mutation; shorter than the bound on the request, so that the answer is GraphQL.
pub const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a walk over the whole fleet costs, however little of it is asked for.
pub const FLEET_WALK_COST: usize = 200;

/// What one history read costs on top of its points.
pub const HISTORY_BASE_COST: usize = 50;

/// Feeders that the cost of a list of feeders is reckoned with.
pub const FEEDERS_ASSUMED: usize = 20;

/// Entries of one page; more are refused.
pub const PAGE_SIZE_MAX: i32 = 500;

/// Feeders of a decision's tree that are told; further ones are left out.
pub const TREE_FEEDERS_MAX: usize = 10_000;

/// The share of a limit below which what is left of it is near the limit, for whoever marks that. A controlled feeder is filled
/// up on purpose, so this is narrow.
pub const NEAR_LIMIT_SHARE: f64 = 0.01;

/// Points of one series; more are refused.
pub const POINTS_MAX: i32 = 5_000;

/// Characters of a search text; more are refused.
pub const SEARCH_LEN_MAX: usize = 128;

/// Characters of an event's type; more are refused.
pub const EVENT_TYPE_LEN_MAX: usize = 64;

/// Longest ramp of an event, s; a longer one is refused.
pub const EVENT_RAMP_MAX_S: i32 = 86_400;

/// Characters of a program's name; more are refused.
pub const PROGRAM_NAME_LEN_MAX: usize = 128;

/// Feeders that a program names; more are refused, and an empty list names all.
pub const PROGRAM_FEEDERS_MAX: usize = 500;

/// Largest incentive or penalty per kWh, in currency units.
pub const PRICE_MAX: f64 = 1.0e6;

/// Longest setpoint of an operator's, s: a week. What shall last is a setting.
pub const OVERRIDE_MAX_S: i32 = 604_800;

/// Characters of a client's key for a mutation; more are refused.
pub const MUTATION_KEY_LEN_MAX: usize = 128;

/// Messages of telemetry by API that wait for their receipts; further ones are told to come back.
pub const INGEST_WAITING_MAX: usize = 2_000;

/// Messages in one request of telemetry; more are refused.
pub const INGEST_BATCH_MAX: usize = 500;

/// Telemetry without a receipt is published once more after this.
pub const INGEST_AGAIN: Duration = Duration::from_secs(3);

/// Longest wait for the receipt of telemetry; shorter than the bound on a query.
pub const INGEST_PATIENCE: Duration = Duration::from_secs(8);

/// How often it is looked at who waits too long.
pub const INGEST_TICK: Duration = Duration::from_millis(250);

/// Earlier changes that are read to tell what stood before those of a page of the audit; beyond it a change is told alone.
pub const AUDIT_FOLD_MAX: usize = 20_000;

/// Entries of a list of alarms or violations that can be paged through; beyond it a shorter range is asked for.
pub const PAST_PAGES_MAX: usize = 10_000;

/// At most so often is a subscriber told of an entity.
pub const SUBSCRIPTION_PAUSE: Duration = Duration::from_millis(500);

/// Reads of history at the same time; further ones wait for their turn within the query's time.
pub const HISTORY_READS_MAX: usize = 8;

/// Files of telemetry that are read at the same time; further ones wait for their turn.
pub const EXPORTS_MAX: usize = 2;

/// Longest reading of one file, s; a longer one breaks off.
pub const EXPORT_SECONDS_MAX: u64 = 600;

/// A request that takes longer is answered with a time-out.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Passwords verified at the same time (each takes 19 MiB and tens of milliseconds of a core). One, so that no flood of
/// logins takes more than one core.
pub const VERIFICATIONS_MAX: usize = 1;

/// Logins that may wait for that; further ones are told to come back later.
pub const VERIFICATIONS_WAITING_MAX: usize = 64;

/// Logins of one address that run or wait, so that one address does not take all the places.
pub const VERIFICATIONS_WAITING_PER_ADDRESS: usize = 16;

/// Bytes of a login's body; a larger one is refused unread.
pub const LOGIN_BODY_MAX: usize = 4 * 1024;

/// Characters of a user name or password in a login; longer is refused unread.
pub const CREDENTIAL_LEN_MAX: usize = 256;

/// Failed logins of one user from one address within [`LOGIN_WINDOW`]; then both together are refused for a while.
pub const FAILURES_PER_USER_AND_ADDRESS: u32 = 5;

/// Failed logins of one user from anywhere within the window; then only addresses that the user has logged in from
/// before are let through.
pub const FAILURES_PER_USER: u32 = 50;

/// Failed logins from one address at once, and how often one is verified after that; users who have logged in from it
/// before are not held back by others' failures.
pub const FAILURES_PER_ADDRESS: u32 = 30;

/// See [`FAILURES_PER_ADDRESS`].
pub const FAILURES_PER_ADDRESS_EVERY: Duration = Duration::from_secs(2);

/// The window that failed logins are counted over.
pub const LOGIN_WINDOW: Duration = Duration::from_secs(15 * 60);

/// Counters of failed logins kept of each kind; beyond it the older half is forgotten.
pub const LOGIN_COUNTERS_MAX: usize = 10_000;

/// Pairs of user and address that have logged in, kept; beyond it the older half is forgotten.
pub const KNOWN_LOGINS_MAX: usize = 4_000;

/// Log lines about refused logins: so many at once, then one each so often; the rest is counted.
pub const LOGIN_LINES: u32 = 20;

/// See [`LOGIN_LINES`].
pub const LOGIN_LINES_EVERY: Duration = Duration::from_secs(1);

/// Characters of a user name that a log line shows.
pub const NAME_SHOWN_MAX: usize = 64;

/// Sessions that were ended by their users and have not expired; further logouts are refused with words.
pub const ENDED_SESSIONS_MAX: usize = 100_000;

/// Connections at the same time; further ones are closed at once.
pub const CONNECTIONS_MAX: usize = 8_192;

/// Connections of one address (of one /64 of IPv6); the proxies that are trusted are free of it.
pub const CONNECTIONS_PER_ADDRESS: usize = 512;

/// A request's head must be there within this, and a kept connection's next one.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Headers of a request.
pub const HEADERS_MAX: usize = 64;

/// A connection on which nothing could be written for so long is cut.
pub const WRITE_STALL_MAX: Duration = Duration::from_secs(15);

/// WebSocket connections at the same time; further ones are refused.
pub const SOCKETS_MAX: usize = 4_096;

/// WebSocket connections of one address.
pub const SOCKETS_PER_ADDRESS: usize = 256;

/// WebSocket connections of one user; a further one is closed.
pub const SOCKETS_PER_USER: usize = 128;

/// Bytes of a message to a WebSocket; a larger one ends the connection.
pub const SOCKET_MESSAGE_MAX: usize = 64 * 1024;

/// Bytes of a message before the connection's owner has proved who they are.
pub const SOCKET_FIRST_MESSAGE_MAX: usize = 8 * 1024;

/// Messages (pings among them) to one WebSocket: so many at once, then one each so often; more end the connection.
pub const SOCKET_MESSAGES: u32 = 200;

/// See [`SOCKET_MESSAGES`].
pub const SOCKET_MESSAGES_EVERY: Duration = Duration::from_millis(50);

/// Operations (subscriptions, and queries on their way) on one connection; further ones are refused.
pub const OPERATIONS_PER_SOCKET_MAX: usize = 50;

/// Reads of history that the events of one user's subscriptions ask for: so many at once, then one each so often;
/// further ones are refused.
pub const EVENT_READS: u32 = 20;

/// See [`EVENT_READS`].
pub const EVENT_READS_EVERY: Duration = Duration::from_secs(1);

/// A connection that has not authenticated itself by then is closed.
pub const SOCKET_INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A socket on which the client says nothing, not even a ping or pong, is asked for a sign of life this often.
pub const SOCKET_PING_INTERVAL: Duration = Duration::from_secs(30);

/// A socket on which the client gave no sign of life for so long is closed.
pub const SOCKET_SILENCE_MAX: Duration = Duration::from_secs(75);

/// A message that the client does not take within this time ends its connection.
pub const SOCKET_SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the files of certificate and key are looked at.
pub const CERTIFICATE_POLL: Duration = Duration::from_secs(2);

/// How often log and ClickHouse are asked whether they are there.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// The newest decision is stored within this, or history is not well, ms.
pub const STORED_BEHIND_MAX_MS: i64 = 30_000;
/// Health tells for so long that the log is another one than before, ms.
pub const LOG_CHANGE_TOLD_MS: i64 = 600_000;

/// Pause after a failure of the log before it is tried again.
pub const LOG_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Connections that are still busy when the service ends are cut after this.
pub const DRAIN_TIMEOUT: Duration = Duration::from_millis(700);

/// A login provider answers within this, each time.
pub const OIDC_TIMEOUT: Duration = Duration::from_secs(4);

/// All that is asked of a login provider for one login; shorter than the bound on the request, so that the answer is ours.
pub const OIDC_LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a login provider's answer; a longer one counts as none.
pub const OIDC_ANSWER_MAX: usize = 256 * 1024;

/// Keys of a login provider that are kept; further ones are passed over.
pub const OIDC_KEYS_MAX: usize = 64;

/// What a login provider says of itself is asked for again after this when somebody logs in.
pub const OIDC_DISCOVERY_FRESH: Duration = Duration::from_secs(10);

/// A login provider that did not answer is not asked again within this.
pub const OIDC_DOWN_PAUSE: Duration = Duration::from_secs(2);

/// Keys of a login provider are asked for again after this, while those that are known go on.
pub const OIDC_KEYS_FRESH: Duration = Duration::from_secs(300);

/// Keys that could not be asked for again for so long are used no more: one of them may have been withdrawn.
pub const OIDC_KEYS_STALE_MAX: Duration = Duration::from_secs(3_600);

/// Askings for keys because of a token that none of them fits: so many at once, then one each so often.
pub const OIDC_KEY_ASKS: u32 = 5;

/// See [`OIDC_KEY_ASKS`].
pub const OIDC_KEY_ASKS_EVERY: Duration = Duration::from_secs(10);

/// A login at the provider takes at most this; after it, it begins anew.
pub const OIDC_LOGIN_AGE_MAX: Duration = Duration::from_secs(600);

/// Logins that ask the provider at the same time; further ones are told to come back.
pub const OIDC_LOGINS_MAX: usize = 32;

/// Those of one address.
pub const OIDC_LOGINS_PER_ADDRESS: usize = 8;

/// Characters of a page's address that a login leads back to; a longer one leads to the first page.
pub const RETURN_LEN_MAX: usize = 1_024;

/// Bytes of what a provider sends back with a browser: a code, a state.
pub const OIDC_PARAMETER_LEN_MAX: usize = 4_096;

/// Bytes of a provider's ID token that a cookie holds, name and attributes beside it; a longer one is not kept.
pub const ID_TOKEN_KEPT_MAX: usize = 3_900;

/// Bytes of a cookie of ours; a longer one counts as none.
pub const COOKIE_LEN_MAX: usize = 4_096;
