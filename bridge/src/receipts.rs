//! Receipts to devices that ask for them: the log has your messages (docs/contract.md).
//!
//! Intake hands a receipt over and never waits. Those of one device are gathered for a moment, so that a backlog costs a
//! few messages. Everything is bounded, and what finds no room or is not published is dropped and counted: its device
//! sends the message again after a while, readers of the log recognise it, and there is a receipt once more.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bridge_inbound::Receipt;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use schemas::ids::DeviceId;
use schemas::mqtt::{ReceiptMessage, RejectReason, Topics};
use service_kit::clock::Clock;
use service_kit::mqtt::connection::Publication;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::caps;
use crate::metrics::{self, ReceiptResult};
use crate::publisher::{PublishError, Publisher};

/// Takes receipts. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    receipts: mpsc::Sender<Receipt>,
}

impl Desk {
    /// Hands a receipt over; where there is no room it is dropped and counted.
    pub(crate) fn hand_in(&self, receipt: Receipt) {
        if self.receipts.try_send(receipt).is_err() {
            metrics::receipts(ReceiptResult::Dropped, 1);
        }
    }
}

/// A message, and why it was refused, where it was.
type Entry = (Uuid, Option<RejectReason>);

/// Receipts of each device that wait to go out together.
#[derive(Debug, Default)]
struct Gathered {
    waiting: BTreeMap<DeviceId, Vec<Entry>>,
    /// Devices in `waiting`, each once, by the time at which its receipts go out.
    due: VecDeque<(Instant, DeviceId)>,
    number: usize,
}

impl Gathered {
    fn add(&mut self, receipt: Receipt, now: Instant) {
        let Receipt { device_id, message_id, refused } = receipt;
        if !self.waiting.contains_key(&device_id) {
            self.due.push_back((now + caps::RECEIPT_GATHERING, device_id.clone()));
        }
        self.waiting.entry(device_id).or_default().push((message_id, refused));
        self.number += 1;
    }

    fn next_due(&self) -> Option<Instant> {
        self.due.front().map(|(at, _)| *at)
    }

    /// The receipts of the next device, once it is due.
    fn take(&mut self, now: Instant) -> Option<(DeviceId, Vec<Entry>)> {
        let (_, device_id) = self.due.pop_front_if(|(at, _)| *at <= now)?;
        let mut all = self.waiting.remove(&device_id)?;
        if all.len() > caps::RECEIPTS_PER_MESSAGE_MAX {
            let rest = all.split_off(caps::RECEIPTS_PER_MESSAGE_MAX);
            self.waiting.insert(device_id.clone(), rest);
            self.due.push_front((now, device_id.clone()));
        }
        self.number -= all.len();
        Some((device_id, all))
    }
}

/// The task behind [`Desk`].
pub(crate) struct Office {
    topics: Topics,
    clock: Arc<dyn Clock>,
    publisher: Publisher,
    patience: Duration,
    receipts: mpsc::Receiver<Receipt>,
    gathered: Gathered,
    flying: FuturesUnordered<BoxFuture<'static, (usize, Result<(), PublishError>)>>,
}

/// A desk and its task, which has to run for it to work. Each publishing is bounded by `patience`.
pub(crate) fn office(
    topics: Topics,
    clock: Arc<dyn Clock>,
    publisher: Publisher,
    patience: Duration,
) -> (Desk, Office) {
    let (sender, receipts) = mpsc::channel(caps::RECEIPTS_HANDED_IN_MAX);
    let office = Office {
        topics,
        clock,
        publisher,
        patience,
        receipts,
        gathered: Gathered::default(),
        flying: FuturesUnordered::new(),
    };
    (Desk { receipts: sender }, office)
}

impl Office {
    /// Runs until `shutdown`. What has not gone out by then is asked for again by its device.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        loop {
            let room = self.gathered.number < caps::RECEIPTS_WAITING_MAX;
            let may_fly = self.flying.len() < caps::RECEIPTS_IN_FLIGHT_MAX;
            let due = self.gathered.next_due().filter(|_| may_fly);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                Some((number, outcome)) = self.flying.next(), if !self.flying.is_empty() => {
                    let result = match outcome {
                        Ok(()) => ReceiptResult::Published,
                        Err(_) => ReceiptResult::Failed,
                    };
                    metrics::receipts(result, number);
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some((device_id, all)) = self.gathered.take(Instant::now()) {
                        self.publish(device_id, all);
                    }
                }
                Some(receipt) = self.receipts.recv(), if room => {
                    self.gathered.add(receipt, Instant::now());
                }
            }
        }
    }

    fn publish(&self, device_id: DeviceId, all: Vec<Entry>) {
        let number = all.len();
        let message = message(&self.topics, self.clock.as_ref(), device_id, all);
        let (publisher, patience) = (self.publisher.clone(), self.patience);
        self.flying
            .push(async move { (number, publisher.publish(message, patience).await) }.boxed());
    }
}

fn message(
    topics: &Topics,
    clock: &dyn Clock,
    device_id: DeviceId,
    all: Vec<Entry>,
) -> Publication {
    let topic = topics.receipts(&device_id);
    let mut receipt = ReceiptMessage {
        message_id: Uuid::now_v7(),
        device_id,
        timestamp: clock.now(),
        stored: Vec::new(),
        refused: Vec::new(),
    };
    for (message_id, refused) in all {
        match refused {
            None => receipt.stored.push(message_id),
            Some(reason) => receipt.refused.push((message_id, reason.as_str().to_owned())),
        }
    }
    Publication { topic, payload: receipt.encode().into(), retain: false, expiry_s: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::mqtt::decode_receipt;
    use service_kit::clock::SystemClock;

    fn device(name: &str) -> DeviceId {
        DeviceId::new(name).expect("valid")
    }

    fn receipt(name: &str, number: u128) -> Receipt {
        Receipt { device_id: device(name), message_id: Uuid::from_u128(number), refused: None }
    }

    fn taken(gathered: &mut Gathered, now: Instant) -> Option<(String, usize)> {
        gathered.take(now).map(|(device_id, all)| (device_id.to_string(), all.len()))
    }

    #[test]
    fn receipts_of_a_device_are_gathered_for_a_moment() {
        let (mut gathered, start) = (Gathered::default(), Instant::now());
        gathered.add(receipt("a", 1), start);
        gathered.add(receipt("b", 2), start + caps::RECEIPT_GATHERING / 2);
        gathered.add(receipt("a", 3), start + caps::RECEIPT_GATHERING / 2);
        assert_eq!(taken(&mut gathered, start), None);
        let due = start + caps::RECEIPT_GATHERING;
        assert_eq!(gathered.next_due(), Some(due));
        assert_eq!(taken(&mut gathered, due), Some(("a".to_owned(), 2)));
        assert_eq!(taken(&mut gathered, due), None);
        assert_eq!(gathered.number, 1);
        let later = due + caps::RECEIPT_GATHERING;
        assert_eq!(taken(&mut gathered, later), Some(("b".to_owned(), 1)));
        assert_eq!((gathered.number, gathered.next_due()), (0, None));
    }

    #[test]
    fn a_backlog_goes_out_in_messages_of_bounded_size() {
        let (mut gathered, start) = (Gathered::default(), Instant::now());
        let most = caps::RECEIPTS_PER_MESSAGE_MAX;
        for number in 0..=most {
            gathered.add(receipt("a", number as u128), start);
        }
        let due = start + caps::RECEIPT_GATHERING;
        assert_eq!(taken(&mut gathered, due), Some(("a".to_owned(), most)));
        assert_eq!(taken(&mut gathered, due), Some(("a".to_owned(), 1)));
        assert_eq!(gathered.number, 0);
    }

    #[test]
    fn a_message_names_what_is_stored_and_what_was_refused_and_is_not_retained() {
        let all = vec![
            (Uuid::from_u128(1), None),
            (Uuid::from_u128(2), Some(RejectReason::ContractViolation)),
        ];
        let message = message(&Topics::default(), &SystemClock, device("ev-1"), all);
        assert_eq!((message.topic.as_str(), message.retain), ("der/receipts/ev-1", false));
        let read = decode_receipt(&device("ev-1"), &message.payload, 10_000).expect("a receipt");
        assert_eq!(read.stored, [Uuid::from_u128(1)]);
        assert_eq!(read.refused, [(Uuid::from_u128(2), "contract_violation".to_owned())]);
    }

    #[test]
    fn a_desk_that_is_full_drops_and_does_not_wait() {
        let (sender, mut receipts) = mpsc::channel(1);
        let desk = Desk { receipts: sender };
        desk.hand_in(receipt("a", 1));
        desk.hand_in(receipt("a", 2));
        assert_eq!(receipts.try_recv().expect("the first").message_id, Uuid::from_u128(1));
        assert!(receipts.try_recv().is_err());
    }
}
