//! Records into blocks of rows, cut as the sink cuts them: in the order of the log, within one day, at most so many.

use schemas::Timestamp;
use schemas::records::ack::Ack;
use schemas::records::decision::Decision;
use schemas::records::operator::OperatorRecord;
use schemas::records::sent::Sent;
use schemas::records::telemetry::Telemetry;
use service_kit::clickhouse::rows::{self, Place};
use uuid::Uuid;

const DAY_MS: i64 = 86_400_000;
/// Rows of a block.
const ROWS_MAX: usize = 100_000;

/// The rows of one table.
#[derive(Debug)]
pub(super) enum Rows {
    Telemetry(Vec<rows::TelemetryRow>),
    Acks(Vec<rows::AckRow>),
    Operator(Vec<rows::OperatorRow>),
    Decisions(Vec<rows::DecisionRow>),
    Devices(Vec<rows::DecisionDeviceRow>),
    Setpoints(Vec<rows::SetpointRow>),
    Alarms(Vec<rows::AlarmRow>),
    Sent(Vec<rows::SentRow>),
}

/// Rows that are written at once, with the places of their records.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) table: &'static str,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) rows: Rows,
}

/// The open block of one table.
#[derive(Debug)]
struct Open<R> {
    rows: Vec<R>,
    first: i64,
    last: i64,
    day: i64,
}

impl<R> Open<R> {
    const fn new() -> Self {
        Self { rows: Vec::new(), first: 0, last: 0, day: 0 }
    }

    /// Adds the rows of a record; gives the block that had to end before it.
    fn add(
        &mut self,
        at: Timestamp,
        place: i64,
        rows: impl IntoIterator<Item = R>,
    ) -> Option<Self> {
        let day = at.window_start(DAY_MS).0;
        let ends = !self.rows.is_empty() && (self.day != day || self.rows.len() >= ROWS_MAX);
        let ended = ends.then(|| std::mem::replace(self, Self::new()));
        if self.rows.is_empty() {
            (self.first, self.day) = (place, day);
        }
        self.last = place;
        self.rows.extend(rows);
        ended
    }

    fn block(self, table: &'static str, of: fn(Vec<R>) -> Rows) -> Block {
        Block { table, first: self.first, last: self.last, rows: of(self.rows) }
    }
}

/// The log that was never written, and the blocks that the sink would make of it.
#[derive(Debug)]
pub(super) struct Log {
    log: Uuid,
    /// The next place of each topic: telemetry, acks, decisions, operator, sent.
    next: [i64; 5],
    telemetry: Open<rows::TelemetryRow>,
    acks: Open<rows::AckRow>,
    operator: Open<rows::OperatorRow>,
    decisions: Open<rows::DecisionRow>,
    devices: Open<rows::DecisionDeviceRow>,
    setpoints: Open<rows::SetpointRow>,
    alarms: Open<rows::AlarmRow>,
    sent: Open<rows::SentRow>,
    done: Vec<Block>,
}

impl Log {
    pub(super) const fn new(log: Uuid) -> Self {
        Self {
            log,
            next: [0; 5],
            telemetry: Open::new(),
            acks: Open::new(),
            operator: Open::new(),
            decisions: Open::new(),
            devices: Open::new(),
            setpoints: Open::new(),
            alarms: Open::new(),
            sent: Open::new(),
            done: Vec::new(),
        }
    }

    fn place(&mut self, topic: usize) -> Place {
        let offset = self.next[topic];
        self.next[topic] += 1;
        Place { log: self.log, partition: 0, offset }
    }

    /// The places that the next decision counts as read: telemetry, acks, operator.
    pub(super) const fn positions(&self) -> (i64, i64, i64) {
        (self.next[0], self.next[1], self.next[3])
    }

    pub(super) fn sample(&mut self, sample: Telemetry) {
        let (place, at) = (self.place(0), sample.arrival);
        let ended = self.telemetry.add(at, place.offset, [rows::telemetry(sample, place)]);
        self.done.extend(ended.map(|open| open.block("telemetry", Rows::Telemetry)));
    }

    /// A sample that came before: it stands in the log, and no row is made of it.
    pub(super) fn sample_again(&mut self) {
        self.next[0] += 1;
    }

    pub(super) fn ack(&mut self, ack: Ack) {
        let (place, at) = (self.place(1), ack.arrival);
        let ended = self.acks.add(at, place.offset, [rows::ack(ack, place)]);
        self.done.extend(ended.map(|open| open.block("acks", Rows::Acks)));
    }

    pub(super) fn change(&mut self, change: OperatorRecord) {
        let (place, at) = (self.place(3), change.at);
        let ended = self.operator.add(at, place.offset, [rows::operator(change, place)]);
        self.done.extend(ended.map(|open| open.block("operator_log", Rows::Operator)));
    }

    pub(super) fn sent(&mut self, sent: Sent) {
        let (place, at) = (self.place(4), sent.decided_at);
        let ended = self.sent.add(at, place.offset, [rows::sent(sent, place)]);
        self.done.extend(ended.map(|open| open.block("sent", Rows::Sent)));
    }

    pub(super) fn decision(&mut self, decision: &Decision) {
        let (place, at) = (self.place(2), decision.header.at);
        let ended = self.setpoints.add(at, place.offset, rows::setpoints(decision, place));
        self.done.extend(ended.map(|open| open.block("setpoints", Rows::Setpoints)));
        let ended = self.devices.add(at, place.offset, rows::decision_devices(decision, place));
        self.done.extend(ended.map(|open| open.block("decision_devices", Rows::Devices)));
        let ended = self.alarms.add(at, place.offset, rows::alarms(decision, place));
        self.done.extend(ended.map(|open| open.block("decision_alarms", Rows::Alarms)));
        let ended = self.decisions.add(at, place.offset, rows::decision(decision, place));
        self.done.extend(ended.map(|open| open.block("decisions", Rows::Decisions)));
    }

    /// The blocks that are complete.
    pub(super) fn take(&mut self) -> Vec<Block> {
        std::mem::take(&mut self.done)
    }

    /// All that is left.
    pub(super) fn finish(self) -> Vec<Block> {
        let mut done = self.done;
        done.push(self.telemetry.block("telemetry", Rows::Telemetry));
        done.push(self.acks.block("acks", Rows::Acks));
        done.push(self.operator.block("operator_log", Rows::Operator));
        done.push(self.setpoints.block("setpoints", Rows::Setpoints));
        done.push(self.devices.block("decision_devices", Rows::Devices));
        done.push(self.alarms.block("decision_alarms", Rows::Alarms));
        done.push(self.decisions.block("decisions", Rows::Decisions));
        done.push(self.sent.block("sent", Rows::Sent));
        done
    }
}
