//! A day as it was recorded: the inputs of control and what was decided, record by record. The same day under another
//! state of the code says where that decides otherwise, device by device, in classes. What was recorded stays in force: each
//! decision is made from what the recorded ones before it led to.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::{ErrorKind, Read, Write};

use anyhow::{Context as _, bail};
use control_core::{Input, Tick, Tree};
use control_instance::RegistryAt;
use schemas::FeederId;
use schemas::codec::Record;
use schemas::ledger::{Ledger, Verdict};
use schemas::records::ack::Ack;
use schemas::records::decision::{Decision, DeviceDecision, Emit, LedgerRecord};
use schemas::records::operator::OperatorRecord;
use schemas::records::telemetry::Telemetry;
use schemas::registry::Registry;

/// The largest record that is read back, bytes.
const RECORD_BYTES_MAX: u32 = 64 << 20;

/// What a device takes above a setpoint while it goes by it, W.
const UNUSED_W: i64 = 100;

/// Writes records one after another: a letter for the topic, the offset and the length in big endian, the value.
pub struct Recorder<W>(pub W);

impl<W: Write> Recorder<W> {
    /// Writes an operator's record, an ack, a sample, or a part of a decision.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write<R: Record>(&mut self, offset: i64, record: &R) -> anyhow::Result<()> {
        let value = record.encode();
        self.0.write_all(&[letter(R::NAME)])?;
        self.0.write_all(&offset.to_be_bytes())?;
        self.0.write_all(&u32::try_from(value.len())?.to_be_bytes())?;
        self.0.write_all(&value)?;
        Ok(())
    }
}

fn letter(name: &str) -> u8 {
    name.bytes().next().unwrap_or_default()
}

/// How the decisions of this code compare with the recorded ones.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Decisions compared.
    pub decisions: usize,
    /// Those of them that tell every device what was recorded.
    pub alike: usize,
    /// Devices decided, all decisions together.
    pub devices: usize,
    /// Devices that are told otherwise, by class: how many, and the sum of the differences, W.
    pub classes: BTreeMap<String, (usize, i64)>,
}

impl Comparison {
    fn take(&mut self, ours: &Decision, recorded: &Decision) {
        self.decisions += 1;
        self.devices += recorded.devices.len();
        let mut by_id: BTreeMap<_, _> =
            recorded.devices.iter().map(|device| (&device.device_id, device)).collect();
        let mut alike = true;
        for device in &ours.devices {
            let class = match by_id.remove(&device.device_id) {
                Some(before) => class(device, before),
                None => Some(("decided here only".to_owned(), 0)),
            };
            alike &= class.is_none();
            self.count(class);
        }
        for _ in by_id {
            alike = false;
            self.count(Some(("decided in the record only".to_owned(), 0)));
        }
        self.alike += usize::from(alike);
    }

    fn count(&mut self, class: Option<(String, i64)>) {
        if let Some((class, difference)) = class {
            let (count, sum) = self.classes.entry(class).or_default();
            (*count, *sum) = (*count + 1, *sum + difference);
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decisions, alike, devices, classes } = self;
        let other: usize = classes.values().map(|(count, _)| count).sum();
        writeln!(
            f,
            "{decisions} decisions, {alike} of them alike for every device; {devices} devices decided, {other} otherwise"
        )?;
        let mut classes: Vec<_> = classes.iter().collect();
        classes.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        for (class, (count, sum)) in classes {
            let mean = sum / i64::try_from(*count).unwrap_or(i64::MAX).max(1);
            writeln!(f, "{count:>9}  {class}, on average {mean:+} W")?;
        }
        Ok(())
    }
}

/// What is told otherwise, and by how much; none when nothing is.
fn class(ours: &DeviceDecision, recorded: &DeviceDecision) -> Option<(String, i64)> {
    let setpoint = |device: &DeviceDecision| device.setpoint_w.map(|watts| watts.0);
    let kind = ours.device_type;
    match (setpoint(recorded), setpoint(ours)) {
        (before, now) if before == now => {
            let told = |device: &DeviceDecision| device.emit != Emit::None;
            (told(ours) != told(recorded))
                .then(|| (format!("{kind:?}: the same setpoint, sent in another window"), 0))
        }
        (before, now) => {
            let difference = now.unwrap_or(0) - before.unwrap_or(0);
            let uses = ours.power_w.is_some_and(|power| power.0 > now.unwrap_or(0) + UNUSED_W);
            let way = match (before, now) {
                (None, Some(_)) => "told, was left alone",
                (Some(_), None) => "left alone, was told",
                _ if difference > 0 => "more",
                _ if uses => "less than it takes",
                _ => "less, and not less than it takes",
            };
            let reasons = format!("{:?} where it was {:?}", ours.reason, recorded.reason);
            Some((format!("{kind:?}: {way}, {reasons}"), difference))
        }
    }
}

/// A tree, and its inputs that no decision has taken yet, by offset.
struct Again {
    tree: Tree,
    acks: VecDeque<(i64, Input)>,
    telemetry: VecDeque<(i64, Input)>,
}

impl Again {
    fn new(root: FeederId) -> Self {
        Self { tree: Tree::new(root), acks: VecDeque::new(), telemetry: VecDeque::new() }
    }

    /// Decides what was recorded again, from the same inputs; then the record is what is in force.
    fn decide(&mut self, registry: &Registry, recorded: &Decision) -> Decision {
        let positions = recorded.header.positions;
        for (waiting, end) in
            [(&mut self.acks, positions.acks), (&mut self.telemetry, positions.telemetry)]
        {
            while let Some((_, input)) = waiting.pop_front_if(|(offset, _)| *offset < end) {
                self.tree.apply(&input, registry);
            }
        }
        let tick = Tick {
            now: recorded.header.at,
            trigger: recorded.header.trigger,
            no: recorded.no,
            writer: recorded.writer,
            positions,
        };
        let ours = self.tree.decide(registry, tick);
        self.tree.adopt(recorded);
        ours
    }
}

/// Decides a recorded day again.
///
/// # Errors
/// When it does not read as one, to the end.
pub fn replay(mut from: impl Read) -> anyhow::Result<Comparison> {
    let mut comparison = Comparison::default();
    let (mut at, mut ledger) = (RegistryAt::default(), Ledger::new());
    let mut trees: BTreeMap<FeederId, Again> = BTreeMap::new();
    while let Some((kind, offset, value)) = next(&mut from)? {
        if kind == letter(OperatorRecord::NAME) {
            at.read(offset, &OperatorRecord::decode(&value)?);
        } else if kind == letter(Ack::NAME) {
            let ack = Ack::decode(&value)?;
            let root = at.registry.root_of(&ack.feeder_id);
            tree(&mut trees, root).acks.push_back((offset, Input::Ack(ack)));
        } else if kind == letter(Telemetry::NAME) {
            let sample = Telemetry::decode(&value)?;
            let root = at.registry.root_of(&sample.feeder_id);
            tree(&mut trees, root).telemetry.push_back((offset, Input::Telemetry(sample)));
        } else if kind == letter(LedgerRecord::NAME) {
            match ledger.read(LedgerRecord::decode(&value)?) {
                Verdict::Decided(recorded) => {
                    let ours =
                        tree(&mut trees, recorded.root.clone()).decide(&at.registry, &recorded);
                    comparison.take(&ours, &recorded);
                }
                Verdict::Void(void) => {
                    bail!("a recorded decision does not count: {}", void.as_str())
                }
                Verdict::Claimed(_) | Verdict::Partial => {}
            }
        } else {
            bail!("{:?} at the start of a record: no recorded day", char::from(kind));
        }
    }
    Ok(comparison)
}

fn tree(trees: &mut BTreeMap<FeederId, Again>, root: FeederId) -> &mut Again {
    trees.entry(root.clone()).or_insert_with(|| Again::new(root))
}

/// The next record: the letter of its topic, its offset, its value; none at the end.
fn next(from: &mut impl Read) -> anyhow::Result<Option<(u8, i64, Vec<u8>)>> {
    let mut kind = [0; 1];
    match from.read_exact(&mut kind) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let (mut offset, mut length) = ([0; 8], [0; 4]);
    from.read_exact(&mut offset).context("the record is cut off")?;
    from.read_exact(&mut length).context("the record is cut off")?;
    let length = u32::from_be_bytes(length);
    if length > RECORD_BYTES_MAX {
        bail!("a record of {length} bytes: no recorded day");
    }
    let mut value = vec![0; usize::try_from(length)?];
    from.read_exact(&mut value).context("the record is cut off")?;
    Ok(Some((kind[0], i64::from_be_bytes(offset), value)))
}
