//! What a partition remembers of idempotent producers: enough to answer a batch that comes again with the offset that
//! it has, and to refuse one that does not follow. It does no IO; checkpoints carry it over a restart.

use std::collections::{HashMap, VecDeque};

use super::batch::Header;

/// Batches remembered of a producer: as many as one may have in flight.
const REMEMBERED: usize = 5;
/// Producers remembered; the one that has been silent longest is forgotten first.
const PRODUCERS_MAX: usize = 1_000;

/// One remembered batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) first: i32,
    pub(super) last: i32,
    pub(super) offset: i64,
}

/// One producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) epoch: i16,
    pub(super) batches: VecDeque<Batch>,
    /// Offset of its newest batch: the larger, the more recent.
    pub(super) newest: i64,
}

/// All producers of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Producers(pub(super) HashMap<i64, Producer>);

/// What to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Append it.
    New,
    /// It stands at this offset already.
    Repeated(i64),
    /// Its sequence does not follow.
    OutOfOrder,
    /// Its producer has been replaced.
    Fenced,
}

impl Producers {
    pub(super) fn judge(&self, header: &Header) -> Verdict {
        if !header.is_idempotent() {
            return Verdict::New;
        }
        let Some(producer) = self.0.get(&header.producer_id) else {
            // Nothing is known of it any more, or yet: as Kafka does, it may begin anywhere.
            return Verdict::New;
        };
        if header.producer_epoch < producer.epoch {
            return Verdict::Fenced;
        }
        if header.producer_epoch > producer.epoch {
            return if header.base_sequence == 0 { Verdict::New } else { Verdict::OutOfOrder };
        }
        let last = last_sequence(header);
        let same = |batch: &&Batch| batch.first == header.base_sequence && batch.last == last;
        if let Some(batch) = producer.batches.iter().find(same) {
            return Verdict::Repeated(batch.offset);
        }
        match producer.batches.back() {
            Some(newest) if following(newest.last) != header.base_sequence => Verdict::OutOfOrder,
            _ => Verdict::New,
        }
    }

    pub(super) fn note(&mut self, header: &Header, offset: i64) {
        if !header.is_idempotent() {
            return;
        }
        if self.0.len() >= PRODUCERS_MAX && !self.0.contains_key(&header.producer_id) {
            let silent = self.0.iter().min_by_key(|(_, producer)| producer.newest);
            if let Some(id) = silent.map(|(id, _)| *id) {
                self.0.remove(&id);
            }
        }
        let producer = self.0.entry(header.producer_id).or_insert_with(|| Producer {
            epoch: header.producer_epoch,
            batches: VecDeque::new(),
            newest: offset,
        });
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == REMEMBERED {
            producer.batches.pop_front();
        }
        let (first, last) = (header.base_sequence, last_sequence(header));
        producer.batches.push_back(Batch { first, last, offset });
        producer.newest = offset;
    }
}

/// Sequences go on at zero after the largest number.
fn following(sequence: i32) -> i32 {
    sequence.checked_add(1).unwrap_or(0)
}

fn last_sequence(header: &Header) -> i32 {
    let last = i64::from(header.base_sequence) + i64::from(header.last_offset_delta);
    // Wraps behind i32::MAX, as the protocol has it.
    i32::try_from(last).unwrap_or_else(|_| {
        i32::try_from(last - i64::from(i32::MAX) - 1).expect("both parts are of 31 bits")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(epoch: i16, sequence: i32, records: i32) -> Header {
        Header {
            base_offset: 0,
            bytes: 100,
            crc: 0,
            attributes: 0,
            last_offset_delta: records - 1,
            base_timestamp: 0,
            max_timestamp: 0,
            producer_id: 7,
            producer_epoch: epoch,
            base_sequence: sequence,
            records: u32::try_from(records).expect("positive"),
        }
    }

    #[test]
    fn repeats_get_their_offset_gaps_are_refused_and_sequences_wrap() {
        let mut producers = Producers::default();
        producers.note(&header(0, i32::MAX - 1, 2), 10);
        assert_eq!(producers.judge(&header(0, i32::MAX - 1, 2)), Verdict::Repeated(10));
        assert_eq!(producers.judge(&header(0, 1, 1)), Verdict::OutOfOrder);
        assert_eq!(producers.judge(&header(0, 0, 3)), Verdict::New, "after the largest comes zero");
        producers.note(&header(0, i32::MAX, 1), 12);
        assert_eq!(producers.judge(&header(1, 5, 1)), Verdict::OutOfOrder);
        assert_eq!(producers.judge(&header(1, 0, 1)), Verdict::New);
        producers.note(&header(1, 0, 1), 13);
        assert_eq!(producers.judge(&header(0, 0, 3)), Verdict::Fenced);
    }

    #[test]
    fn the_most_silent_of_too_many_producers_is_forgotten() {
        let mut producers = Producers::default();
        for id in 0..=PRODUCERS_MAX as i64 {
            producers.note(&Header { producer_id: id, ..header(0, 0, 1) }, id);
        }
        assert_eq!(producers.0.len(), PRODUCERS_MAX);
        assert!(!producers.0.contains_key(&0) && producers.0.contains_key(&1));
    }
}
