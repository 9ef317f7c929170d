//! What a full log does to `derms up`: writes many millions of records into its embedded log, with retention and
//! compaction at work all the time, beside a simulated fleet that is controlled as always. Says how long one record
//! takes to be appended meanwhile, how long control went without a decision, memory, disk, and how long the next start
//! takes. `cargo run --release -p testbench --example full_log -- MILLIONS`, with the programs built in the same profile.

#![expect(clippy::print_stdout, reason = "the figures are its purpose")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseRecord, DefaultProducerContext, FutureProducer, FutureRecord, Producer as _,
    ThreadedProducer,
};
use testbench::fuzz::watch::Watch;
use testbench::place::Place;
use testbench::service::resident_kib;
use testbench::wait;
use tokio::runtime::Runtime;

/// As in `derms up --demo`.
const SETTINGS: [(&str, &str); 3] = [
    ("CONTROL_INTERVAL_SECONDS", "5"),
    ("DERMS_SIM_DEVICES", "200"),
    ("DERMS_SIM_INTERVAL_MS", "5000"),
];
const PARTITIONS: i32 = 12;
const KEYS: u64 = 10_000;
const KEPT: &str = "load.kept";
const PASSING: &str = "load.passing";
const STATES: &str = "load.states";
const PROBED: &str = "load.probed";
/// Retention is so short that it works all the time, as it does after a week.
const PASSING_MS: &str = "120000";
/// One record by itself, so often.
const PROBE_EVERY: Duration = Duration::from_millis(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Quiet before and after the load.
const ALONE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(120);

fn main() -> anyhow::Result<()> {
    let millions: u64 = std::env::args().nth(1).context("how many million records?")?.parse()?;
    let folder = tempfile::tempdir().context("a folder")?;
    let mut place = Place::embedded_with(folder, &SETTINGS)?;
    place.login("ada").with_context(|| place.logs())?;
    let mut fleet = place.user("derms-sim", &[], &[])?;
    decided(&place)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let client = client(&place);
    runtime.block_on(make_topics(&client))?;

    let meet = Meeting { runtime, client: client.clone() };
    meet.watch(&place, "alone", &alarm(ALONE))?;
    let loading = Arc::new(AtomicBool::new(true));
    let writer = {
        let (loading, client) = (Arc::clone(&loading), client);
        std::thread::spawn(move || {
            let written = write(&client, millions * 1_000_000);
            loading.store(false, Ordering::SeqCst);
            written
        })
    };
    meet.watch(&place, "while records are written", &loading)?;
    let took = writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    println!("{millions} million records in {:.0} s", took.as_secs_f64());
    meet.watch(&place, "with all of them there", &alarm(ALONE))?;
    println!("disk: {:.2} GB", bytes(&place.data().join("log"))? as f64 / 1e9);

    let before = Instant::now();
    place.stop()?;
    println!("the end took {:.1} s", before.elapsed().as_secs_f64());
    let before = Instant::now();
    place.start()?;
    place.login("ada").with_context(|| place.logs())?;
    println!("the next start took {:.1} s", before.elapsed().as_secs_f64());
    decided(&place)?;
    println!("a decision came {:.1} s after it was begun", before.elapsed().as_secs_f64());
    meet.watch(&place, "after the start", &alarm(ALONE))?;
    fleet.kill()?;
    place.stop()
}

/// Waits until a further decision is stored.
fn decided(place: &Place) -> anyhow::Result<()> {
    let count = || place.sql("SELECT count() FROM derms.decisions").parse::<u64>().ok();
    let before = wait::until("decisions are stored", SOON, count)?;
    wait::until("decisions go on", SOON, || count().filter(|now| *now > before)).map(drop)
}

/// True for a while.
fn alarm(after: Duration) -> Arc<AtomicBool> {
    let lasting = Arc::new(AtomicBool::new(true));
    let over = Arc::clone(&lasting);
    std::thread::spawn(move || {
        std::thread::sleep(after);
        over.store(false, Ordering::SeqCst);
    });
    lasting
}

fn client(place: &Place) -> ClientConfig {
    let setting = |name: &str| {
        let found = place.environment().iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", setting("DERMS_KAFKA_BROKERS"))
        .set("security.protocol", setting("DERMS_KAFKA_SECURITY_PROTOCOL"))
        .set("sasl.mechanism", setting("DERMS_KAFKA_SASL_MECHANISM"))
        .set("sasl.username", setting("DERMS_KAFKA_SASL_USERNAME"))
        .set("sasl.password", setting("DERMS_KAFKA_SASL_PASSWORD"));
    client
}

async fn make_topics(client: &ClientConfig) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = client.create()?;
    let topic = |name, key, value| {
        NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)).set(key, value)
    };
    let topics = [
        topic(KEPT, "retention.ms", "604800000"),
        topic(PASSING, "retention.ms", PASSING_MS),
        topic(STATES, "cleanup.policy", "compact"),
        topic(PROBED, "retention.ms", "604800000"),
    ];
    for made in admin.create_topics(&topics, &AdminOptions::new()).await? {
        made.map_err(|(name, code)| anyhow::anyhow!("{name}: {code}"))?;
    }
    Ok(())
}

/// Writes so many records as fast as the log takes them; says how long that took.
fn write(client: &ClientConfig, records: u64) -> anyhow::Result<Duration> {
    let producer: ThreadedProducer<DefaultProducerContext> = client
        .clone()
        .set("linger.ms", "5")
        .set("batch.num.messages", "2000")
        .set("queue.buffering.max.messages", "500000")
        .set("compression.type", "lz4")
        .create()?;
    let (began, mut random) = (Instant::now(), 1_u64);
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        random >> 33
    };
    for number in 0..records {
        let topic = match number / 1_000 % 10 {
            0 => STATES,
            1..=3 => PASSING,
            _ => KEPT,
        };
        let key = format!("device-{}", next() % KEYS);
        // About what a sample takes: numbers that do not repeat, and text that does.
        let mut value = b"telemetry feeder-1 ev".to_vec();
        value.extend((0..12).flat_map(|_| next().to_be_bytes()[4..].to_vec()));
        let mut record = BaseRecord::to(topic).key(&key).payload(&value);
        while let Err((error, back)) = producer.send(record) {
            let full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            anyhow::ensure!(full, "writing: {error}");
            std::thread::sleep(Duration::from_millis(5));
            record = back;
        }
    }
    producer.flush(SOON)?;
    Ok(began.elapsed())
}

/// How a place is met while something goes on.
struct Meeting {
    runtime: Runtime,
    client: ClientConfig,
}

impl Meeting {
    /// Appends one record after the other and watches control, as long as `during` holds; then says how it went.
    fn watch(&self, place: &Place, what: &str, during: &AtomicBool) -> anyhow::Result<()> {
        let producer: FutureProducer = self.client.clone().set("linger.ms", "0").create()?;
        let metrics = place.api_url().trim_start_matches("http://").parse()?;
        let mut control = Watch::new(Some(metrics), place.pid());
        let (mut times, mut looked) = (Vec::new(), Instant::now());
        self.runtime.block_on(async {
            while during.load(Ordering::SeqCst) {
                let before = Instant::now();
                let record = FutureRecord::to(PROBED).key("probe").payload("one record by itself");
                producer.send(record, SOON).await.map_err(|(error, _)| error)?;
                times.push(before.elapsed());
                if looked.elapsed() > LOOK_EVERY {
                    control.look().await;
                    looked = Instant::now();
                }
                tokio::time::sleep(PROBE_EVERY).await;
            }
            Ok::<_, KafkaError>(())
        })?;
        times.sort_unstable();
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        let of = |part| place.child(part).and_then(resident_kib).unwrap_or(0) / 1_024;
        println!(
            "{what}: {} appends, median {:.1?}, p99 {:.1?}, p99.9 {:.1?}, worst {:.1?}; longest without a decision {:.1?}; \
         memory {} MiB in all, {} MiB of the log",
            times.len(),
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
            control.longest_stall,
            control.memory_most_kib / 1_024,
            of("log"),
        );
        Ok(())
    }
}

/// Bytes of the files in a folder and below.
fn bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        sum += if kind.is_dir() { bytes(&entry.path())? } else { kind.len() };
    }
    Ok(sum)
}
