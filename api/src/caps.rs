//! Limits of the API, each with what happens at it.

use std::time::Duration;

/// Deepest nesting of a query; a deeper one is refused. The standard introspection query needs 15.
pub const QUERY_DEPTH_MAX: usize = 18;

/// Cost of a query, counted over fields, aliases and page sizes; a dearer one is refused.
pub const QUERY_COMPLEXITY_MAX: usize = 50_000;

/// Nested selections while a query is parsed; a deeper one is refused.
pub const QUERY_RECURSION_MAX: usize = 32;

/// Directives on one field; more are refused.
pub const QUERY_DIRECTIVES_MAX: usize = 8;

/// What one history read costs on top of its points.
pub const HISTORY_BASE_COST: usize = 50;

/// Feeders that the cost of a list of feeders is reckoned with.
pub const FEEDERS_ASSUMED: usize = 20;

/// Entries of one page; more are refused.
pub const PAGE_SIZE_MAX: i32 = 500;

/// Points of one series; more are refused.
pub const POINTS_MAX: i32 = 5_000;

/// Characters of a search text; more are refused.
pub const SEARCH_LEN_MAX: usize = 128;

/// Characters of an event's type; more are refused.
pub const EVENT_TYPE_LEN_MAX: usize = 64;

/// Longest ramp of an event, s; a longer one is refused.
pub const EVENT_RAMP_MAX_S: i32 = 86_400;

/// Reads of history at the same time; further ones wait for their turn within the query's time.
pub const HISTORY_READS_MAX: usize = 8;

/// A request that takes longer is answered with a time-out.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Passwords verified at the same time (each takes 19 MiB and tens of milliseconds of a core).
pub const VERIFICATIONS_MAX: usize = 2;

/// Logins that may wait for that; further ones are told to come back later.
pub const VERIFICATIONS_WAITING_MAX: usize = 32;

/// Characters of a user name or password in a login; longer is refused unread.
pub const CREDENTIAL_LEN_MAX: usize = 256;

/// Failed logins of one user from one address within [`LOGIN_WINDOW`]; then both together are refused for a while.
pub const FAILURES_PER_USER_AND_ADDRESS: u32 = 5;

/// Failed logins from one address within the window.
pub const FAILURES_PER_ADDRESS: u32 = 30;

/// Failed logins of one user from anywhere within the window.
pub const FAILURES_PER_USER: u32 = 50;

/// The window that failed logins are counted over.
pub const LOGIN_WINDOW: Duration = Duration::from_secs(15 * 60);

/// Counters of failed logins kept; beyond it the oldest is forgotten.
pub const LOGIN_COUNTERS_MAX: usize = 10_000;

/// WebSocket connections at the same time; further ones are refused.
pub const SOCKETS_MAX: usize = 1_000;

/// Subscriptions on one connection; further ones are refused.
pub const SUBSCRIPTIONS_PER_SOCKET_MAX: usize = 50;

/// A connection that has not authenticated itself by then is closed.
pub const SOCKET_INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A socket on which the client says nothing, not even a ping or pong, is asked for a sign of life this often.
pub const SOCKET_PING_INTERVAL: Duration = Duration::from_secs(30);

/// A message that the client does not take within this time ends its connection.
pub const SOCKET_SEND_TIMEOUT: Duration = Duration::from_secs(10);

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
