//! ClickHouse's own engine with the product's tables, and what tests of history write into it.

use std::path::PathBuf;
use std::time::Duration;

use derms_api::store::history::{History, HistoryConfig};
use schemas::clickhouse::{MIGRATIONS, statements};
use schemas::{DeviceId, FeederId, Timestamp};
use tempfile::TempDir;
use testbench::port::free_port;
use testbench::service::Service;

const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);
/// A whole hour, not long ago enough to be dropped by any TTL.
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// An engine with all tables, gone when dropped.
pub(crate) struct Engine {
    _folder: TempDir,
    _service: Service,
    pub(crate) url: String,
    http: reqwest::Client,
}

impl Engine {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port().expect("a port").to_string();
        let data = folder.path().join("data").display().to_string();
        let arguments = ["clickhouse", "--data", &data, "--port", &port];
        let service = Service::start("derms", &arguments, &[], folder.path()).expect("the engine");
        let engine = Self {
            _folder: folder,
            _service: service,
            url: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::new(),
        };
        let waited = tokio::time::timeout(DEADLINE, async {
            while engine.http.get(format!("{}/ping", engine.url)).send().await.is_err() {
                tokio::time::sleep(POLL).await;
            }
        });
        waited.await.expect("the engine answers");
        engine.run("default", "CREATE DATABASE IF NOT EXISTS derms").await;
        // Twice: every statement is safe to run again.
        for migration in MIGRATIONS.iter().chain(MIGRATIONS) {
            for statement in statements(migration.sql) {
                engine.run("derms", &statement).await;
            }
        }
        engine
    }

    pub(crate) async fn run(&self, database: &str, sql: &str) -> String {
        let url = format!("{}/?database={database}", self.url);
        let request = self.http.post(url).body(sql.to_owned());
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let body = response.text().await.expect("a body");
        assert!(status.is_success(), "{sql}\n{body}");
        body
    }

    pub(crate) fn history(&self) -> History {
        history(self.url.clone(), None)
    }

    /// Samples of one device: every 10 s from `from` on, 1 kW, 2 kW, …; SOC 50 %, 51 %, …
    pub(crate) async fn samples(&self, device: &str, from: Timestamp, count: i64) {
        self.run(
            "derms",
            &format!(
                "INSERT INTO telemetry (message_id, device_id, device_type, origin, feeder_id, ts, arrival, power_w, soc_bp, online, source, layout, unknown_fields, log_partition, log_offset)
                 SELECT generateUUIDv4(), '{device}', 'EV', 'SIMULATED', 'f1',
                        fromUnixTimestamp64Milli({0} + number * 10000, 'UTC'), fromUnixTimestamp64Milli({0} + number * 10000, 'UTC'),
                        1000 * (number + 1), 5000 + 100 * number, true, 'test', 'FLAT', 0, 0, number
                 FROM numbers({count})",
                from.0
            ),
        )
        .await;
    }

    /// Decisions of f1 over one device: every 10 s, 5 s after its sample; load 10 kW, 20 kW, …; limit 100 kW, setpoint 7 kW.
    pub(crate) async fn decisions(&self, device: &str, from: Timestamp, count: i64) {
        let at = format!("fromUnixTimestamp64Milli({} + 5000 + number * 10000, 'UTC')", from.0);
        self.run(
            "derms",
            &format!(
                "INSERT INTO decisions (decision_id, root, epoch, seq, writer, at, trigger, window_start, window_end, policy, certified, findings, feeder_id, mode, import_limit_w, limit_w, margin_w, load_w, controlled_w, uncontrolled_w, reserved_w, headroom_w, allocated_w, unmet_w, curtailed_w, binding, rung, device_count, fresh_count, stale_count, position_acks, position_operator, position_telemetry, log_partition, log_offset)
                 SELECT generateUUIDv4(), 'f1', 1, number, generateUUIDv4(), {at}, 'WINDOW', {at} - INTERVAL 10 SECOND, {at}, 'water-fill', true, [], 'f1', 'AUTOMATIC', 100000, 100000, 1000, 10000 * (number + 1), 0, 0, 1000 * (number + 1), 100000 - 10000 * (number + 1), 0, 0, 500, 'NONE', 'NORMAL', 1, 1, 0, 0, 0, 0, 0, number
                 FROM numbers({count})"
            ),
        )
        .await;
        self.run(
            "derms",
            &format!(
                "INSERT INTO decision_devices (decision_id, root, epoch, seq, at, device_id, feeder_id, device_type, power_w, freshness, wanted_w, share_w, setpoint_w, emit, ttl_ms, fallback_w, weight_milli, deficit_wh, reason, marginal_w, compliant, typed_layout, log_partition, log_offset)
                 SELECT generateUUIDv4(), 'f1', 1, number, {at}, '{device}', 'f1', 'EV', 6500, 'FRESH', 7000, 7000, 7000, 'RENEW', 30000, 0, 1000, 0, 'SATISFIED', 0, true, false, 0, number
                 FROM numbers({count})"
            ),
        )
        .await;
    }
}

pub(crate) fn history(url: String, authority: Option<PathBuf>) -> History {
    History::new(&HistoryConfig {
        url,
        database: "derms".to_owned(),
        user: None,
        password: None,
        authority,
        timeout: Duration::from_secs(20),
    })
    .expect("a usable place")
}

/// The start of the hour before last.
pub(crate) fn start() -> Timestamp {
    use service_kit::clock::Clock;
    service_kit::clock::SystemClock.now().plus_ms(-HOUR_MS).window_start(HOUR_MS)
}

pub(crate) fn device() -> DeviceId {
    DeviceId::new("ev-1").expect("an id")
}

pub(crate) fn feeder() -> FeederId {
    FeederId::new("f1").expect("an id")
}
