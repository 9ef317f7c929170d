//! Dead letters: a row each; a record that cannot be read may have been said more than once.

use schemas::records::dead_letter::{DeadLetter, UNREADABLE};
use service_kit::clickhouse::rows::{self, DeadLetterRow, Place};
use uuid::Uuid;

use super::super::seen::{Novelty, Seen};
use super::{Beginning, Destination, Outcome, Prepared, Table};

/// Which records were said to be unreadable.
#[derive(Debug)]
pub(super) struct Letters(Seen);

impl Table for Letters {
    type Record = DeadLetter;
    type Row = DeadLetterRow;
    const POSITIONS: &'static str = "dead_letters";

    fn new(beginning: Beginning) -> Self {
        Self(Seen::new(beginning.past))
    }

    fn prepare(&mut self, letter: DeadLetter, place: Place) -> Outcome<DeadLetterRow> {
        let novelty = if letter.reason == UNREADABLE {
            let source = letter.source.to_string();
            self.0.note_id(Uuid::new_v5(&Uuid::NAMESPACE_URL, source.as_bytes()))
        } else {
            Novelty::New
        };
        Ok(Some(Prepared { time: letter.at, novelty, row: rows::dead_letter(letter, place) }))
    }

    async fn write(rows: &[DeadLetterRow], block: &Destination<'_>) -> anyhow::Result<()> {
        block.write("dead_letters", rows).await
    }
}
