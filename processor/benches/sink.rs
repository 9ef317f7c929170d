//! What a sample costs on its way from the log into ClickHouse: a real Kafka is filled with samples, then the sink catches up
//! alone. Says rows per second, and the CPU of this process and of the engine for each row.
//!
//! `SINK_BENCH_SAMPLES` says how many. Needs Kafka's jars (scripts/fetch-kafka) and a built `derms`.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::time::{Duration, Instant};

use anyhow::Context;
use derms_processor::{Config, sink};
use schemas::codec::Record;
use schemas::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use schemas::samples::raw;
use schemas::topics::Topic;
use schemas::{DeviceId, FeederId, Soc, Timestamp, WattHours, Watts};
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{Producer, QueueFull, ensure_topics, identity};
use service_kit::settings::{Service as Settled, Settings};
use testbench::curl::curl;
use testbench::kafka::Kafka;
use testbench::port::free_port;
use testbench::service::Service;
use testbench::wait;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const SAMPLES: i64 = 2_000_000;
const DEVICES: i64 = 1_000;
const STEP_MS: i64 = 5_000;
/// Ticks of a second in /proc.
const TICKS: f64 = 100.0;
const LONG: Duration = Duration::from_secs(600);

#[expect(clippy::print_stdout, reason = "the words of a command line tool")]
fn main() -> anyhow::Result<()> {
    // As `cargo test --benches` calls it: nothing to do.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    #[expect(clippy::disallowed_methods, reason = "a setting of this program alone")]
    let samples = std::env::var("SINK_BENCH_SAMPLES").ok().and_then(|text| text.parse().ok());
    let samples = samples.unwrap_or(SAMPLES);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = runtime.block_on(measure(samples))?;
    println!("{figures}");
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

async fn measure(samples: i64) -> anyhow::Result<String> {
    let kafka = Kafka::start()?;
    let folder = tempfile::tempdir()?;
    let (port, data) = (free_port()?.to_string(), folder.path().join("data"));
    let data = data.display().to_string();
    let arguments = ["clickhouse", "--data", &data, "--port", &port];
    let engine = Service::start("derms", &arguments, &[], folder.path())?;
    let url = format!("http://127.0.0.1:{port}");
    let ping = format!("{url}/ping");
    wait::until("the engine answers", LONG, || (curl(&[&ping]).0 == 200).then_some(()))?;
    let set = [
        format!("DERMS_KAFKA_BROKERS={}", kafka.address()),
        format!("DERMS_CLICKHOUSE_URL={url}"),
        "DERMS_PARTITIONS=all".to_owned(),
    ];
    let settings = Settings::load(Settled::Processor, None, &set)
        .map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let config = Config::from_settings(&settings)?;
    let partitions = ensure_topics(&config.log).await?;
    let producer = Producer::new(&config.log)?;
    identity::adopt(&producer).await?;
    let lineage = identity::read(&config.log).await?.context("the log has an identity")?;
    let filled = Instant::now();
    fill(&producer, samples, partitions).await;
    let filled = filled.elapsed().as_secs_f64();

    let (own, engines) = (ticks("self")?, ticks(&engine.pid().context("it runs")?.to_string())?);
    let began = Instant::now();
    let stop = CancellationToken::new();
    let sink = service_kit::task::spawn(
        "sink",
        sink::run(config, producer, partitions, lineage, stop.clone()),
    );
    let count = format!("{url}/?database=derms&query=SELECT%20count()%20FROM%20telemetry");
    let stored = tokio::task::spawn_blocking(move || {
        wait::until("all samples are stored", LONG, || {
            (curl(&[&count]).1.trim() == samples.to_string()).then_some(())
        })
    });
    stored.await??;
    let seconds = began.elapsed().as_secs_f64();
    let own = ticks("self")? - own;
    let engines = ticks(&engine.pid().context("it runs")?.to_string())? - engines;
    stop.cancel();
    sink.await??;
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let rows = samples as f64;
    let each = |ticks: f64| ticks / TICKS / rows * 1e6;
    Ok(format!(
        "{samples} samples, filled in {filled:.1} s, stored in {seconds:.1} s: {:.0} rows/s\n\
         CPU of each row: sink {:.1} us, engine {:.1} us",
        rows / seconds,
        each(own),
        each(engines)
    ))
}

/// Samples of a thousand devices that follow each other, over all partitions.
async fn fill(producer: &Producer, samples: i64, partitions: i32) {
    let begin = SystemClock.now().plus_ms(-STEP_MS * (samples / DEVICES)).0;
    for number in 0..samples {
        let device = number % DEVICES;
        let at = Timestamp(begin + STEP_MS * (number / DEVICES) + device);
        let sample = sample(number, device, at);
        let partition = i32::try_from(device % i64::from(partitions)).unwrap_or(0);
        let outgoing = raw(Topic::Telemetry, partition, sample.device_id.as_str(), sample.encode());
        let mut on_delivery: service_kit::log::OnDelivery = Box::new(|_| {});
        while let Err(QueueFull(back)) = producer.send(&outgoing, on_delivery) {
            on_delivery = back;
            tokio::task::yield_now().await;
        }
    }
    while producer.in_flight() > 0 {
        producer.flush().await;
    }
}

fn sample(number: i64, device: i64, at: Timestamp) -> Telemetry {
    let watts = |watts| Some(Watts(watts));
    Telemetry {
        message_id: Uuid::new_v4(),
        device_id: DeviceId::new(&format!("ev-{device:04}")).expect("an id"),
        device_type: DeviceType::Ev,
        origin: DeviceOrigin::Simulated,
        feeder_id: FeederId::new(&format!("feeder-{}", device / 50)).expect("an id"),
        site_id: Some(format!("house-{}", device / 4)),
        ts: at,
        sent_at: Some(at),
        arrival: at.plus_ms(30 + number * 7 % 60),
        power_w: Watts(7_000 + number * 31 % 50),
        soc: Some(Soc(5_000)),
        energy_wh: Some(WattHours(number)),
        voltage_mv: Some(230_000 + number * 97 % 900),
        current_ma: Some(30_000 + number * 13 % 400),
        online: true,
        fault_code: None,
        capabilities: Capabilities {
            max_charge_w: watts(11_000),
            max_discharge_w: watts(0),
            max_export_w: watts(0),
            max_import_w: watts(11_000),
            min_power_w: watts(1_400),
            ramp_w_per_s: watts(1_500),
            energy_wh: Some(WattHours(60_000)),
            fallback_w: watts(0),
        },
        preferences: Preferences {
            priority: Some(1),
            target_soc: Some(Soc(8_000)),
            departure: None,
        },
        source: "simulator".to_owned(),
        correlation_id: None,
        layout: TopicLayout::Flat,
        unknown_fields: 0,
    }
}

/// CPU that a process has used, in ticks.
fn ticks(pid: &str) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(')').context("a name in brackets")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
    Ok(number(11).context("user time")? + number(12).context("system time")?)
}
