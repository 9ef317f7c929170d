//! Compares what devices saw with what the log and ClickHouse hold.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::device::{Counts, Kind, device_id, last_applied, message_id};
use super::findings::Findings;
use super::ledger::Decisions;
use super::options::{Options, Scenario};

/// Lost or doubled messages that a report names, at most.
const NAMED_MAX: usize = 5;

/// What a run left behind.
#[derive(Debug)]
pub struct Evidence {
    /// Tells this run's messages.
    pub run: u16,
    /// What each device counted.
    pub devices: BTreeMap<u32, Counts>,
    /// Messages that never reached the broker.
    pub unsent: u64,
    /// Messages without a receipt at the end, where receipts were asked for.
    pub unreceipted: usize,
    /// Ids in `telemetry`, and how often.
    pub telemetry: HashMap<Uuid, u32>,
    /// Ids in `acks`, and how often.
    pub acks: HashMap<Uuid, u32>,
    /// Ids in `setpoints`, and how often.
    pub setpoints: HashMap<Uuid, u32>,
    /// What was decided.
    pub decisions: Decisions,
    /// When everything had settled, ms.
    pub settled_at: i64,
}

impl Evidence {
    fn acknowledged(&self, kind: Kind) -> impl Iterator<Item = Uuid> + '_ {
        self.devices.iter().flat_map(move |(device, counts)| {
            let numbers = match kind {
                Kind::Sample => &counts.samples_acknowledged,
                Kind::Ack => &counts.acks_acknowledged,
            };
            numbers.iter().map(move |number| message_id(self.run, *device, kind, *number))
        })
    }

    /// Setpoints that were decided before everything had settled and ClickHouse does not hold.
    #[must_use]
    pub fn not_stored(&self) -> usize {
        let settled = self.decisions.setpoints.iter().filter(|(_, one)| one.at <= self.settled_at);
        settled.filter(|(id, _)| !self.setpoints.contains_key(*id)).count()
    }

    /// Messages whose receipt from the log came, and that ClickHouse does not hold.
    #[must_use]
    pub fn receipted_and_lost(&self) -> (usize, usize) {
        let mut receipted = 0;
        let mut lost = 0;
        for (device, counts) in &self.devices {
            for (kind, numbers, stored) in [
                (Kind::Sample, &counts.samples_receipted, &self.telemetry),
                (Kind::Ack, &counts.acks_receipted, &self.acks),
            ] {
                receipted += numbers.len();
                let ids = numbers.iter().map(|number| message_id(self.run, *device, kind, *number));
                lost += ids.filter(|id| !stored.contains_key(id)).count();
            }
        }
        (receipted, lost)
    }

    /// Messages that the broker acknowledged and ClickHouse does not hold.
    #[must_use]
    pub fn lost(&self) -> HashSet<Uuid> {
        let samples = self.acknowledged(Kind::Sample).filter(|id| !self.telemetry.contains_key(id));
        samples
            .chain(self.acknowledged(Kind::Ack).filter(|id| !self.acks.contains_key(id)))
            .collect()
    }
}

/// Finds what was kept of the promises on messages.
pub fn messages(evidence: &Evidence, options: &Options, findings: &mut Findings) {
    findings
        .measured("samples acknowledged to devices", evidence.acknowledged(Kind::Sample).count());
    findings.measured("acks acknowledged to devices", evidence.acknowledged(Kind::Ack).count());
    findings.measured("messages that never reached the broker", evidence.unsent);
    let lost = evidence.lost().len();
    // Not promised: a broker's acknowledgement is no receipt from the log.
    if options.scenario == Scenario::MosquittoKills && !options.receipts {
        findings.measured("messages acknowledged by a killed broker and lost", lost);
    } else {
        findings.zero("messages acknowledged and lost", lost);
    }
    if options.receipts {
        let sum = |count: fn(&Counts) -> u64| evidence.devices.values().map(count).sum::<u64>();
        let (receipted, lost) = evidence.receipted_and_lost();
        findings.measured("messages with a receipt from the log", receipted);
        findings.zero("messages with a receipt and not stored", lost);
        findings.zero("messages without a receipt at the end", evidence.unreceipted);
        findings.measured("messages refused, by their receipts", sum(|counts| counts.refused));
        findings.measured("messages sent again", sum(|counts| counts.sent_again));
    }
    for (table, ids) in [("telemetry", &evidence.telemetry), ("acks", &evidence.acks)] {
        let doubled: Vec<_> = ids.iter().filter(|(_, count)| **count > 1).collect();
        let named: Vec<_> = doubled.iter().take(NAMED_MAX).map(|(id, _)| id.to_string()).collect();
        let measured = format!("{} {}", doubled.len(), named.join(" "));
        findings.held(
            &format!("rows doubled in {table}"),
            measured.trim().to_owned(),
            doubled.is_empty(),
        );
    }
}

/// Finds what was kept of the promises on setpoints.
pub fn setpoints(evidence: &Evidence, findings: &mut Findings) {
    let decisions = &evidence.decisions;
    let applied: Vec<_> = evidence
        .devices
        .iter()
        .flat_map(|(device, counts)| counts.applied.iter().map(move |one| (*device, one)))
        .collect();
    findings.measured("setpoints decided", decisions.setpoints.len());
    findings.measured("setpoints applied", applied.len());
    let sum = |count: fn(&Counts) -> u64| evidence.devices.values().map(count).sum::<u64>();
    findings.measured("setpoints that came again and were recognised", sum(|counts| counts.resent));
    findings.measured("setpoints that came late and were refused", sum(|counts| counts.older));
    findings.measured("setpoints whose lease was over", sum(|counts| counts.expired));
    findings.measured(
        "setpoints of the watchdog applied",
        applied.iter().filter(|(_, one)| one.watchdog).count(),
    );

    let twice: usize = evidence
        .devices
        .values()
        .map(|counts| {
            let distinct: HashSet<Uuid> = counts.applied.iter().map(|one| one.id).collect();
            counts.applied.len() - distinct.len()
        })
        .sum();
    findings.zero("setpoints applied twice", twice);
    let out_of_order: usize = evidence
        .devices
        .values()
        .map(|counts| {
            let pairs = counts.applied.windows(2);
            pairs.filter(|pair| (pair[1].epoch, pair[1].seq) < (pair[0].epoch, pair[0].seq)).count()
        })
        .sum();
    findings.zero("setpoints applied out of order", out_of_order);

    let real = applied.iter().filter(|(_, one)| !one.watchdog);
    let void = real.clone().filter(|(_, one)| decisions.void.contains(&one.id)).count();
    findings.measured("void records in the log", decisions.void_records);
    findings.zero("setpoints of void decisions applied", void);
    let foreign = real
        .filter(|(device, one)| {
            decisions
                .setpoints
                .get(&one.id)
                .is_none_or(|decided| decided.device != device_id(*device))
        })
        .count();
    findings.zero("setpoints applied that nobody decided", foreign);
    findings.zero("setpoints not delivered at the end, though valid", undelivered(evidence));

    let stored = &evidence.setpoints;
    let missing = evidence.not_stored();
    findings.zero("setpoints decided and not stored", missing);
    findings.zero("setpoints stored twice", stored.values().filter(|count| **count > 1).count());
    let void_stored = stored.keys().filter(|id| !decisions.setpoints.contains_key(id)).count();
    findings.zero("setpoints stored that do not count", void_stored);
}

/// Devices whose newest setpoint was valid when everything had settled, and has not come.
fn undelivered(evidence: &Evidence) -> usize {
    // On its way, at that moment.
    const UNDER_WAY_MS: i64 = 3_000;
    let mut newest: BTreeMap<&str, (&Uuid, &super::ledger::Decided)> = BTreeMap::new();
    for (id, decided) in &evidence.decisions.setpoints {
        if decided.at > evidence.settled_at - UNDER_WAY_MS {
            continue;
        }
        let entry = newest.entry(&decided.device).or_insert((id, decided));
        if decided.fence > entry.1.fence {
            *entry = (id, decided);
        }
    }
    let last = last_applied(&evidence.devices);
    let last: BTreeMap<String, (i64, i64)> =
        last.into_iter().map(|(device, one)| (device_id(device), (one.epoch, one.seq))).collect();
    newest
        .iter()
        .filter(|(device, (_, decided))| {
            let has = last.get(**device).copied().unwrap_or((0, 0));
            decided.until > evidence.settled_at && has < decided.fence
        })
        .count()
}
