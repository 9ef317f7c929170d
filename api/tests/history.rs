//! History over ClickHouse's own engine: every resolution against rows that the test wrote, and gaps that stay gaps.

mod world;

use std::path::PathBuf;
use std::time::Duration;

use derms_api::store::history::audit::AuditAsked;
use derms_api::store::history::commands::{CommandsAsked, Followed};
use derms_api::store::history::decisions::{
    BoundRow, DecisionDevices, DecisionsAsked, DevicesAsked,
};
use derms_api::store::history::export::{ExportAsked, ExportFormat};
use derms_api::store::history::past::Asked;
use derms_api::store::history::{
    FeederPoint, History, HistoryConfig, HistoryError, PlanError, Range, Resolution, TelemetryPoint,
};
use futures::TryStreamExt;
use schemas::clickhouse::{MIGRATIONS, statements};
use schemas::{DeviceId, FeederId, Timestamp};
use tempfile::TempDir;
use testbench::certificates::Certificates;
use testbench::port::free_port;
use testbench::service::Service;
use uuid::Uuid;
use world::front::TlsFront;

const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);
/// A whole hour, not long ago enough to be dropped by any TTL.
const HOUR_MS: i64 = 3_600_000;

/// An engine with all tables, gone when dropped.
struct Engine {
    _folder: TempDir,
    _service: Service,
    url: String,
    http: reqwest::Client,
}

impl Engine {
    async fn start() -> Self {
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

    async fn run(&self, database: &str, sql: &str) -> String {
        let url = format!("{}/?database={database}", self.url);
        let request = self.http.post(url).body(sql.to_owned());
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let body = response.text().await.expect("a body");
        assert!(status.is_success(), "{sql}\n{body}");
        body
    }

    fn history(&self) -> History {
        history(self.url.clone(), None)
    }

    /// Samples of one device: every 10 s from `from` on, 1 kW, 2 kW, …; SOC 50 %, 51 %, …
    async fn samples(&self, device: &str, from: Timestamp, count: i64) {
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
    async fn decisions(&self, device: &str, from: Timestamp, count: i64) {
        let at = format!("fromUnixTimestamp64Milli({} + 5000 + number * 10000, 'UTC')", from.0);
        self.run(
            "derms",
            &format!(
                "INSERT INTO decisions (decision_id, root, epoch, seq, writer, at, trigger, window_start, window_end, policy, certified, findings, feeder_id, mode, import_limit_w, limit_w, margin_w, load_w, controlled_w, uncontrolled_w, reserved_w, headroom_w, allocated_w, unmet_w, curtailed_w, binding, rung, device_count, fresh_count, stale_count, position_acks, position_operator, position_telemetry, log_partition, log_offset)
                 SELECT generateUUIDv4(), 'f1', 1, number, generateUUIDv4(), {at}, 'WINDOW', {at} - INTERVAL 10 SECOND, {at}, 'water-fill', true, [], 'f1', 'AUTOMATIC', 100000, 100000, 1000, 10000 * (number + 1), 0, 0, 0, 100000 - 10000 * (number + 1), 0, 0, 500, 'NONE', 'NORMAL', 1, 1, 0, 0, 0, 0, 0, number
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

fn history(url: String, authority: Option<PathBuf>) -> History {
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
fn start() -> Timestamp {
    use service_kit::clock::Clock;
    service_kit::clock::SystemClock.now().plus_ms(-HOUR_MS).window_start(HOUR_MS)
}

fn range(from: Timestamp, length_ms: i64, resolution: Resolution, max_points: i32) -> Range {
    Range { from, to: from.plus_ms(length_ms), resolution, max_points }
}

fn device() -> DeviceId {
    DeviceId::new("ev-1").expect("an id")
}

fn feeder() -> FeederId {
    FeederId::new("f1").expect("an id")
}

fn point(
    at: Timestamp,
    power_kw: f64,
    spread: Option<(f64, f64)>,
    setpoint_kw: Option<f64>,
    soc: f64,
) -> TelemetryPoint {
    TelemetryPoint {
        at_ms: at.0,
        power_kw,
        min_kw: spread.map(|(min, _)| min),
        max_kw: spread.map(|(_, max)| max),
        setpoint_kw,
        soc: Some(soc),
    }
}

fn load(at: Timestamp, load_kw: f64) -> FeederPoint {
    FeederPoint {
        at_ms: at.0,
        load_kw,
        limit_kw: 100.0,
        headroom_kw: 100.0 - load_kw,
        curtailed_kw: 0.5,
        allocated_kw: 0.0,
        reserved_kw: Some(0.0),
    }
}

/// From stored minutes or hours, which do not keep what was reserved.
fn averaged(at: Timestamp, load_kw: f64) -> FeederPoint {
    FeederPoint { reserved_kw: None, ..load(at, load_kw) }
}

async fn device_series(
    history: &History,
    range: &Range,
    now: Timestamp,
) -> Result<Vec<TelemetryPoint>, HistoryError> {
    let mut all = history.devices(&[device().as_str()], range, now).await?;
    Ok(all.remove(device().as_str()).expect("each id has an answer")?)
}

async fn feeder_series(
    history: &History,
    range: &Range,
    now: Timestamp,
) -> Result<Vec<FeederPoint>, HistoryError> {
    let mut all = history.feeders(&[feeder().as_str()], range, now).await?;
    Ok(all.remove(feeder().as_str()).expect("each id has an answer")?)
}

#[tokio::test]
async fn the_series_of_many_are_those_of_each_alone() {
    let engine = Engine::start().await;
    let from = start();
    let now = from.plus_ms(2 * HOUR_MS);
    for (device, count) in [("ev-1", 12), ("ev-2", 5)] {
        engine.samples(device, from, count).await;
        engine.decisions(device, from, count).await;
    }
    let history = engine.history();
    for resolution in [Resolution::Raw, Resolution::Auto, Resolution::Minute, Resolution::Hour] {
        let range = range(from, HOUR_MS, resolution, 600);
        let together = history.devices(&["ev-1", "ev-2", "none"], &range, now).await.expect("rows");
        let count = |id: &str| together[id].as_ref().expect("not too many").len();
        assert!(count("ev-1") >= count("ev-2") && count("ev-2") > 0 && count("none") == 0);
        for (id, points) in &together {
            let alone = history.devices(&[id], &range, now).await.expect("rows");
            assert_eq!(&alone[id], points, "{id} at {resolution:?}");
        }
        let feeders = history.feeders(&["f1", "f2"], &range, now).await.expect("rows");
        assert_eq!(feeders["f2"], Ok(Vec::new()));
        assert_eq!(feeders["f1"], history.feeders(&["f1"], &range, now).await.expect("rows")["f1"]);
    }
}

#[tokio::test]
async fn one_with_too_many_points_costs_the_others_nothing() {
    let engine = Engine::start().await;
    let from = start();
    for (device, count) in [("ev-1", 12), ("ev-2", 5)] {
        engine.samples(device, from, count).await;
    }
    let history = engine.history();
    let raw = range(from, HOUR_MS, Resolution::Raw, 6);
    let both = history.devices(&["ev-1", "ev-2"], &raw, from.plus_ms(HOUR_MS)).await.expect("rows");
    assert_eq!(both["ev-1"], Err(PlanError::TooMany(6)));
    assert_eq!(both["ev-2"].as_ref().map(Vec::len), Ok(5));
}

#[tokio::test]
async fn series_are_read_at_each_resolution_and_gaps_stay_gaps() {
    let engine = Engine::start().await;
    let from = start();
    let now = from.plus_ms(2 * HOUR_MS);
    // Six samples in the first minute, none in the second, three in the third.
    engine.samples("ev-1", from, 6).await;
    engine.decisions("ev-1", from, 6).await;
    engine.samples("ev-1", from.plus_ms(120_000), 3).await;
    engine.samples("other", from, 6).await;
    let history = engine.history();
    let minutes = |n: i64| from.plus_ms(n * 60_000);

    let raw = range(from, 25_000, Resolution::Raw, 10);
    assert_eq!(
        device_series(&history, &raw, now).await.expect("rows"),
        [
            point(from, 1.0, None, None, 0.5),
            point(from.plus_ms(10_000), 2.0, None, Some(7.0), 0.51),
            point(from.plus_ms(20_000), 3.0, None, Some(7.0), 0.52),
        ]
    );
    assert_eq!(
        feeder_series(&history, &raw, now).await.expect("rows"),
        [load(from.plus_ms(5_000), 10.0), load(from.plus_ms(15_000), 20.0)]
    );

    // 3 minutes in 31 points: buckets of 6 s, empty ones left out. The setpoint ends with the decisions.
    let auto = range(from, 180_000, Resolution::Auto, 31);
    let points = device_series(&history, &auto, now).await.expect("buckets");
    assert_eq!(points.len(), 9);
    assert_eq!(points[1], point(from.plus_ms(6_000), 2.0, Some((2.0, 2.0)), Some(7.0), 0.51));
    assert_eq!(points[6].at_ms, minutes(2).0);
    let after_the_last_decision = points[8].setpoint_kw;
    assert_eq!(after_the_last_decision, None);

    let by_minute = range(from, 240_000, Resolution::Minute, 10);
    assert_eq!(
        device_series(&history, &by_minute, now).await.expect("minutes"),
        [
            point(minutes(0), 3.5, Some((1.0, 6.0)), Some(7.0), 0.55),
            point(minutes(2), 2.0, Some((1.0, 3.0)), None, 0.52),
        ]
    );
    assert_eq!(
        feeder_series(&history, &by_minute, now).await.expect("minutes"),
        [averaged(minutes(0), 35.0)]
    );

    let by_hour = range(from, HOUR_MS, Resolution::Hour, 10);
    assert_eq!(
        device_series(&history, &by_hour, now).await.expect("hours"),
        [point(from, 3.0, Some((1.0, 6.0)), Some(7.0), 0.52)]
    );
    assert_eq!(
        feeder_series(&history, &by_hour, now).await.expect("hours"),
        [averaged(from, 35.0)]
    );
}

#[tokio::test]
async fn samples_are_exported_whole_and_in_each_format() {
    let engine = Engine::start().await;
    let from = start();
    // Enough for many blocks.
    engine.samples("ev-1", from, 200_000).await;
    engine.samples("ev-2", from, 3).await;
    let history = engine.history();
    let asked = |to_ms: i64, device: Option<&str>| ExportAsked {
        from,
        to: from.plus_ms(to_ms),
        feeder_id: Some(feeder()),
        device_id: device.map(|id| DeviceId::new(id).expect("an id")),
    };
    let read = async |asked: &ExportAsked, format: ExportFormat| {
        let export = history.export(asked, format).await.expect("it begins");
        let rows = export.rows;
        let chunks: Vec<_> = export.bytes().try_collect().await.expect("it is whole");
        (rows, chunks.concat())
    };
    let (rows, csv) = read(&asked(20_000, None), ExportFormat::Csv).await;
    let csv = String::from_utf8(csv).expect("text");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((rows, lines.len()), (4, 5), "{csv}");
    assert!(lines[0].starts_with(
        r#""device_id","device_type","feeder_id","site_id","ts","arrival","power_kw","soc""#
    ));
    assert!(
        lines[2].starts_with(r#""ev-1","EV","f1",\N,"#) && lines[2].contains(",2,0.51,"),
        "{csv}"
    );
    let of_one = asked(2_000_000_000, Some("ev-1"));
    let (rows, csv) = read(&of_one, ExportFormat::Csv).await;
    assert_eq!((rows, csv.iter().filter(|byte| **byte == b'\n').count()), (200_000, 200_001));
    let (_, parquet) = read(&of_one, ExportFormat::Parquet).await;
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let (_, arrow) = read(&of_one, ExportFormat::Arrow).await;
    assert!(arrow.starts_with(&[0xff; 4]) && arrow.ends_with(&[0; 4]));
    let backwards = history.export(&asked(0, None), ExportFormat::Csv).await;
    assert_eq!(backwards.expect_err("an empty range"), HistoryError::Plan(PlanError::Empty));
}

#[tokio::test]
async fn no_point_is_from_before_its_range() {
    let engine = Engine::start().await;
    let from = start();
    let now = from.plus_ms(2 * HOUR_MS);
    let minutes = |n: i64| from.plus_ms(n * 60_000);
    engine.samples("ev-1", from, 6).await;
    engine.decisions("ev-1", from, 6).await;
    engine.samples("ev-1", minutes(2), 3).await;
    let history = engine.history();

    // An hour that begins at another minute than the clock's.
    let by_hour = range(minutes(1), HOUR_MS, Resolution::Hour, 10);
    assert_eq!(
        device_series(&history, &by_hour, now).await.expect("hours"),
        [point(minutes(1), 2.0, Some((1.0, 3.0)), None, 0.52)]
    );
    assert_eq!(feeder_series(&history, &by_hour, now).await.expect("hours"), []);
    let before = range(minutes(-30), HOUR_MS, Resolution::Hour, 10);
    assert_eq!(
        feeder_series(&history, &before, now).await.expect("hours"),
        [averaged(minutes(-30), 35.0)]
    );

    // Minutes cannot be taken apart: the first whole one is the first.
    let within = range(from.plus_ms(15_000), 240_000, Resolution::Minute, 10);
    assert_eq!(
        device_series(&history, &within, now).await.expect("minutes"),
        [point(minutes(2), 2.0, Some((1.0, 3.0)), None, 0.52)]
    );

    // Buckets of 6 s that stand on the clock: what was before the range is cut off the first one.
    let auto = range(from.plus_ms(20_000), 180_000, Resolution::Auto, 31);
    let points = device_series(&history, &auto, now).await.expect("buckets");
    assert_eq!(points[0].at_ms, auto.from.0);
    assert_eq!(points[0].power_kw, 3.0);
    assert!(points.windows(2).all(|pair| pair[0].at_ms < pair[1].at_ms), "{points:?}");
}

#[tokio::test]
async fn tracking_compares_power_with_the_setpoint_before_it_and_too_many_points_are_refused() {
    let engine = Engine::start().await;
    let from = start();
    let now = from.plus_ms(2 * HOUR_MS);
    engine.samples("ev-1", from, 6).await;
    engine.decisions("ev-1", from, 6).await;
    let history = engine.history();
    let rows = history.tracking(from).await.expect("rows");
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].device_id.as_str(), rows[0].samples), ("ev-1", 5));
    assert!((rows[0].mean_kw + 0.5).abs() < 1e-9, "{rows:?}");
    assert!((rows[0].mean_abs_kw - 0.5).abs() < 1e-9, "{rows:?}");

    let raw = range(from, HOUR_MS, Resolution::Raw, 5);
    assert_eq!(
        device_series(&history, &raw, now).await,
        Err(HistoryError::Plan(PlanError::TooMany(5)))
    );
    let nobody = history.devices(&["nobody"], &raw, now).await.expect("an answer");
    assert_eq!(nobody["nobody"], Ok(Vec::new()));
}

#[tokio::test]
async fn history_is_read_over_https_and_another_authority_is_refused_in_words() {
    let engine = Engine::start().await;
    let (own, other) = (
        Certificates::make().expect("openssl is installed"),
        Certificates::make().expect("openssl is installed"),
    );
    let behind = engine.url.trim_start_matches("http://").parse().expect("an address");
    let front = TlsFront::start(&own, behind).await;
    let url = format!("https://localhost:{}", front.port);
    let from = start();
    let now = from.plus_ms(2 * HOUR_MS);
    engine.samples("ev-1", from, 6).await;
    let whole = range(from, 60_000, Resolution::Auto, 100);
    let plain = device_series(&engine.history(), &whole, now).await.expect("an answer");
    let over_tls = history(url.clone(), Some(own.authority()));
    assert_eq!(over_tls.ping().await, Ok(()));
    assert_eq!(device_series(&over_tls, &whole, now).await, Ok(plain));
    let refused = history(url, Some(other.authority())).ping().await.expect_err("not trusted");
    let words = refused.to_string();
    assert!(words.contains("certificate is not accepted"), "{words}");
    assert!(words.contains("DERMS_CLICKHOUSE_CA_PATH"), "{words}");
}

/// Three decisions, 10 s apart, of a tree of f1 and f2 below it, over one device at each: f1 binds both, f1 is 5 kW over its
/// limit. Each sends ev-1 a setpoint of 3 kW, which goes out
/// after 10 ms, and which it takes, applies and is seen at after 1, 2 and 3 s.
async fn past(engine: &Engine, from: Timestamp) {
    let id = |kind: u8| {
        format!("toUUID(concat('00000000-0000-4000-8000-0000000000{kind}', toString(number + 1)))")
    };
    let at = format!("fromUnixTimestamp64Milli({} + number * 10000, 'UTC')", from.0);
    let later = |seconds: u8| format!("{at} + INTERVAL {seconds} SECOND");
    let tail = "'0197', 0, number FROM numbers(3)";
    let decision = |feeder: &str, parent: &str, binding: &str| {
        format!(
            "INSERT INTO decisions (decision_id, root, epoch, seq, writer, at, trigger, window_start, window_end, policy, certified, findings, feeder_id, parent_id, mode, import_limit_w, limit_w, margin_w, load_w, controlled_w, uncontrolled_w, reserved_w, headroom_w, allocated_w, unmet_w, curtailed_w, binding, rung, device_count, fresh_count, stale_count, position_acks, position_operator, position_telemetry, log_id, log_partition, log_offset)
             SELECT {}, 'f1', 1, number, generateUUIDv4(), {at}, 'WINDOW', {at} - INTERVAL 10 SECOND, {at}, 'water-fill', true, [], '{feeder}', {parent}, 'AUTOMATIC', 10000, 10000, 100, 15000, 15000, 0, 0, -5000, 6000, 0, 8000, '{binding}', 'TRIM', 2, 2, 0, 0, 0, 0, {tail}",
            id(1)
        )
    };
    let device = |device: &str, feeder: &str| {
        format!(
            "INSERT INTO decision_devices (decision_id, root, epoch, seq, at, device_id, feeder_id, device_type, power_w, freshness, sample_age_ms, wanted_w, share_w, setpoint_w, emit, ttl_ms, fallback_w, weight_milli, deficit_wh, reason, bound_by, marginal_w, compliant, typed_layout, width_ms, log_id, log_partition, log_offset)
             SELECT {}, 'f1', 1, number, {at}, '{device}', '{feeder}', 'EV', 3000, 'FRESH', 400, 7000, 3000, 3000, 'CHANGE', 30000, 0, 1000, 0, 'FAIR_SHARE', 'f1', 500, true, false, 10000, {tail}",
            id(1)
        )
    };
    let ack = |status: &str, seconds: u8| {
        format!(
            "INSERT INTO acks (message_id, device_id, feeder_id, ts, arrival, status, setpoint_id, log_id, log_partition, log_offset)
             SELECT generateUUIDv4(), 'ev-1', 'f1', {0}, {0}, '{status}', {1}, {tail}",
            later(seconds),
            id(2)
        )
    };
    let sent = |ms: u16, acked_ms: u16| {
        format!(
            "INSERT INTO sent (setpoint_id, decision_id, root, epoch, seq, device_id, feeder_id, decided_at, sent_at, broker_acked_at, log_id, log_partition, log_offset)
             SELECT {}, {}, 'f1', 1, number, 'ev-1', 'f1', {at}, {at} + INTERVAL {ms} MILLISECOND, {at} + INTERVAL {acked_ms} MILLISECOND, {tail}",
            id(2),
            id(1)
        )
    };
    let all = [
        decision("f1", "NULL", "IMPORT_LIMIT"),
        decision("f2", "'f1'", "ANCESTOR"),
        device("ev-1", "f1"),
        device("ev-2", "f2"),
        format!(
            "INSERT INTO setpoints (setpoint_id, decision_id, device_id, feeder_id, setpoint_w, fallback_w, emit, decided_at, valid_until, epoch, seq, reason, log_id, log_partition, log_offset)
             SELECT {}, {}, 'ev-1', 'f1', 3000, 0, 'CHANGE', {at}, {}, 1, number, 'FAIR_SHARE', {tail}",
            id(2),
            id(1),
            later(30)
        ),
        // The second time it was sent after a crash.
        sent(10, 15),
        sent(900, 905),
        ack("ACCEPTED", 1),
        ack("APPLIED", 2),
        format!(
            "INSERT INTO telemetry (message_id, device_id, device_type, origin, feeder_id, ts, arrival, power_w, online, source, layout, unknown_fields, log_id, log_partition, log_offset)
             SELECT generateUUIDv4(), 'ev-1', 'EV', 'SIMULATED', 'f1', {0}, {0}, 3100, true, 'test', 'FLAT', 0, {tail}",
            later(3)
        ),
        format!(
            "INSERT INTO decision_alarms (decision_id, root, at, code, severity, feeder_id, device_id, message, log_id, log_partition, log_offset)
             SELECT {}, 'f1', {at}, 'CTL-001', 'CRITICAL', 'f1', NULL, 'over', {tail}",
            id(1)
        ),
        format!(
            "INSERT INTO operator_log (id, at, actor, kind, entity, body, source, log_id, log_partition, log_offset)
             SELECT {}, {at}, 'ada', 'FeederChange', 'f1', concat('{{\"feeder_id\":\"f1\",\"import_limit_w\":', toString(number), '}}'), '192.0.2.7', {tail}",
            id(3)
        ),
        format!(
            "INSERT INTO dead_letters (at, source, reason, detail, device_id, raw, raw_len, log_partition, log_offset, log_id)
             SELECT {at}, 'der/telemetry/x', 'not_json', 'cut off', 'ev-9', concat('{{', char(255)), 2, 0, number, '0197' FROM numbers(3)"
        ),
    ];
    for statement in all {
        engine.run("derms", &statement).await;
    }
}

#[tokio::test]
async fn decisions_and_commands_of_the_past_are_told_in_pages() {
    let engine = Engine::start().await;
    let from = start();
    past(&engine, from).await;
    let history = engine.history();
    let to = from.plus_ms(60_000);
    let asked = DecisionsAsked { from, to, before: None, most: 2 };
    let page = history.decisions(&feeder(), &asked).await.expect("an answer");
    let seqs: Vec<i64> = page.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, [2, 1]);
    let before = page.last().map(|row| (row.at_ms, row.epoch, row.seq));
    let asked = DecisionsAsked { before, ..asked };
    let rest = history.decisions(&feeder(), &asked).await.expect("an answer");
    assert_eq!(rest.iter().map(|row| row.seq).collect::<Vec<_>>(), [0]);
    assert_eq!(history.count_decisions(&feeder(), from, to).await, Ok(3));

    let newest = history.newest_of_device(&device(), to).await.expect("an answer").expect("one");
    assert_eq!((newest.at_ms, newest.reason.as_str()), (from.0 + 20_000, "FAIR_SHARE"));
    let then = history.newest_of_device(&device(), from.plus_ms(5_000)).await;
    assert_eq!(then.expect("an answer").map(|row| row.at_ms), Some(from.0));
    let made = Timestamp(newest.at_ms);
    let bound = history.bound(newest.decision_id, made, "f1").await.expect("an answer");
    let expected = BoundRow { limit_w: 10_000, binding: "IMPORT_LIMIT".to_owned(), shared_by: 2 };
    assert_eq!(bound, Some(expected));
    let root = history.decision(newest.decision_id, None).await.expect("an answer");
    assert_eq!(root.expect("stored").feeder_id, "f1");
    let below = FeederId::new("f2").expect("an id");
    let child = history.decision(newest.decision_id, Some(&below)).await.expect("an answer");
    assert_eq!(child.expect("stored").binding, "ANCESTOR");
    let trees = history.decision_trees(&[(newest.decision_id, made)], 10).await.expect("an answer");
    let hung: Vec<_> = trees[&newest.decision_id]
        .iter()
        .map(|row| (row.feeder_id.as_str(), row.parent_id.as_deref()))
        .collect();
    assert_eq!(hung, [("f1", None), ("f2", Some("f1"))]);
    for (tree, devices) in [(vec![], vec!["ev-1", "ev-2"]), (vec!["f2".to_owned()], vec!["ev-2"])] {
        let asked = DevicesAsked { tree, after: String::new(), most: 10 };
        let decisions = [(newest.decision_id, made), (Uuid::from_u128(7), made)];
        let all = history.decision_devices(&decisions, &asked).await.expect("an answer");
        let found = &all[&newest.decision_id];
        let ids: Vec<&str> = found.rows.iter().map(|row| row.device_id.as_str()).collect();
        assert_eq!((ids, found.total), (devices.clone(), devices.len() as u64));
        assert_eq!(all[&Uuid::from_u128(7)], DecisionDevices::default());
    }

    let asked = CommandsAsked {
        device_id: Some(device()),
        tree: vec!["f1".to_owned()],
        from,
        to,
        before: None,
        most: 10,
    };
    let commands = history.commands(&asked).await.expect("an answer");
    assert_eq!(history.count_commands(&asked).await, Ok(3));
    assert_eq!(commands.len(), 3);
    let followed = history.followed(&commands).await.expect("an answer");
    for command in &commands {
        let decided = command.decided_ms;
        assert_eq!(
            followed.get(&command.setpoint_id),
            Some(&Followed {
                sent_ms: Some(decided + 10),
                acked_ms: Some(decided + 1_000),
                applied_ms: Some(decided + 2_000),
                ended: None,
                reason: None,
                observed_ms: Some(decided + 3_000),
            })
        );
    }
}

#[tokio::test]
async fn what_went_wrong_who_gave_and_who_changed_what_is_told() {
    let engine = Engine::start().await;
    let from = start();
    past(&engine, from).await;
    let history = engine.history();
    let to = from.plus_ms(HOUR_MS);
    let tree = vec!["f1".to_owned(), "f2".to_owned()];
    let asked = Asked { tree: tree.clone(), from, to, skip: 0, most: 10 };

    let alarms = history.alarms(&asked).await.expect("an answer");
    let alarm = (alarms.len(), alarms[0].from_ms, alarms[0].code.as_str());
    assert_eq!(alarm, (1, from.0, "CTL-001"));
    let violations = history.violations(&asked).await.expect("an answer");
    let of_root: Vec<_> = violations.iter().filter(|row| row.feeder_id == "f1").collect();
    assert_eq!((of_root.len(), of_root[0].worst_kw), (1, 5.0));
    assert!(of_root[0].kwh > 0.0, "{of_root:?}");

    let fair = history.fairness(&tree, from, to).await.expect("an answer");
    let names: Vec<&str> = fair.iter().map(|row| row.device_id.as_str()).collect();
    assert_eq!(names, ["ev-1", "ev-2"]);
    // 7 kW wanted and 4 kW of it not given, three times for 10 s.
    assert!((fair[0].wanted_kwh - 7.0 * 30.0 / 3_600.0).abs() < 1e-6, "{fair:?}");
    assert!((fair[0].curtailed_kwh - 4.0 * 30.0 / 3_600.0).abs() < 1e-6, "{fair:?}");

    let letters = history.dead_letters(from, to).await.expect("an answer");
    let letter = (letters.len(), letters[0].count, letters[0].detail.as_str());
    assert_eq!(letter, (1, 3, "cut off"));
    assert!(letters[0].sample.starts_with('{'), "{letters:?}");

    let asked = AuditAsked {
        actor: Some("ada".to_owned()),
        entity: Some("f1".to_owned()),
        from,
        to,
        before: None,
        most: 2,
    };
    let entries = history.audit(&asked).await.expect("an answer");
    assert_eq!(history.count_audit(&asked).await, Ok(3));
    let told: Vec<(Option<&str>, &str, Option<&str>)> = entries
        .iter()
        .map(|entry| (entry.before.as_deref(), entry.after.as_str(), entry.source.as_deref()))
        .collect();
    let limit = |watts: i64| format!("{{\"feeder_id\":\"f1\",\"import_limit_w\":{watts}}}");
    let (zero, one, two) = (limit(0), limit(1), limit(2));
    let source = Some("192.0.2.7");
    assert_eq!(
        told,
        [(Some(one.as_str()), two.as_str(), source), (Some(zero.as_str()), one.as_str(), source)]
    );
}
