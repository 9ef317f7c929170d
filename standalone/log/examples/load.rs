//! Fills a log with many records while its upkeep runs, and says how long appends took, how large it became, and how
//! long the next start takes. `cargo run --release -p derms-log --example load -- FOLDER MILLIONS`.

#![expect(clippy::print_stdout, reason = "the figures are its purpose")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use derms_log::store::batch::{self, Header};
use derms_log::store::record::Builder;
use derms_log::store::{Disk, Limits, Partition, Store, Upkeep};

/// Records of a batch: what a bridge gathers in some milliseconds at some thousand samples a second.
const BATCH: usize = 50;
const PARTITIONS: i32 = 12;
/// Retention is so short that it works all the time, as it does after a week.
const RETENTION_MS: &str = "120000";
const KEYS: u64 = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("which folder?")?);
    let millions: u64 = arguments.next().ok_or("how many million records?")?.parse()?;
    let store = Arc::new(open(&folder)?);
    topics(&store)?;
    let upkeep = Upkeep::start(Arc::clone(&store))?;
    let lasting = partitions(&store, "kept");
    let passing = partitions(&store, "passing");
    let states = partitions(&store, "states");
    let (began, mut times, mut written) = (Instant::now(), Vec::new(), 0_u64);
    let mut template = Template::new()?;
    while written < millions * 1_000_000 {
        let turn = usize::try_from(written / BATCH as u64)?;
        let all = match turn % 10 {
            0 => &states,
            1..=3 => &passing,
            _ => &lasting,
        };
        let partition = &all[turn / 10 % all.len()];
        let (mut bytes, header) = template.next(turn as u64)?;
        let before = Instant::now();
        partition.append(&mut bytes, &header)?;
        times.push(u32::try_from(before.elapsed().as_micros()).unwrap_or(u32::MAX));
        written += BATCH as u64;
        if written.is_multiple_of(10_000_000) {
            report(written, began.elapsed(), &mut times, &store);
        }
    }
    drop(upkeep);
    drop((lasting, passing, states));
    drop(store);
    let before = Instant::now();
    let store = open(&folder)?;
    println!("start after an orderly end: {:?}, {} bytes", before.elapsed(), store.bytes());
    println!("{}", memory());
    Ok(())
}

fn open(folder: &Path) -> Result<Store, Box<dyn std::error::Error>> {
    let limits = Limits { bytes_max: 20 << 30, ..Limits::default() };
    Ok(Store::open(folder, limits, Disk::default(), false)?)
}

fn topics(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    let topic = |name: &str, key: &str, value: &str| {
        let configs = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        store.create_topic(name, PARTITIONS, configs, false).map(|_| ())
    };
    topic("kept", "retention.ms", "604800000")?;
    topic("passing", "retention.ms", RETENTION_MS)?;
    Ok(topic("states", "cleanup.policy", "compact")?)
}

fn partitions(store: &Store, topic: &str) -> Vec<Arc<Partition>> {
    (0..PARTITIONS).filter_map(|index| store.partition(topic, index)).collect()
}

/// Batches that differ in their keys and bytes, without the cost of making each.
struct Template(Vec<Vec<u8>>);

impl Template {
    fn new() -> Result<Self, batch::BadBatch> {
        let mut random = 1_u64;
        let mut next = move || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            random >> 33
        };
        let made = (0..500).map(|_| {
            let mut builder = Builder::new(0, 0);
            for offset in 0..BATCH as i64 {
                let key = format!("device-{}", next() % KEYS);
                // About what a sample takes: numbers that do not repeat, and text that does.
                let mut value = b"telemetry feeder-1 ev".to_vec();
                value.extend((0..12).flat_map(|_| next().to_be_bytes()[4..].to_vec()));
                builder.push(offset, 0, Some(key.as_bytes()), Some(&value), &[]);
            }
            builder.build(true)
        });
        Ok(Self(made.collect::<Result<_, _>>()?))
    }

    fn next(&mut self, turn: u64) -> Result<(Vec<u8>, Header), Box<dyn std::error::Error>> {
        let of = self.0.len();
        let mut bytes = self.0[usize::try_from(turn)? % of].clone();
        let mut header = Header::parse(&bytes)?;
        let now = derms_log::store::now_ms();
        (header.base_timestamp, header.max_timestamp) = (now, now);
        header.seal(&mut bytes);
        Ok((bytes.clone(), batch::check_produced(&bytes)?))
    }
}

fn report(written: u64, elapsed: Duration, times: &mut Vec<u32>, store: &Store) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!(
        "{} million records, {:.0} s, appends: median {} us, p99 {} us, p99.9 {} us, worst {} us; {:.2} GB; {}",
        written / 1_000_000,
        elapsed.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        store.bytes() as f64 / 1e9,
        memory()
    );
    times.clear();
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| {
        status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned()
    };
    format!("{} {}", line("VmRSS"), line("VmHWM"))
}
