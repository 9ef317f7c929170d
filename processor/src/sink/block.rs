//! Where blocks of rows begin and end: a pure function of the log.
//!
//! Two instances of the sink that read the same records cut the same blocks, so a block that is written twice carries the
//! same deduplication token and counts once. A block ends where the record's time passes a multiple of the age, where its
//! offset passes a multiple of the row limit, or where the day of its table partition changes.

use schemas::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// What all records of a block have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockKey {
    /// Start of the time slice.
    pub(super) slice: Timestamp,
    offset_slice: i64,
    day: Timestamp,
}

/// How blocks are cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) age_ms: i64,
    pub(super) rows: i64,
}

impl Cut {
    /// The block that a record belongs to: by the log's time and offset of the record, and the time that its
    /// table is partitioned by.
    pub(super) fn key(self, record_time: Timestamp, offset: i64, row_time: Timestamp) -> BlockKey {
        BlockKey {
            slice: record_time.window_start(self.age_ms),
            offset_slice: offset.div_euclid(self.rows.max(1)),
            day: row_time.window_start(DAY_MS),
        }
    }

    /// When a block with no further record may be written: no record of its slice comes any more.
    pub(super) fn due(self, key: BlockKey) -> Timestamp {
        // Records are dated by their producers a moment before they stand in the log.
        const SETTLE_MS: i64 = 500;
        key.slice.plus_ms(self.age_ms + SETTLE_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_at_a_slice_of_time_at_a_multiple_of_offsets_and_at_midnight() {
        let cut = Cut { age_ms: 1_000, rows: 100 };
        let key = |time, offset, row| cut.key(Timestamp(time), offset, Timestamp(row));
        assert_eq!(key(5, 0, 0), key(999, 99, DAY_MS - 1));
        assert_ne!(key(999, 0, 0), key(1_000, 0, 0));
        assert_ne!(key(5, 99, 0), key(5, 100, 0));
        assert_ne!(key(5, 0, DAY_MS - 1), key(5, 0, DAY_MS));
        assert_eq!(cut.due(key(5, 0, 0)), Timestamp(1_500));
    }
}
