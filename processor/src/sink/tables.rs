//! The topics that ClickHouse keeps, one file each: what a record of it becomes, and into which tables. Of the others the
//! log itself holds all that anybody asks for.

mod acks;
mod dead_letters;
mod decisions;
mod operator;
mod sent;
mod telemetry;

use std::collections::HashSet;
use std::fmt::Debug;

use clickhouse::{Row, RowOwned, RowWrite};
use schemas::Timestamp;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::ledger::Void;
use schemas::topics::Topic;
use service_kit::clickhouse::rows::Place;
use uuid::Uuid;

use super::gathered::{Gathered, Gathering};
use super::seen::{Novelty, Past};
use super::service::{Before, BlockId, Store};

/// A topic that is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// The topic.
    pub(super) topic: Topic,
    /// The table whose highest stored place says where the topic goes on.
    pub(super) position_table: &'static str,
    /// Asks from when on nothing of each device is stored; none where nothing comes from devices.
    pub(super) newest: Option<&'static str>,
    /// Begins to gather rows of a partition.
    pub(super) gather: fn(Beginning) -> Box<dyn Gathering>,
}

impl Kept {
    /// All of them.
    pub(super) const ALL: &'static [Self] = &[
        Self::of::<telemetry::Samples>(),
        Self::of::<acks::Acks>(),
        Self::of::<decisions::Decisions>(),
        Self::of::<sent::SentSetpoints>(),
        Self::of::<operator::Changes>(),
        Self::of::<dead_letters::Letters>(),
    ];

    const fn of<T: Table>() -> Self {
        Self {
            topic: T::Record::TOPIC,
            position_table: T::POSITIONS,
            newest: T::NEWEST,
            gather: |beginning| Box::new(Gathered::<T>::new(beginning)),
        }
    }

    /// Those with a partition of this number: a topic that has but one goes with the first of the others.
    pub(super) fn of_partition(partition: i32) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |kept| partition < kept.topic.partitions(i32::MAX))
    }
}

/// What is known of a partition where reading it begins.
#[derive(Debug)]
pub(super) struct Beginning {
    /// What may be stored from before.
    pub(super) past: Past,
    /// Which log it is.
    pub(super) lineage: Option<Lineage>,
}

/// A topic whose records become rows.
pub(super) trait Table: Debug + Send + 'static {
    /// Its records.
    type Record: Record;
    /// What is gathered of one until its block is written.
    type Row: Debug + Send + Sync;
    /// The table that is written last: its highest stored place says where the topic goes on.
    const POSITIONS: &'static str;
    /// A query, with the parameter `since` (s), for each device that was heard since then, and from when on nothing of it is
    /// stored (ms). None where nothing comes from devices.
    const NEWEST: Option<&'static str> = None;

    /// What is remembered of a partition's records, before the first.
    fn new(beginning: Beginning) -> Self;

    /// The row of a record; none where it leads to no row.
    ///
    /// # Errors
    /// Why the record does not count.
    fn prepare(&mut self, record: Self::Record, place: Place) -> Outcome<Self::Row>;

    /// What a message is known by that may come again, longer after than anybody remembers.
    fn name(_row: &Self::Row) -> Option<String> {
        None
    }

    /// The names among these that ClickHouse holds from before a place in the log.
    fn stored(
        _rows: &[&Self::Row],
        _store: &Store,
        _before: &Before,
    ) -> impl Future<Output = anyhow::Result<HashSet<String>>> + Send {
        async { Ok(HashSet::new()) }
    }

    /// Writes the rows of a block into its tables.
    fn write(
        rows: &[Self::Row],
        block: &Destination<'_>,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// What a record leads to.
pub(super) type Outcome<R> = Result<Option<Prepared<R>>, Void>;

/// The row of one record.
pub(super) struct Prepared<R> {
    /// Its time: the rows of a block stand in one day of it.
    pub(super) time: Timestamp,
    /// Whether it came before.
    pub(super) novelty: Novelty,
    /// The row.
    pub(super) row: R,
}

/// Where the rows of a block go.
pub(super) struct Destination<'s> {
    pub(super) store: &'s Store,
    /// The log that rows name.
    pub(super) log: Uuid,
    pub(super) partition: i32,
    pub(super) first: i64,
    pub(super) last: i64,
    /// The log that the block's name is of.
    pub(super) named: Option<Uuid>,
}

impl Destination<'_> {
    /// Writes rows into a table. Written again under the block's name they count once.
    async fn write<R>(&self, table: &'static str, rows: &[R]) -> anyhow::Result<()>
    where
        R: RowOwned + RowWrite + Row,
    {
        let Self { partition, first, last, named: log, .. } = *self;
        self.store.write(BlockId { table, partition, first, last, log }, rows).await
    }

    /// The place of a record.
    fn place(&self, offset: i64) -> Place {
        Place { log: self.log, partition: self.partition, offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_partition_has_all_and_the_others_what_is_spread() {
        let of =
            |partition| Kept::of_partition(partition).map(|kept| kept.topic).collect::<Vec<_>>();
        assert_eq!(of(0).len(), Kept::ALL.len());
        assert_eq!(of(7), [Topic::Telemetry, Topic::Acks, Topic::Decisions, Topic::Sent]);
    }
}
