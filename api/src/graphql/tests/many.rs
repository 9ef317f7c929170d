//! Fields of many entities ask ClickHouse once, not each for itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;

use super::*;

/// A ClickHouse that only counts what it is asked.
async fn counter() -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let count = async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        StatusCode::SERVICE_UNAVAILABLE
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = axum::serve(listener, Router::new().fallback(count));
    service_kit::task::spawn("a counting server", async move { server.await });
    (url, asked)
}

#[tokio::test]
async fn series_of_many_are_one_query() {
    const SPAN: &str = r#"from: "2027-01-15T08:00:00Z", to: "2027-01-15T09:00:00Z""#;
    let (url, asked) = counter().await;
    let live = world().live;
    let world = around(Arc::new(TestClock), &live, TestLog::NeverRead, &url);
    for (query, queries) in [
        (format!("{{ devices {{ edges {{ node {{ telemetry({SPAN}) {{ at }} }} }} }} }}"), 1),
        (format!("{{ feeders {{ history({SPAN}) {{ at }} }} }}"), 1),
        // Asked in two ways, that is two.
        (
            format!(
                "{{ devices {{ edges {{ node {{ telemetry({SPAN}) {{ at }} hours: telemetry({SPAN}, resolution: HOUR) {{ at }} }} }} }} }}"
            ),
            2,
        ),
    ] {
        let before = asked.load(Ordering::SeqCst);
        let response = world.ask_as(Some(Role::Viewer), &query).await;
        assert!(!response.errors.is_empty(), "{query}: nothing asked for history");
        assert_eq!(asked.load(Ordering::SeqCst) - before, queries, "{query}");
    }
}
