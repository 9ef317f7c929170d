//! Blocks of rows: where one begins and ends, and what is written of it so that it counts once.
//!
//! A block is named by its first and last place in the log, and that name is its deduplication token. Before a block is
//! sent for the first time its name is stored as the group's position (see [`Planned`]): whoever goes on after this
//! instance first writes the very same block again, under the very same token.

use schemas::Timestamp;
use uuid::Uuid;

const DAY_MS: i64 = 86_400_000;

/// Bounds of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Rows wait at most this long.
    pub(super) age_ms: i64,
    /// Rows of a block.
    pub(super) rows: usize,
    /// Bytes of the records of a block.
    pub(super) bytes: usize,
}

/// A block that was, or may have been, sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    /// Its first place.
    pub(super) first: i64,
    /// Its last place.
    pub(super) last: i64,
    /// When it was planned.
    pub(super) at: Timestamp,
    /// In which log; none from before logs had identities.
    pub(super) log: Option<Uuid>,
}

impl Planned {
    /// The text stored with the position of its first place.
    pub(super) fn text(self) -> String {
        let log = self.log.map_or_else(String::new, |log| format!("@{log}"));
        format!("{}@{}{log}", self.last, self.at.0)
    }

    /// The block of a stored position; none where the text names none.
    pub(super) fn read(first: i64, text: &str) -> Option<Self> {
        let (last, rest) = text.split_once('@')?;
        let (at, log) = match rest.split_once('@') {
            Some((at, log)) => (at, Some(Uuid::parse_str(log).ok()?)),
            None => (rest, None),
        };
        let (last, at) = (last.parse().ok()?, Timestamp(at.parse().ok()?));
        let planned = Self { first, last, at, log };
        (planned.last >= first).then_some(planned)
    }
}

/// Where a record stands as to a block that has to be written again as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Before it.
    Before,
    /// In it.
    Again,
    /// After it, or there is none.
    Free,
}

impl Section {
    pub(super) fn of(offset: i64, again: Option<Planned>) -> Self {
        match again {
            Some(again) if offset < again.first => Self::Before,
            Some(again) if offset <= again.last => Self::Again,
            _ => Self::Free,
        }
    }
}

/// A block that is being gathered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) rows: usize,
    pub(super) bytes: usize,
    section: Section,
    /// The day of its rows: an insert is atomic only inside one partition of its table.
    day: Timestamp,
    began: Timestamp,
}

impl Open {
    pub(super) fn new(offset: i64, section: Section, row_time: Timestamp, now: Timestamp) -> Self {
        let day = row_time.window_start(DAY_MS);
        Self { first: offset, last: offset, rows: 0, bytes: 0, section, day, began: now }
    }

    /// Whether a record can be added. A block that is written again takes whatever stood in it.
    pub(super) fn takes(&self, section: Section, row_time: Timestamp, limits: Limits) -> bool {
        let room = self.rows < limits.rows && self.bytes < limits.bytes;
        self.section == section
            && self.day == row_time.window_start(DAY_MS)
            && (room || section == Section::Again)
    }

    /// Whether it is a block that is written again as it was.
    pub(super) fn is_again(&self) -> bool {
        self.section == Section::Again
    }

    pub(super) fn add(&mut self, offset: i64, bytes: usize) {
        self.last = offset;
        self.rows += 1;
        self.bytes += bytes;
    }

    /// Whether it is to be written without waiting for more. `read_to` is the last place read.
    pub(super) fn is_due(
        &self,
        now: Timestamp,
        limits: Limits,
        again: Option<Planned>,
        read_to: i64,
    ) -> bool {
        if self.section == Section::Again {
            return again.is_none_or(|again| read_to >= again.last);
        }
        let full = self.rows >= limits.rows || self.bytes >= limits.bytes;
        full || now.since(self.began) >= limits.age_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { age_ms: 1_000, rows: 3, bytes: 100 };

    #[test]
    fn a_block_ends_at_its_rows_its_bytes_its_age_and_at_midnight() {
        let mut open = Open::new(7, Section::Free, Timestamp(5), Timestamp(10));
        assert!(open.takes(Section::Free, Timestamp(DAY_MS - 1), LIMITS));
        assert!(!open.takes(Section::Free, Timestamp(DAY_MS), LIMITS), "another day");
        assert!(!open.is_due(Timestamp(1_009), LIMITS, None, 7));
        assert!(open.is_due(Timestamp(1_010), LIMITS, None, 7), "age");
        for offset in [7, 8, 11] {
            open.add(offset, 10);
        }
        assert_eq!((open.first, open.last), (7, 11));
        assert!(open.is_due(Timestamp(10), LIMITS, None, 11), "rows");
        assert!(!open.takes(Section::Free, Timestamp(5), LIMITS));
        let mut large = Open::new(0, Section::Free, Timestamp(5), Timestamp(10));
        large.add(0, 100);
        assert!(large.is_due(Timestamp(10), LIMITS, None, 0), "bytes");
    }

    #[test]
    fn a_block_that_is_written_again_begins_and_ends_where_it_did() {
        let again = Some(Planned { first: 5, last: 9, at: Timestamp(0), log: None });
        let section = |offset| Section::of(offset, again);
        assert_eq!(
            [4, 5, 9, 10].map(section),
            [Section::Before, Section::Again, Section::Again, Section::Free]
        );
        let mut open = Open::new(5, section(5), Timestamp(0), Timestamp(0));
        for offset in 5..9 {
            open.add(offset, 100);
        }
        assert!(open.takes(section(9), Timestamp(0), LIMITS), "beyond every bound");
        assert!(!open.takes(section(10), Timestamp(0), LIMITS));
        assert!(
            !open.is_due(Timestamp(99_000), LIMITS, again, 8),
            "not before its last place is read"
        );
        assert!(open.is_due(Timestamp(0), LIMITS, again, 9));
    }

    #[test]
    fn a_plan_survives_its_text() {
        for log in [None, Some(Uuid::from_u128(7))] {
            let planned = Planned { first: 5, last: 9, at: Timestamp(123), log };
            assert_eq!(Planned::read(5, &planned.text()), Some(planned));
        }
        assert_eq!(Planned::read(5, ""), None);
        assert_eq!(Planned::read(10, "9@1"), None);
    }
}
