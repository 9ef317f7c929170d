//! The way out, whole: partitions of decisions that are read, what their devices are told, the fail-safe where decisions stop
//! coming, and how far each partition has been worked off.

use std::collections::BTreeMap;

use schemas::Timestamp;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::ids::{DeviceId, FeederId};
use schemas::ledger::{Holder, Ledger, Verdict, Void};
use schemas::log::LogRecord;
use schemas::records::decision::{Decision, LedgerRecord};
use uuid::Uuid;

use crate::commandable::{Commandable, commandable};
use crate::outbox::{Attempt, Order, Outbox, Place, Settled, Tries};
use crate::partition::{Partition, Reading};
use crate::position::Holding;
use crate::watchdog::{Rules, Watchdog};

/// Records read back at a start, per partition, to know who holds it and what devices were last told.
pub const LOOK_BACK_RECORDS: i64 = 500;
/// Between two looks of the watchdog, and two stored positions, ms.
pub const TICK_MS: i64 = 250;

/// Where to begin with a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Records from here on are read.
    pub from: i64,
    /// Those from here on are acted on; those before say what devices were told.
    pub act_from: i64,
    /// Who holds it there; none where the records will tell.
    pub holder: Option<Holder>,
}

impl Opening {
    /// At a stored position, in a partition with these bounds; none where it is gone from the log, ahead of it, or of
    /// another log.
    #[must_use]
    pub fn at(
        (position, text): (i64, &str),
        (first, end): (i64, i64),
        lineage: Option<&Lineage>,
    ) -> Option<Self> {
        let holding = Holding::parse(text);
        let counts = lineage.is_none_or(|lineage| holding.is_of(lineage));
        ((first..=end).contains(&position) && counts).then(|| Self {
            from: position.saturating_sub(LOOK_BACK_RECORDS).max(first),
            act_from: position,
            holder: holding.holder,
        })
    }

    /// From a record on, of which nothing is known but what it says.
    #[must_use]
    pub fn from(first: i64) -> Self {
        Self { from: first, act_from: first, holder: None }
    }
}

/// What a record led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// A decision that counts: of this tree; so many setpoints were withheld, since no mode lets them out.
    Decided(FeederId, usize),
    /// One that does not count.
    Void(Void),
    /// One that cannot be read, and is passed over.
    Unreadable(String),
    /// Nothing to act on.
    Nothing,
}

/// What a look led to.
#[derive(Debug, Default)]
pub struct Looked {
    /// Trees found without decisions for the first time.
    pub tripped: Vec<FeederId>,
    /// Trees without.
    pub silent: usize,
    /// Setpoints that the fail-safe sends: its word for what it does, and the setpoint's id.
    pub sent: Vec<(&'static str, Uuid)>,
}

/// A partition, and the ledger of what stands before it is acted on.
#[derive(Debug)]
struct Open {
    partition: Partition,
    before: Ledger,
    act_from: i64,
}

/// The way out.
#[derive(Debug)]
pub struct Outbound {
    open: BTreeMap<i32, Open>,
    outbox: Outbox,
    watchdog: Watchdog,
    lineage: Option<Lineage>,
}

impl Outbound {
    /// One that has no partition yet.
    #[must_use]
    pub fn new(rules: Rules, tries: Tries) -> Self {
        Self {
            open: BTreeMap::new(),
            outbox: Outbox::new(tries),
            watchdog: Watchdog::new(rules),
            lineage: None,
        }
    }

    /// Says which log it is, as far as that is known by now: a claim on another one is void, and devices are told whose
    /// decisions they get.
    pub fn know(&mut self, lineage: Option<Lineage>) {
        self.lineage = lineage;
    }

    fn log_id(&self) -> Option<Uuid> {
        self.lineage.as_ref().map(Lineage::current)
    }

    /// Works on a partition too; its records are to come from `opening.from` on.
    pub fn open(&mut self, number: i32, opening: Opening) {
        let Opening { act_from, holder, .. } = opening;
        let ledger = holder.map_or_else(Ledger::new, |held| Ledger::resume(Some(held)));
        let partition = Partition::new(ledger.of(self.lineage.clone()), act_from);
        let before = Ledger::new().of(self.lineage.clone());
        self.open.insert(number, Open { partition, before, act_from });
    }

    /// Works on these no longer.
    pub fn close(&mut self, numbers: &[i32]) {
        self.open.retain(|number, _| !numbers.contains(number));
        let kept: Vec<i32> = self.numbers().collect();
        self.watchdog.keep_partitions(&kept);
    }

    /// The partitions that it works on.
    pub fn numbers(&self) -> impl Iterator<Item = i32> {
        self.open.keys().copied()
    }

    /// Whether it works on a partition.
    #[must_use]
    pub fn has(&self, number: i32) -> bool {
        self.open.contains_key(&number)
    }

    /// The next offset to read of a partition that it works on.
    #[must_use]
    pub fn next_offset(&self, number: i32) -> Option<i64> {
        self.open.get(&number).map(|open| open.partition.next())
    }

    /// Reads a record of decisions. One that was read before leads to nothing.
    pub fn read(&mut self, record: &LogRecord, now: Timestamp) -> Read {
        let (number, offset) = (record.partition, record.offset);
        let Some(open) = self.open.get_mut(&number) else { return Read::Nothing };
        let acts = offset >= open.act_from;
        if acts && offset < open.partition.next() {
            return Read::Nothing;
        }
        let entry = match LedgerRecord::decode(&record.value) {
            Ok(entry) => entry,
            Err(error) => {
                if acts {
                    open.partition.skip(offset);
                }
                return Read::Unreadable(error.to_string());
            }
        };
        if !acts {
            if let Verdict::Decided(decision) = open.before.read(entry) {
                open.partition.learn(&decision.root, &open.before);
                let (devices, _) = commandable(&decision);
                self.hear(&decision, &devices, number, now);
            }
            return Read::Nothing;
        }
        if matches!(entry, LedgerRecord::Claim(_)) {
            // A claim is measured by the log as it is known by now.
            open.partition.know(self.lineage.clone());
        }
        match open.partition.read(offset, entry) {
            Reading::Decided(decision, from) => {
                let (devices, withheld) = commandable(&decision);
                self.hear(&decision, &devices, number, now);
                self.tell(&devices, Place { partition: number, offset: from }, now);
                Read::Decided(decision.root, withheld)
            }
            Reading::Void(void) => Read::Void(void),
            Reading::Nothing => Read::Nothing,
        }
    }

    /// Notes what the devices that a decision may command were told.
    fn hear(
        &mut self,
        decision: &Decision,
        devices: &[Commandable<'_>],
        number: i32,
        now: Timestamp,
    ) {
        self.watchdog.heard(&decision.root, decision.no, devices, number, now);
    }

    fn tell(&mut self, devices: &[Commandable<'_>], place: Place, now: Timestamp) {
        let log = self.log_id();
        for order in devices.iter().filter_map(|device| Order::of(device, place, log, now)) {
            self.outbox.offer(order);
        }
    }

    /// Looks whether decisions come. `root_of` says where a device stands now.
    pub fn look(
        &mut self,
        now: Timestamp,
        root_of: impl Fn(&DeviceId) -> Option<FeederId>,
    ) -> Looked {
        let outcome = self.watchdog.tick(now, root_of);
        let mut looked =
            Looked { tripped: outcome.tripped, silent: outcome.silent, sent: Vec::new() };
        let log = self.log_id();
        for (order, action) in outcome.orders {
            looked.sent.push((action, order.setpoint.id()));
            let setpoint = order.setpoint.of_log(log);
            self.outbox.offer(Order { setpoint, ..order });
        }
        looked
    }

    /// The next setpoint to publish, if any is due.
    pub fn next(&mut self, now: Timestamp) -> Option<Order> {
        self.outbox.next(now)
    }

    /// When the next retry is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.outbox.next_due()
    }

    /// A try to publish has ended.
    pub fn finished(&mut self, device_id: &DeviceId, attempt: Attempt, now: Timestamp) {
        self.outbox.finished(device_id, attempt, now);
    }

    /// Setpoints that have come to their end since the last call.
    pub fn take_settled(&mut self) -> Vec<Settled> {
        self.outbox.take_settled()
    }

    /// Devices with a setpoint that waits or is on its way.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// The position of each partition, with the text to store with it: nothing before it is still to be done.
    pub fn positions(&mut self) -> Vec<(i32, i64, String)> {
        self.collect(|partition, oldest_open| Some(partition.position(oldest_open)))
    }

    /// The same of those that have moved since the last call.
    pub fn take_positions(&mut self) -> Vec<(i32, i64, String)> {
        self.collect(Partition::take_position)
    }

    fn collect(
        &mut self,
        position: impl Fn(&mut Partition, Option<i64>) -> Option<(i64, Option<Holder>)>,
    ) -> Vec<(i32, i64, String)> {
        let (outbox, log) = (&self.outbox, self.log_id());
        self.open
            .iter_mut()
            .filter_map(|(number, open)| {
                let oldest_open = outbox.oldest_open(*number);
                let (next, holder) = position(&mut open.partition, oldest_open)?;
                Some((*number, next, Holding { holder, log }.to_string()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_that_is_gone_ahead_or_of_another_log_is_none() {
        let held = Holder { epoch: 3, writer: Uuid::from_u128(1) };
        let text = Holding { holder: Some(held), log: None }.to_string();
        let at = |position| Opening::at((position, &text), (100, 2_000), None);
        assert_eq!([at(99), at(2_001)], [None, None]);
        assert_eq!(at(150), Some(Opening { from: 100, act_from: 150, holder: Some(held) }));
        assert_eq!(at(2_000), Some(Opening { from: 1_500, act_from: 2_000, holder: Some(held) }));
    }
}
