//! Rows of a block while it is gathered, and those among them that may have been stored long ago.

use std::collections::HashSet;

use schemas::Timestamp;
use schemas::records::decision::Decision;
use service_kit::clickhouse::rows;

use super::kept::Kept;

/// The row of one record.
#[derive(Debug)]
pub(super) enum Prepared {
    Telemetry(Box<rows::TelemetryRow>),
    Ack(rows::AckRow),
    Operator(rows::OperatorRow),
    DeadLetter(rows::DeadLetterRow),
    Sent(rows::SentRow),
    Decision(i64, Box<Decision>),
}

/// What a block is made of.
#[derive(Debug)]
pub(super) enum Gathered {
    Telemetry(Vec<rows::TelemetryRow>),
    Acks(Vec<rows::AckRow>),
    Operator(Vec<rows::OperatorRow>),
    DeadLetters(Vec<rows::DeadLetterRow>),
    Sent(Vec<rows::SentRow>),
    Decisions(Vec<(i64, Decision)>),
}

/// The rows of a block.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) gathered: Gathered,
    /// Which of them may have been stored already, by index.
    pub(super) unsure: HashSet<usize>,
}

impl Rows {
    pub(super) fn of(kept: Kept) -> Self {
        let gathered = match kept {
            Kept::Telemetry => Gathered::Telemetry(Vec::new()),
            Kept::Acks => Gathered::Acks(Vec::new()),
            Kept::Decisions => Gathered::Decisions(Vec::new()),
            Kept::Sent => Gathered::Sent(Vec::new()),
            Kept::Operator => Gathered::Operator(Vec::new()),
            Kept::DeadLetters => Gathered::DeadLetters(Vec::new()),
        };
        Self { gathered, unsure: HashSet::new() }
    }

    fn len(&self) -> usize {
        match &self.gathered {
            Gathered::Telemetry(rows) => rows.len(),
            Gathered::Acks(rows) => rows.len(),
            Gathered::Operator(rows) => rows.len(),
            Gathered::DeadLetters(rows) => rows.len(),
            Gathered::Sent(rows) => rows.len(),
            Gathered::Decisions(rows) => rows.len(),
        }
    }

    pub(super) fn push(&mut self, row: Prepared, unsure: bool) {
        if unsure {
            self.unsure.insert(self.len());
        }
        match (&mut self.gathered, row) {
            (Gathered::Telemetry(rows), Prepared::Telemetry(row)) => rows.push(*row),
            (Gathered::Acks(rows), Prepared::Ack(row)) => rows.push(row),
            (Gathered::Operator(rows), Prepared::Operator(row)) => rows.push(row),
            (Gathered::DeadLetters(rows), Prepared::DeadLetter(row)) => rows.push(row),
            (Gathered::Sent(rows), Prepared::Sent(row)) => rows.push(row),
            (Gathered::Decisions(rows), Prepared::Decision(offset, decision)) => {
                rows.push((offset, *decision));
            }
            (_, _) => unreachable!("a stream's rows are of its own topic"),
        }
    }

    /// The samples that may have been stored already.
    pub(super) fn unsure_samples(&self) -> Vec<&rows::TelemetryRow> {
        let Gathered::Telemetry(rows) = &self.gathered else { return Vec::new() };
        self.unsure.iter().filter_map(|index| rows.get(*index)).collect()
    }

    /// The acks that may have been stored already.
    pub(super) fn unsure_acks(&self) -> Vec<&rows::AckRow> {
        let Gathered::Acks(rows) = &self.gathered else { return Vec::new() };
        self.unsure.iter().filter_map(|index| rows.get(*index)).collect()
    }

    /// Drops what is stored already, and what came twice among the unsure; gives how many. The rest is certain.
    pub(super) fn drop_stored(&mut self, stored: &HashSet<String>) -> usize {
        let unsure = std::mem::take(&mut self.unsure);
        let mut met = HashSet::new();
        let mut keep = |index: usize, name: String| {
            !unsure.contains(&index) || (!stored.contains(&name) && met.insert(name))
        };
        let before = self.len();
        let mut index = 0;
        let mut next = || {
            index += 1;
            index - 1
        };
        match &mut self.gathered {
            Gathered::Telemetry(rows) => rows.retain(|row| keep(next(), row.moment())),
            Gathered::Acks(rows) => rows.retain(|row| keep(next(), row.message_id.to_string())),
            Gathered::Operator(_)
            | Gathered::DeadLetters(_)
            | Gathered::Sent(_)
            | Gathered::Decisions(_) => {}
        }
        before - self.len()
    }
}

impl Prepared {
    /// When its message arrived; the epoch where it is none.
    pub(super) fn arrival(&self) -> Timestamp {
        match self {
            Self::Telemetry(row) => Timestamp(row.arrival),
            Self::Ack(_)
            | Self::Operator(_)
            | Self::DeadLetter(_)
            | Self::Sent(_)
            | Self::Decision(..) => Timestamp(0),
        }
    }
}
