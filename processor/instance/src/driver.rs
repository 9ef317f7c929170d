//! One partition's trees: gathers inputs as they come, applies them in log order when a decision is made, and knows
//! which decisions count. Synchronous and without IO: live control, recovery and replay run the same code.

use std::collections::{BTreeMap, VecDeque};

use control_core::{Input, Tick, Tree, Watch};
use schemas::identity::Lineage;
use schemas::ledger::{Holder, Ledger, Verdict, Void};
use schemas::records::ack::Ack;
use schemas::records::decision::{Decision, LedgerRecord, Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{Change, EventCancelled, EventChanged, OperatorRecord};
use schemas::records::snapshot::SnapshotPart;
use schemas::records::state::DeviceState;
use schemas::records::telemetry::Telemetry;
use schemas::registry::Registry;
use schemas::topics::{Topic, tree_partition};
use schemas::{FeederId, Timestamp};

use crate::caps::{PENDING_INPUTS_MAX, URGENT_PAUSE_MS};
use crate::difference::first_difference;

/// The registry as of a position of `operator.v1`.
#[derive(Debug, Clone, Default)]
pub struct RegistryAt {
    /// The fold.
    pub registry: Registry,
    /// The next offset it has not read.
    pub next: i64,
}

impl RegistryAt {
    /// Reads the next record; one it has read already changes nothing. Returns whether it was new.
    pub fn read(&mut self, offset: i64, record: &OperatorRecord) -> bool {
        if offset < self.next {
            return false;
        }
        if let Err(refused) = self.registry.apply(record) {
            tracing::debug!(%refused, offset, "an operator record changes nothing");
        }
        self.next = offset + 1;
        true
    }
}

/// A tree and what waits for its next decision.
#[derive(Debug)]
struct Slot {
    tree: Tree,
    watch: Watch,
    acks: VecDeque<(i64, Ack)>,
    telemetry: VecDeque<(i64, Telemetry)>,
    /// What the snapshot that it comes from has in it already. Other trees of the partition may stand further back.
    restored: Positions,
    seq: i64,
    /// A decision that has been handed out and not yet been read back.
    open: bool,
    /// An operator changed something of this tree since the last decision.
    urgent: bool,
    decided_at: Timestamp,
    since_snapshot: i64,
    snapshot_number: i64,
}

impl Slot {
    fn new(tree: Tree) -> Self {
        Self {
            tree,
            watch: Watch::default(),
            acks: VecDeque::new(),
            telemetry: VecDeque::new(),
            restored: Positions::default(),
            seq: 0,
            open: false,
            urgent: false,
            decided_at: Timestamp(0),
            since_snapshot: 0,
            snapshot_number: 0,
        }
    }

    /// Applies what waits, up to the positions: first by topic, then by offset, so that the order depends on the log alone.
    fn apply_up_to(&mut self, positions: Positions, registry: &Registry) {
        while let Some((_, ack)) = self.acks.pop_front_if(|(offset, _)| *offset < positions.acks) {
            self.tree.apply(&Input::Ack(ack), registry);
        }
        while let Some((_, sample)) =
            self.telemetry.pop_front_if(|(offset, _)| *offset < positions.telemetry)
        {
            self.tree.apply(&Input::Telemetry(sample), registry);
        }
    }
}

/// What became of a record of `decisions.v1`.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "decisions are the rule, the others the exception")]
pub enum Standing {
    /// A decision counts. `difference` says where it is not what this core says of the same inputs.
    Counts {
        /// The decision.
        decision: Decision,
        /// The first difference, if any.
        difference: Option<String>,
    },
    /// Another holds the partition now.
    TakenOver(Holder),
    /// A record that does not count.
    Void(Void),
    /// Nothing that concerns control.
    Nothing,
}

/// The trees of one partition.
#[derive(Debug)]
pub struct Driver {
    partition: i32,
    partitions: i32,
    /// Which log it is, where that is known.
    lineage: Option<Lineage>,
    ledger: Ledger,
    slots: BTreeMap<FeederId, Slot>,
    /// Next offsets gathered.
    gathered: Positions,
    /// Samples that control did not take, because too many waited.
    pub dropped: u64,
}

impl Driver {
    /// A driver of a partition whose ledger is read from a place where `holder` held it.
    #[must_use]
    pub fn new(partition: i32, partitions: i32, holder: Option<Holder>) -> Self {
        Self {
            partition,
            partitions,
            lineage: None,
            ledger: Ledger::resume(holder),
            slots: BTreeMap::new(),
            gathered: Positions::default(),
            dropped: 0,
        }
    }

    /// The same of a log that is known: a claim on another one is void, and snapshots name it.
    #[must_use]
    pub fn of(self, lineage: Option<Lineage>) -> Self {
        Self { ledger: self.ledger.of(lineage.clone()), lineage, ..self }
    }

    /// What it knows of who may write, as far as it has read.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The last number that a tree was decided under; 0 before the first.
    #[must_use]
    pub fn last_seq(&self, root: &FeederId) -> i64 {
        self.slots.get(root).map_or(0, |slot| slot.seq)
    }

    /// Puts a tree back as a snapshot holds it.
    pub fn restore(&mut self, parts: Vec<SnapshotPart>) {
        let Some(first) = parts.first() else { return };
        let (root, version, number) = (first.root.clone(), first.version, first.number);
        let positions = first.positions;
        let tree_state = parts.iter().find_map(|part| part.tree.clone());
        let Some(tree_state) = tree_state else { return };
        let decided_at = tree_state.decided_at;
        let devices = parts.into_iter().flat_map(|part| part.devices).collect();
        let mut slot = Slot::new(Tree::restore(root.clone(), tree_state, devices));
        slot.seq = version.seq;
        slot.restored = positions;
        slot.snapshot_number = number;
        slot.decided_at = decided_at;
        self.ledger.note_seq(&root, version.seq);
        self.slots.insert(root, slot);
    }

    /// Notes a snapshot that another wrote of a tree.
    pub fn note_snapshot(&mut self, root: &FeederId, number: i64) {
        let slot = self.slot(root);
        if number > slot.snapshot_number {
            (slot.snapshot_number, slot.since_snapshot) = (number, 0);
        }
    }

    /// Who holds the partition, as far as the ledger has been read.
    #[must_use]
    pub fn holder(&self) -> Option<Holder> {
        self.ledger.holder()
    }

    /// Next offsets that it has not gathered.
    #[must_use]
    pub fn gathered(&self) -> Positions {
        self.gathered
    }

    /// Says where gathering begins, when there is nothing before it.
    pub fn start_at(&mut self, acks: i64, telemetry: i64) {
        self.gathered.acks = self.gathered.acks.max(acks);
        self.gathered.telemetry = self.gathered.telemetry.max(telemetry);
    }

    /// Number of trees.
    #[must_use]
    pub fn tree_count(&self) -> usize {
        self.slots.len()
    }

    /// Gathers a sample that stands under a root's key.
    pub fn gather_telemetry(&mut self, root: &FeederId, offset: i64, sample: Telemetry) {
        if offset < self.gathered.telemetry {
            return;
        }
        self.gathered.telemetry = offset + 1;
        let slot = self.slot(root);
        slot.watch.hear(&sample);
        if offset < slot.restored.telemetry {
            return;
        }
        slot.telemetry.push_back((offset, sample));
        if slot.telemetry.len() > PENDING_INPUTS_MAX {
            slot.telemetry.pop_front();
            self.dropped += 1;
        }
    }

    /// Gathers an ack or status that stands under a root's key.
    pub fn gather_ack(&mut self, root: &FeederId, offset: i64, ack: Ack) {
        if offset < self.gathered.acks {
            return;
        }
        self.gathered.acks = offset + 1;
        let slot = self.slot(root);
        if offset < slot.restored.acks {
            return;
        }
        slot.acks.push_back((offset, ack));
        if slot.acks.len() > PENDING_INPUTS_MAX {
            slot.acks.pop_front();
            self.dropped += 1;
        }
    }

    /// Skips an input that cannot be read.
    pub fn skip(&mut self, topic: Topic, offset: i64) {
        let gathered = match topic {
            Topic::Telemetry => &mut self.gathered.telemetry,
            Topic::Acks => &mut self.gathered.acks,
            _ => return,
        };
        *gathered = (*gathered).max(offset + 1);
    }

    /// Notes that an operator changed something: the trees it concerns decide without waiting.
    pub fn note_change(&mut self, change: &Change, registry: &Registry) {
        let feeder_id = match change {
            Change::FeederChange(change) => Some(change.feeder_id.clone()),
            Change::FeederCleared(cleared) => Some(cleared.feeder_id.clone()),
            Change::EventCreated(created) => Some(created.feeder_id.clone()),
            Change::EventCancelled(EventCancelled { event_id })
            | Change::EventChanged(EventChanged { event_id, .. }) => {
                registry.events.get(event_id).map(|event| event.created.feeder_id.clone())
            }
            Change::DeviceChange(change) => registry.feeder_of(&change.device_id).cloned(),
            Change::OverrideSet(set) => registry.feeder_of(&set.device_id).cloned(),
            Change::OverrideCleared(cleared) => registry.feeder_of(&cleared.device_id).cloned(),
            Change::ControlResumed(resumed) => Some(resumed.feeder_id.clone()),
            Change::ProgramSet(_) | Change::ProgramDeleted(_) => {
                self.slots.values_mut().for_each(|slot| slot.urgent = true);
                None
            }
            Change::DeviceApproved(approved) => registry.feeder_of(&approved.device_id).cloned(),
            Change::DeviceReplaced(replaced) => registry.feeder_of(&replaced.by).cloned(),
            Change::ControlSettings(_)
            | Change::DeviceRegistered(_)
            | Change::DeviceWaiting(_)
            | Change::DeviceRetired(_)
            | Change::FeederRemoved(_)
            | Change::DeviceNoted(_)
            | Change::SimulationSet(_)
            | Change::LogMade(_)
            | Change::SessionEnded(_) => None,
        };
        if let Some(slot) =
            feeder_id.and_then(|feeder_id| self.slots.get_mut(&registry.root_of(&feeder_id)))
        {
            slot.urgent = true;
        }
    }

    /// Makes sure that every root of this partition has its tree.
    pub fn note_roots(&mut self, registry: &Registry) {
        for root in registry.roots() {
            if tree_partition(&root, self.partitions) == self.partition {
                self.slot(&root);
            }
        }
    }

    /// Reads the next record of the decisions partition.
    ///
    /// A decision of ours that we hold open is confirmed; any other one that counts is replayed.
    pub fn read_decision(
        &mut self,
        record: LedgerRecord,
        registry: &mut ReplayRegistry,
    ) -> Standing {
        match self.ledger.read(record) {
            Verdict::Claimed(holder) => Standing::TakenOver(holder),
            Verdict::Void(void) => Standing::Void(void),
            Verdict::Partial => Standing::Nothing,
            Verdict::Decided(decision) => {
                let open = self
                    .slots
                    .get(&decision.root)
                    .is_some_and(|slot| slot.open && slot.seq == decision.no.seq);
                let difference = if open { None } else { self.replay(&decision, registry) };
                let slot = self.slot(&decision.root);
                slot.open = false;
                slot.since_snapshot += 1;
                Standing::Counts { decision, difference }
            }
        }
    }

    /// Decides again what the log says was decided, from the same inputs, and compares.
    fn replay(&mut self, recorded: &Decision, registry: &mut ReplayRegistry) -> Option<String> {
        let positions = recorded.header.positions;
        let registry = registry.up_to(positions.operator);
        let slot = self.slot(&recorded.root);
        slot.apply_up_to(positions, registry);
        let tick = Tick {
            now: recorded.header.at,
            trigger: recorded.header.trigger,
            no: recorded.no,
            writer: recorded.writer,
            positions,
        };
        let decided = slot.tree.decide(registry, tick);
        slot.seq = recorded.no.seq;
        slot.decided_at = recorded.header.at;
        let difference = first_difference(&decided, recorded);
        if difference.is_some() {
            // The record may have been sent: it is a fact, whatever this core says of it.
            slot.tree.adopt(recorded);
        }
        difference
    }

    /// The decisions that are due. Each tree has at most one open decision.
    pub fn decide_due(&mut self, at: &RegistryAt, holder: Holder, now: Timestamp) -> Vec<Decision> {
        let registry = &at.registry;
        let positions = Positions { operator: at.next, ..self.gathered };
        let mut all = Vec::new();
        for (root, slot) in &mut self.slots {
            if slot.open || !registry.is_root(root) {
                continue;
            }
            let Some(trigger) = due(slot, registry, root, now) else { continue };
            slot.apply_up_to(positions, registry);
            slot.seq += 1;
            let tick = Tick {
                now,
                trigger,
                no: DecisionNo::new(holder.epoch, slot.seq),
                writer: holder.writer,
                positions,
            };
            let decision = slot.tree.decide(registry, tick);
            slot.watch.decided(registry, root, &decision.header);
            all.push(decision);
            slot.open = true;
            slot.decided_at = now;
            slot.urgent = false;
        }
        all
    }

    /// When the next decision is due at the latest.
    #[must_use]
    pub fn next_deadline(&self, registry: &Registry, now: Timestamp) -> Option<Timestamp> {
        let open = self.slots.iter().filter(|(root, slot)| !slot.open && registry.is_root(root));
        open.map(|(_, slot)| {
            let deadline = slot.tree.next_deadline(&registry.settings, now, slot.watch.latest()).0;
            let look = slot.watch.next_look(registry.settings.interval_ms, slot.decided_at);
            look.filter(|_| slot.seq > 0).map_or(deadline, |look| look.min(deadline))
        })
        .min()
    }

    /// The latest state of each device of a decision that was confirmed a moment ago.
    pub fn device_states<'d>(
        &'d self,
        decision: &'d Decision,
        registry: &'d Registry,
    ) -> impl Iterator<Item = DeviceState> + 'd {
        let tree = self.slots.get(&decision.root).map(|slot| &slot.tree);
        tree.into_iter().flat_map(move |tree| tree.device_states(decision, registry))
    }

    /// Snapshots that are due after a confirmed decision of this tree: every `every` decisions, and after the first. In
    /// parts of `part_devices` devices at most.
    pub fn snapshot_if_due(
        &mut self,
        decision: &Decision,
        decisions_next: i64,
        every: i64,
        part_devices: usize,
    ) -> Vec<SnapshotPart> {
        let slot = slot_of(&mut self.slots, &decision.root);
        if slot.open || (slot.since_snapshot < every && slot.snapshot_number > 0) {
            return Vec::new();
        }
        slot.since_snapshot = 0;
        slot.snapshot_number = slot.snapshot_number.saturating_add(1);
        let (tree, devices) = slot.tree.snapshot();
        let mut chunks: Vec<_> = devices.chunks(part_devices.max(1)).map(<[_]>::to_vec).collect();
        if chunks.is_empty() {
            chunks.push(Vec::new());
        }
        let parts = i32::try_from(chunks.len()).unwrap_or(i32::MAX);
        let log = self.lineage.as_ref().map(Lineage::current);
        let mut tree = Some(tree);
        (0..parts)
            .zip(chunks)
            .map(|(part, devices)| SnapshotPart {
                root: decision.root.clone(),
                version: decision.no,
                writer: decision.writer,
                number: slot.snapshot_number,
                part,
                parts,
                positions: decision.header.positions,
                decisions_next,
                tree: tree.take(),
                devices,
                log,
            })
            .collect()
    }

    fn slot(&mut self, root: &FeederId) -> &mut Slot {
        slot_of(&mut self.slots, root)
    }
}

fn slot_of<'s>(slots: &'s mut BTreeMap<FeederId, Slot>, root: &FeederId) -> &'s mut Slot {
    slots.entry(root.clone()).or_insert_with(|| Slot::new(Tree::new(root.clone())))
}

/// Whether a tree's decision is due, and why.
fn due(slot: &mut Slot, registry: &Registry, root: &FeederId, now: Timestamp) -> Option<Trigger> {
    let (deadline, trigger) = slot.tree.next_deadline(&registry.settings, now, slot.watch.latest());
    if deadline <= now {
        return Some(trigger);
    }
    // Before its first window there is nothing to shed.
    let rested = slot.seq > 0 && now.since(slot.decided_at) >= URGENT_PAUSE_MS;
    if rested && slot.urgent {
        return Some(Trigger::Operator);
    }
    if slot.seq > 0 && slot.watch.is_due(registry, root, now, slot.decided_at) {
        return Some(Trigger::Overload);
    }
    None
}

/// The registry at the positions of recorded decisions: operator records are kept and applied as replay comes to them.
#[derive(Debug, Default)]
pub struct ReplayRegistry {
    at: RegistryAt,
    ahead: VecDeque<(i64, OperatorRecord)>,
    /// The offset after the last record gathered: nobody has decided with more.
    end: i64,
}

impl ReplayRegistry {
    /// Gathers the next record.
    pub fn gather(&mut self, offset: i64, record: OperatorRecord) {
        self.ahead.push_back((offset, record));
        self.end = self.end.max(offset.saturating_add(1));
    }

    /// The registry before the record at `next`.
    pub fn up_to(&mut self, next: i64) -> &Registry {
        while let Some((offset, record)) = self.ahead.pop_front_if(|(offset, _)| *offset < next) {
            self.at.read(offset, &record);
        }
        self.at.next = self.at.next.max(next.min(self.end));
        &self.at.registry
    }

    /// Whether a partition has trees, by everything that has been gathered.
    #[must_use]
    pub fn has_trees(&self, partition: i32, partitions: i32) -> bool {
        let mut latest = self.at.clone();
        for (offset, record) in &self.ahead {
            latest.read(*offset, record);
        }
        latest.registry.roots().iter().any(|root| tree_partition(root, partitions) == partition)
    }

    /// The registry with everything that has been gathered.
    pub fn into_latest(mut self) -> RegistryAt {
        let end = self.ahead.back().map_or(self.at.next, |(offset, _)| offset + 1);
        self.up_to(end);
        self.at
    }
}
