//! Dead letters, once what was wrong has been put right: each that can be read now goes the way it would have gone, with
//! the time at which it first arrived. Doing so twice changes nothing: readers recognise a message by its id, device
//! and time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bridge_inbound::admission::{self, Fleet};
use bridge_inbound::{Known, Message, Place, read, times};
use schemas::Timestamp;
use schemas::codec::Record;
use schemas::ids::{DeviceId, FeederId};
use schemas::mqtt::{RejectReason, SocUnit, TelemetryMessage};
use schemas::records::ack::Ack;
use schemas::records::dead_letter::{DeadLetter, LetterSource, UNREADABLE};
use schemas::records::lifecycle::DeviceNotice;
use schemas::records::telemetry::Telemetry;
use schemas::topics::Topic;
use service_kit::log::{InTree, Outgoing, Producer, Start, existing_partitions, read_to_end};
use service_kit::task;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::config::Config;
use crate::registrar::{Directory, record};

/// Longest wait for the log to take a record, and to show a registration.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which dead letters.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// Of this reason; none = of any.
    pub reason: Option<String>,
    /// Laid down at or after this.
    pub from: Option<Timestamp>,
    /// Laid down before this.
    pub to: Option<Timestamp>,
}

impl Chosen {
    fn contains(&self, letter: &DeadLetter) -> bool {
        self.reason.as_ref().is_none_or(|reason| *reason == letter.reason)
            && self.from.is_none_or(|from| letter.at >= from)
            && self.to.is_none_or(|to| letter.at < to)
    }
}

/// What became of the letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// In the log now.
    pub sent: u64,
    /// Still wrong, by what is wrong.
    pub refused: BTreeMap<String, u64>,
}

impl Outcome {
    fn refuse(&mut self, why: &str) {
        *self.refused.entry(why.to_owned()).or_default() += 1;
    }
}

/// The letters that are chosen, the oldest first.
///
/// # Errors
/// When the log does not answer.
pub async fn letters(config: &Config, chosen: &Chosen) -> anyhow::Result<Vec<(i64, DeadLetter)>> {
    let mut found = Vec::new();
    read_to_end(&config.log, &[(Topic::DeadLetters, 0, Start::Beginning)], |record| {
        if let Ok(letter) = DeadLetter::decode(&record.value)
            && chosen.contains(&letter)
        {
            found.push((record.offset, letter));
        }
        anyhow::Ok(())
    })
    .await
    .context("reading the dead letters")?;
    Ok(found)
}

/// Sends the letters that are chosen on their way.
///
/// # Errors
/// When the log does not answer.
pub async fn redrive(config: &Config, chosen: &Chosen) -> anyhow::Result<Outcome> {
    let partitions = existing_partitions(&config.log).await?;
    let letters = letters(config, chosen).await?;
    let producer = Producer::new(&config.log).context("making the producer")?;
    let directory = Arc::new(Directory::default());
    let (caught_up, known) = oneshot::channel();
    let following = {
        let (directory, log) = (Arc::clone(&directory), config.log.clone());
        task::spawn("directory", async move {
            directory
                .follow(&log, || {
                    // Nobody waits any more when the command has ended.
                    caught_up.send(()).ok();
                })
                .await
        })
    };
    known.await.context("reading the registry")?;
    let office = Office { config, partitions, producer, directory };
    let mut outcome = Outcome::default();
    for (_, letter) in &letters {
        match office.deliver(letter).await? {
            None => outcome.sent += 1,
            Some(why) => outcome.refuse(&why),
        }
    }
    office.producer.flush().await;
    following.abort();
    Ok(outcome)
}

struct Office<'c> {
    config: &'c Config,
    partitions: i32,
    producer: Producer,
    directory: Arc<Directory>,
}

impl Office<'_> {
    /// Sends one letter; gives why not, where it is still wrong.
    async fn deliver(&self, letter: &DeadLetter) -> anyhow::Result<Option<String>> {
        if !letter.is_whole() {
            return Ok(Some("only its first bytes were kept".to_owned()));
        }
        match letter.source {
            LetterSource::Record { topic: Topic::Telemetry, .. } => {
                return self
                    .deliver_record(&letter.raw, |sample: &Telemetry| &sample.feeder_id)
                    .await;
            }
            LetterSource::Record { topic: Topic::Acks, .. } => {
                return self.deliver_record(&letter.raw, |ack: &Ack| &ack.feeder_id).await;
            }
            // Of other topics nothing comes from devices: the contract refuses them.
            LetterSource::Record { .. } | LetterSource::Mqtt(_) => {}
        }
        let Config { topics, payload_max, .. } = self.config;
        let soc_unit = |device_id: &DeviceId| {
            let percent = DeviceNotice::SpeaksPercent;
            if self.directory.read(|registry| registry.is_noted(device_id, percent)) {
                SocUnit::PerhapsPercent
            } else {
                SocUnit::Fraction
            }
        };
        let source = letter.source.to_string();
        let read = read(topics, *payload_max, source.as_bytes(), &letter.raw, soc_unit);
        let message = match read {
            Ok(message) => message,
            Err(refused) => return Ok(Some(refused.rejection.reason.as_str().to_owned())),
        };
        if let Err(rejection) = times::check(&message, letter.at) {
            return Ok(Some(rejection.reason.as_str().to_owned()));
        }
        let place = match self.place(&message, letter.at).await? {
            Ok(place) => place,
            Err(reason) => return Ok(Some(reason.as_str().to_owned())),
        };
        let outgoing = message.into_outgoing(place, letter.at, self.partitions);
        self.producer.append(&outgoing, PATIENCE).await.context("appending a record")?;
        Ok(None)
    }

    /// A record of the log that could not be read once.
    async fn deliver_record<R: Record<Lane = InTree>>(
        &self,
        raw: &[u8],
        feeder_of: impl Fn(&R) -> &FeederId,
    ) -> anyhow::Result<Option<String>> {
        let Ok(record) = R::decode(raw) else {
            return Ok(Some(UNREADABLE.to_owned()));
        };
        let root = self.directory.root_of(feeder_of(&record));
        let outgoing = Outgoing::of(&record, InTree { root, partitions: self.partitions });
        self.producer.append(&outgoing, PATIENCE).await.context("appending a record")?;
        Ok(None)
    }

    /// Where a message's device stands; a device that was never heard is made known first, as far as the policy lets it
    /// in. Gives why not, where the message is still wrong.
    async fn place(
        &self,
        message: &Message,
        at: Timestamp,
    ) -> anyhow::Result<Result<Place, RejectReason>> {
        let device_id = message.device_id();
        let Message::Sample(sample) = message else {
            let known = self.directory.known(device_id);
            return Ok(known.map(|known| known.place).ok_or(RejectReason::UnknownDevice));
        };
        let known = match self.directory.known(device_id) {
            Some(known) => known,
            None => match self.introduce(sample, at).await? {
                Ok(known) => known,
                Err(reason) => return Ok(Err(reason)),
            },
        };
        if known.device_type != sample.envelope.device_type {
            return Ok(Err(RejectReason::DeviceConflict));
        }
        Ok(Ok(known.place))
    }

    /// Makes a device known, and waits until the registry shows it.
    async fn introduce(
        &self,
        sample: &TelemetryMessage,
        at: Timestamp,
    ) -> anyhow::Result<Result<Known, RejectReason>> {
        let rules = &self.config.admission;
        let device_id = &sample.envelope.device_id;
        let mut changes = self.directory.changes();
        let feeder_id = admission::feeder_of(rules, sample);
        let fleet = self.directory.read(|registry| Fleet::at(registry, &feeder_id));
        let change = match admission::admit(rules, fleet, sample) {
            Ok(change) => change,
            Err(barrier) => return Ok(Err(barrier.rejection(rules, sample).reason)),
        };
        let record = record(change, at);
        self.producer.append(&record, PATIENCE).await.context("registering a device")?;
        let shown = async {
            loop {
                if let Some(known) = self.directory.known(device_id) {
                    return known;
                }
                changes.changed().await.expect("the directory outlives its readers");
            }
        };
        Ok(Ok(timeout(PATIENCE, shown).await.context("waiting for a registration")?))
    }
}
