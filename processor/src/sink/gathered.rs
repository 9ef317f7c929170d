//! Rows of a block while it is gathered, and those among them that may have been stored long ago. Knows no table: a
//! stream and its blocks hold the rows of any.

use std::collections::HashSet;
use std::fmt::Debug;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemas::Timestamp;
use schemas::codec::{DecodeError, Record};
use schemas::ledger::Void;
use service_kit::clickhouse::rows::Place;

use super::seen::Novelty;
use super::service::{Before, Store};
use super::tables::{Beginning, Destination, Table};

/// Why a record is nothing to store.
pub(super) enum Worthless {
    /// It cannot be read.
    Poison(DecodeError),
    /// It does not count.
    Void(Void),
}

/// Rows of one partition on their way into blocks.
pub(super) trait Gathering: Debug + Send {
    /// Reads a record and keeps its row at hand: its time, and whether it came before. None where it leads to no row.
    fn read(
        &mut self,
        value: &[u8],
        place: Place,
    ) -> Result<Option<(Timestamp, Novelty)>, Worthless>;

    /// Adds the row that is at hand to the open block.
    fn push(&mut self, unsure: bool);

    /// Takes the rows of the open block out.
    fn take(&mut self) -> Box<dyn Rows>;
}

/// The rows of a block.
pub(super) trait Rows: Debug + Send + Sync {
    /// Whether some of them may have been stored already.
    fn is_unsure(&self) -> bool;

    /// Drops what is stored already, and what came twice among the unsure; gives how many. The rest is certain.
    fn drop_stored<'r>(
        &'r mut self,
        store: &'r Store,
        before: &'r Before,
    ) -> BoxFuture<'r, anyhow::Result<usize>>;

    /// Writes them into their tables.
    fn write<'r>(&'r self, block: &'r Destination<'_>) -> BoxFuture<'r, anyhow::Result<()>>;

    /// How many records they are of.
    #[cfg(test)]
    fn len(&self) -> usize;
}

/// Rows of one topic.
#[derive(Debug)]
pub(super) struct Gathered<T: Table> {
    table: T,
    at_hand: Option<T::Row>,
    open: Batch<T>,
}

/// Rows of one topic that are written at once.
#[derive(Debug)]
struct Batch<T: Table> {
    rows: Vec<T::Row>,
    /// Which of them may have been stored already, by index.
    unsure: HashSet<usize>,
}

impl<T: Table> Default for Batch<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), unsure: HashSet::new() }
    }
}

impl<T: Table> Gathered<T> {
    pub(super) fn new(beginning: Beginning) -> Self {
        Self { table: T::new(beginning), at_hand: None, open: Batch::default() }
    }
}

impl<T: Table> Gathering for Gathered<T> {
    fn read(
        &mut self,
        value: &[u8],
        place: Place,
    ) -> Result<Option<(Timestamp, Novelty)>, Worthless> {
        let record = T::Record::decode(value).map_err(Worthless::Poison)?;
        let prepared = self.table.prepare(record, place).map_err(Worthless::Void)?;
        Ok(prepared.map(|prepared| {
            self.at_hand = Some(prepared.row);
            (prepared.time, prepared.novelty)
        }))
    }

    fn push(&mut self, unsure: bool) {
        let Some(row) = self.at_hand.take() else { return };
        if unsure {
            self.open.unsure.insert(self.open.rows.len());
        }
        self.open.rows.push(row);
    }

    fn take(&mut self) -> Box<dyn Rows> {
        Box::new(std::mem::take(&mut self.open))
    }
}

impl<T: Table> Rows for Batch<T> {
    fn is_unsure(&self) -> bool {
        !self.unsure.is_empty()
    }

    fn drop_stored<'r>(
        &'r mut self,
        store: &'r Store,
        before: &'r Before,
    ) -> BoxFuture<'r, anyhow::Result<usize>> {
        async move {
            let unsure: Vec<&T::Row> =
                self.unsure.iter().filter_map(|index| self.rows.get(*index)).collect();
            let mut gone = T::stored(&unsure, store, before).await?;
            let unsure = std::mem::take(&mut self.unsure);
            let before = self.rows.len();
            let mut index = 0;
            self.rows.retain(|row| {
                index += 1;
                let is_sure = !unsure.contains(&(index - 1));
                is_sure || T::name(row).is_none_or(|name| gone.insert(name))
            });
            Ok(before - self.rows.len())
        }
        .boxed()
    }

    fn write<'r>(&'r self, block: &'r Destination<'_>) -> BoxFuture<'r, anyhow::Result<()>> {
        T::write(&self.rows, block).boxed()
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.rows.len()
    }
}
