//! The API's metrics. The only file here that knows the metrics library.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::{Histogram, IntCounterVec, IntGauge};
use schemas::topics::Topic;
use service_kit::metrics::{counters, gauge, histogram};

static REQUESTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_api_requests_total",
        "HTTP requests by route and status class",
        &["route", "status"],
    )
});
static GRAPHQL: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_api_graphql_total",
        "GraphQL operations by how they ended: ok or the code of their first error",
        &["outcome"],
    )
});
static GRAPHQL_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    histogram(
        "derms_api_graphql_seconds",
        "Time to answer a GraphQL query or mutation",
        &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0],
    )
});
static HISTORY_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    histogram(
        "derms_api_history_seconds",
        "Time of a read of history from ClickHouse",
        &[0.005, 0.02, 0.1, 0.5, 2.0, 10.0],
    )
});
static LOGINS: LazyLock<IntCounterVec> =
    LazyLock::new(|| counters("derms_api_logins_total", "Logins by how they ended", &["outcome"]));
static PROVIDER: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_api_provider_requests_total",
        "What the login provider was asked for, and whether it answered",
        &["what", "outcome"],
    )
});
static RECORDS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("derms_api_records_total", "Log records taken into the live view", &["topic"])
});
static UNREADABLE: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_api_records_unreadable_total",
        "Log records that could not be read and were passed over",
        &["topic"],
    )
});
static SOCKETS: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("derms_api_sockets", "Open WebSocket connections"));
static REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_api_refused_total",
        "Connections, requests and messages turned away, by the bound or rule that did",
        &["reason"],
    )
});
static RELOADS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "derms_api_certificate_reloads_total",
        "Changed certificates, by whether they could be used",
        &["outcome"],
    )
});
static SUBSCRIPTIONS: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("derms_api_subscriptions", "Running subscriptions"));

/// An HTTP request was answered.
pub(crate) fn count_request(route: &str, status: u16) {
    let class = match status {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    REQUESTS.with_label_values(&[route, class]).inc();
}

/// A GraphQL operation ended.
pub(crate) fn observe_graphql(outcome: &str, took: Duration) {
    GRAPHQL.with_label_values(&[outcome]).inc();
    GRAPHQL_SECONDS.observe(took.as_secs_f64());
}

/// History was read.
pub(crate) fn observe_history(took: Duration) {
    HISTORY_SECONDS.observe(took.as_secs_f64());
}

/// A login ended.
pub(crate) fn count_login(outcome: &'static str) {
    LOGINS.with_label_values(&[outcome]).inc();
}

/// What a login provider is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// What it says of itself.
    Discovery,
    /// Its keys.
    Keys,
    /// A code's tokens.
    Tokens,
    /// A user's claims.
    UserInfo,
}

/// A login provider was asked.
pub(crate) fn count_asked(what: Asked, is_answer: bool) {
    let what = match what {
        Asked::Discovery => "discovery",
        Asked::Keys => "keys",
        Asked::Tokens => "tokens",
        Asked::UserInfo => "user_info",
    };
    let outcome = if is_answer { "answer" } else { "none" };
    PROVIDER.with_label_values(&[what, outcome]).inc();
}

/// A record went into the live view.
pub(crate) fn count_record(topic: Topic) {
    RECORDS.with_label_values(&[topic.suffix()]).inc();
}

/// A record could not be read.
pub(crate) fn count_unreadable(topic: Topic) {
    UNREADABLE.with_label_values(&[topic.suffix()]).inc();
}

/// What something was turned away by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many connections.
    Connections,
    /// Too many connections of one address.
    ConnectionsOfAddress,
    /// A peer that takes nothing.
    SlowReader,
    /// A host that is not ours.
    Host,
    /// A page of another origin.
    Origin,
    /// A change by cookie that the dashboard did not ask for.
    Forged,
    /// A document that is not known, or a text where none is accepted.
    Document,
    /// Too many WebSockets.
    Sockets,
    /// Too many WebSockets of one address.
    SocketsOfAddress,
    /// Too many WebSockets of one user.
    SocketsOfUser,
    /// A WebSocket whose owner did not prove who they are in time.
    SocketInit,
    /// A WebSocket on which too much was said.
    SocketMessages,
    /// A WebSocket on which nothing was said.
    SocketSilent,
    /// Too many queries at the same time.
    Queries,
    /// An event that asks for history too often.
    EventRead,
}

impl Refusal {
    fn word(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsOfAddress => "connections_of_address",
            Self::SlowReader => "slow_reader",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::Forged => "forged",
            Self::Document => "document",
            Self::Sockets => "sockets",
            Self::SocketsOfAddress => "sockets_of_address",
            Self::SocketsOfUser => "sockets_of_user",
            Self::SocketInit => "socket_init",
            Self::SocketMessages => "socket_messages",
            Self::SocketSilent => "socket_silent",
            Self::Queries => "queries",
            Self::EventRead => "event_read",
        }
    }
}

/// Something was turned away.
pub(crate) fn count_refused(refusal: Refusal) {
    REFUSED.with_label_values(&[refusal.word()]).inc();
}

/// What became of a changed certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    /// It is served.
    Taken,
    /// It cannot be used.
    Refused,
}

/// A certificate changed.
pub(crate) fn count_reload(reload: Reload) {
    let word = match reload {
        Reload::Taken => "taken",
        Reload::Refused => "refused",
    };
    RELOADS.with_label_values(&[word]).inc();
}

/// Counts one of a kind while it lives.
#[derive(Debug)]
pub(crate) struct Counted(&'static LazyLock<IntGauge>);

impl Counted {
    /// An open connection.
    pub(crate) fn socket() -> Self {
        Self::of(&SOCKETS)
    }

    /// A running subscription.
    pub(crate) fn subscription() -> Self {
        Self::of(&SUBSCRIPTIONS)
    }

    fn of(gauge: &'static LazyLock<IntGauge>) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
