//! Series of the past over ClickHouse's own engine: every resolution against rows that the test wrote, and gaps that stay
//! gaps.

mod world;

use std::pin::pin;

use derms_api::store::history::export::{ExportAsked, ExportFormat};
use derms_api::store::history::{
    FeederPoint, History, HistoryError, PlanError, Range, Resolution, TelemetryPoint,
};
use futures::{StreamExt, TryStreamExt};
use schemas::{DeviceId, Timestamp};
use testbench::certificates::Certificates;
use world::engine::{Engine, HOUR_MS, device, feeder, history, start};
use world::front::TlsFront;

fn range(from: Timestamp, length_ms: i64, resolution: Resolution, max_points: i32) -> Range {
    Range { from, to: from.plus_ms(length_ms), resolution, max_points }
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
        reserved_kw: Some(load_kw / 10.0),
    }
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
        [load(minutes(0), 35.0)]
    );

    let by_hour = range(from, HOUR_MS, Resolution::Hour, 10);
    assert_eq!(
        device_series(&history, &by_hour, now).await.expect("hours"),
        [point(from, 3.0, Some((1.0, 6.0)), Some(7.0), 0.52)]
    );
    assert_eq!(feeder_series(&history, &by_hour, now).await.expect("hours"), [load(from, 35.0)]);
}

#[tokio::test]
async fn minutes_from_before_the_reserve_was_kept_have_none() {
    let engine = Engine::start().await;
    let from = start();
    let now = from.plus_ms(2 * HOUR_MS);
    engine.decisions("ev-1", from, 12).await;
    let kept = "load_avg, limit_min, headroom_avg, curtailed_avg, allocated_avg";
    let older = format!(
        "INSERT INTO feeder_1m (feeder_id, minute, {kept})
         SELECT feeder_id, minute - INTERVAL 1 MINUTE, {kept} FROM feeder_1m ORDER BY minute LIMIT 1"
    );
    engine.run("derms", &older).await;
    let history = engine.history();
    let before = from.plus_ms(-60_000);
    let by_minute = range(before, 180_000, Resolution::Minute, 10);
    let points = feeder_series(&history, &by_minute, now).await.expect("minutes");
    let reserves: Vec<Option<f64>> = points.iter().map(|point| point.reserved_kw).collect();
    assert_eq!(reserves, [None, Some(3.5), Some(9.5)]);
    // A bucket of both has the mean of the minutes that have it.
    let by_hour = range(before, HOUR_MS, Resolution::Hour, 10);
    let points = feeder_series(&history, &by_hour, now).await.expect("hours");
    assert_eq!(points.last().and_then(|point| point.reserved_kw), Some(6.5));
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
        let mut bytes = pin!(export.bytes());
        let mut file = Vec::new();
        while let Some(chunk) = bytes.try_next().await.expect("it is whole") {
            file.extend_from_slice(&chunk);
        }
        assert!(bytes.next().await.is_none(), "who compresses it asks once more");
        (rows, file)
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
        [load(minutes(-30), 35.0)]
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
