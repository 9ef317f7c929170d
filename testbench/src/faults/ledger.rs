//! What the log says was decided: which setpoints count, which are void, who held what since when.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Context;
use schemas::codec::Record;
use schemas::ledger::{Ledger, Verdict};
use schemas::records::ack::Ack;
use schemas::records::decision::{Decision, Emit, LedgerRecord};
use schemas::records::telemetry::Telemetry;
use schemas::topics::Topic;
use service_kit::log::{LogConfig, LogRecord, Start, read_to_end};
use service_kit::settings::{Service, Settings};
use uuid::Uuid;

/// A setpoint of a decision that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// For which device.
    pub device: String,
    /// Fence.
    pub fence: (i64, i64),
    /// When it was decided, ms.
    pub at: i64,
    /// The end of its lease, ms.
    pub until: i64,
}

/// All decisions of a run.
#[derive(Debug, Default)]
pub struct Decisions {
    /// Setpoints that were to be sent, by id.
    pub setpoints: HashMap<Uuid, Decided>,
    /// Setpoints of void records, by id.
    pub void: HashSet<Uuid>,
    /// Records that are void.
    pub void_records: usize,
    /// When each tree was decided on, ms, in the log's order.
    pub times: BTreeMap<String, Vec<i64>>,
    /// Claims that stand: partition and time, ms.
    pub claims: Vec<(i32, i64)>,
}

/// The log as the services were told to reach it.
///
/// # Errors
/// When the settings cannot be used.
pub fn log_config(environment: &[(String, String)]) -> anyhow::Result<LogConfig> {
    // With its login: the embedded log lets nobody in without one.
    let known = ["DERMS_TREE_PARTITIONS", "DERMS_TOPIC_PREFIX"];
    let pairs: Vec<(&str, &str)> = environment
        .iter()
        .filter(|(name, _)| known.contains(&name.as_str()) || name.starts_with("DERMS_KAFKA_"))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let settings = Settings::from_pairs(Service::Bridge, &pairs).context("settings of the log")?;
    Ok(LogConfig::from_settings(&settings))
}

fn all_of(config: &LogConfig, topic: Topic) -> Vec<(Topic, i32, Start)> {
    let partitions = topic.partitions(config.tree_partitions);
    (0..partitions).map(|partition| (topic, partition, Start::Beginning)).collect()
}

/// Reads every decision there is.
///
/// # Errors
/// When the log does not answer.
pub async fn decisions(config: &LogConfig) -> anyhow::Result<Decisions> {
    let mut all = Decisions::default();
    let mut ledgers: BTreeMap<i32, Ledger> = BTreeMap::new();
    read_to_end(config, &all_of(config, Topic::Decisions), |record| {
        let decoded = LedgerRecord::decode(&record.value).context("a record of decisions")?;
        let ledger = ledgers.entry(record.partition).or_default();
        all.read(ledger, record.partition, decoded);
        anyhow::Ok(())
    })
    .await?;
    Ok(all)
}

impl Decisions {
    fn read(&mut self, ledger: &mut Ledger, partition: i32, record: LedgerRecord) {
        let would_send = match &record {
            LedgerRecord::Claim(claim) => {
                let at = claim.at.0;
                if matches!(ledger.read(record), Verdict::Claimed(_)) {
                    self.claims.push((partition, at));
                }
                return;
            }
            LedgerRecord::DecisionPart(part) => part
                .devices
                .iter()
                .filter(|device| device.emit != Emit::None)
                .map(|device| part.no().setpoint_id(&part.root, &device.device_id))
                .collect::<Vec<_>>(),
        };
        match ledger.read(record) {
            Verdict::Decided(decision) => self.counts(&decision),
            Verdict::Void(_) => {
                self.void_records += 1;
                self.void.extend(would_send);
            }
            Verdict::Claimed(_) | Verdict::Partial => {}
        }
    }

    fn counts(&mut self, decision: &Decision) {
        let at = decision.header.at;
        self.times.entry(decision.root.to_string()).or_default().push(at.0);
        for device in decision.devices.iter().filter(|device| device.emit != Emit::None) {
            if device.setpoint_w.is_none() {
                continue;
            }
            let decided = Decided {
                device: device.device_id.to_string(),
                fence: (decision.no.epoch, decision.no.seq),
                at: at.0,
                until: at.plus_ms(device.ttl_ms).0,
            };
            self.setpoints.insert(decision.setpoint_id(&device.device_id), decided);
        }
    }

    /// The first time at or after `from` by which every tree was decided on again; none when one was not.
    #[must_use]
    pub fn all_decided_after(&self, from: i64) -> Option<i64> {
        let first = |times: &Vec<i64>| times.iter().copied().find(|at| *at >= from);
        self.times.values().map(first).collect::<Option<Vec<i64>>>()?.into_iter().max()
    }
}

/// Which of these messages the log has, telemetry and acks alike.
///
/// # Errors
/// When the log does not answer.
pub async fn known(config: &LogConfig, wanted: &HashSet<Uuid>) -> anyhow::Result<HashSet<Uuid>> {
    let mut found = HashSet::new();
    let places = [all_of(config, Topic::Telemetry), all_of(config, Topic::Acks)].concat();
    read_to_end(config, &places, |record| {
        found.extend(id_of(&record).filter(|id| wanted.contains(id)));
        anyhow::Ok(())
    })
    .await?;
    Ok(found)
}

fn id_of(record: &LogRecord) -> Option<Uuid> {
    match record.topic {
        Topic::Telemetry => Telemetry::decode(&record.value).ok().map(|sample| sample.message_id),
        _ => Ack::decode(&record.value).ok().map(|ack| ack.message_id),
    }
}
