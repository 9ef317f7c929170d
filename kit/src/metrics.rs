//! One registry for the process, and the small server that shows it where a service has no HTTP of its own.
//!
//! Each crate registers its metrics here through its own `metrics.rs`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use tokio_util::sync::CancellationToken;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let registry = Registry::new();
    let process = prometheus::process_collector::ProcessCollector::for_self();
    registry.register(Box::new(process)).expect("the first collector of a new registry");
    registry
});

fn registered<M: prometheus::core::Collector + Clone + 'static>(metric: M) -> M {
    REGISTRY
        .register(Box::new(metric.clone()))
        .expect("metric names are unique: each stands in one place");
    metric
}

/// A counter; call once per name.
#[must_use]
pub fn counter(name: &str, help: &str) -> IntCounter {
    registered(IntCounter::new(name, help).expect("metric names are literals"))
}

/// Counters by label; labels come from enums, never from ids.
#[must_use]
pub fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    registered(
        IntCounterVec::new(Opts::new(name, help), labels).expect("metric names are literals"),
    )
}

/// A gauge; call once per name.
#[must_use]
pub fn gauge(name: &str, help: &str) -> IntGauge {
    registered(IntGauge::new(name, help).expect("metric names are literals"))
}

/// Gauges by label; labels come from enums or partitions, never from device ids.
#[must_use]
pub fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    registered(IntGaugeVec::new(Opts::new(name, help), labels).expect("metric names are literals"))
}

/// A histogram with these upper bounds.
#[must_use]
pub fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    registered(Histogram::with_opts(opts).expect("metric names are literals"))
}

/// Everything registered, and what was adopted from other processes, in Prometheus' text format.
#[must_use]
pub fn render() -> String {
    let mut text = TextEncoder::new().encode_to_string(&REGISTRY.gather()).unwrap_or_default();
    for of_another in ADOPTED.lock().unwrap_or_else(PoisonError::into_inner).values() {
        text.push_str(of_another);
    }
    text
}

static ADOPTED: Mutex<BTreeMap<&str, String>> = Mutex::new(BTreeMap::new());

/// Shows the metrics of another process of ours, as it rendered them, in the place of its earlier ones. What every
/// process has is left out: it stands here already.
pub fn adopt(process: &'static str, rendered: &str) {
    let own = |line: &&str| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        !name.starts_with("process_")
    };
    let text = rendered.lines().filter(own).flat_map(|line| [line, "\n"]).collect();
    ADOPTED.lock().unwrap_or_else(PoisonError::into_inner).insert(process, text);
}

/// The sum over all labels of a counter or gauge; nothing where no such metric is registered yet.
#[must_use]
pub fn total(name: &str) -> Option<f64> {
    let families = REGISTRY.gather();
    let family = families.iter().find(|family| family.name() == name)?;
    let value = |metric: &prometheus::proto::Metric| {
        metric.get_counter().value() + metric.get_gauge().value()
    };
    Some(family.get_metric().iter().map(value).sum())
}

/// The content type of [`render`].
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves `/metrics` and `/healthz` until `shutdown`.
///
/// # Errors
/// When the address is taken or the server fails.
pub async fn serve(address: SocketAddr, shutdown: CancellationToken) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("binding {address} (setting DERMS_METRICS_ADDR)"))?;
    let page = || async { ([(CONTENT_TYPE, TEXT_FORMAT)], render()).into_response() };
    let router =
        Router::new().route("/metrics", get(page)).route("/healthz", get(|| async { "ok" }));
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
        .context("serving metrics")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_another_process_are_shown_without_what_every_process_has() {
        adopt(
            "a test",
            "# HELP process_threads x\nprocess_threads 3\n# TYPE other_total counter\nother_total 1\n",
        );
        adopt(
            "a test",
            "# HELP process_threads x\nprocess_threads 4\n# TYPE other_total counter\nother_total 2\n",
        );
        let text = render();
        assert!(text.contains("# TYPE other_total counter\nother_total 2\n"), "{text}");
        assert!(!text.contains("other_total 1") && !text.contains("process_threads 4"), "{text}");
    }
}
