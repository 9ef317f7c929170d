//! Records of setpoints that have gone out, on their way into the log. Which ones there are is
//! [`bridge_outbound::Settled::record`]'s to say.
//!
//! Nobody waits for them: a record that finds no room, or that the log does not take, is dropped and counted
//! (`derms_bridge_sent_records_total`), and its setpoint has gone out all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use service_kit::log::{OnDelivery, Outgoing, Producer, QueueFull};

use crate::caps;
use crate::metrics::{self, RecordResult};

/// Takes a record, or says at once that there is no room.
type HandOver = dyn Fn(&Outgoing, OnDelivery) -> Result<(), QueueFull> + Send + Sync;

/// Hands records over. Its log answers on a thread of the producer.
pub(crate) struct Recorder {
    hand_over: Box<HandOver>,
    /// Handed over and not answered.
    waiting: Arc<AtomicUsize>,
}

impl Recorder {
    pub(crate) fn new(producer: Producer) -> Self {
        Self::over(move |outgoing, on_delivery| producer.send(outgoing, on_delivery))
    }

    fn over(
        hand_over: impl Fn(&Outgoing, OnDelivery) -> Result<(), QueueFull> + Send + Sync + 'static,
    ) -> Self {
        Self { hand_over: Box::new(hand_over), waiting: Arc::default() }
    }

    /// Hands a record over, and waits for nothing.
    pub(crate) fn record(&self, outgoing: &Outgoing) {
        // Only this adds to them, so what comes between makes room and takes none.
        if self.waiting.load(Ordering::Acquire) >= caps::SENT_RECORDS_WAITING_MAX {
            return metrics::sent_record(RecordResult::Dropped);
        }
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let waiting = Arc::clone(&self.waiting);
        let on_delivery: OnDelivery = Box::new(move |outcome| {
            waiting.fetch_sub(1, Ordering::AcqRel);
            metrics::sent_record(match outcome {
                Ok(_) => RecordResult::Appended,
                Err(_) => RecordResult::Failed,
            });
        });
        if (self.hand_over)(outgoing, on_delivery).is_err() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            metrics::sent_record(RecordResult::Dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use schemas::samples::raw;
    use schemas::topics::Topic;
    use service_kit::log::DeliveryError;

    use super::*;

    fn outgoing() -> Outgoing {
        raw(Topic::Sent, 0, "north", Vec::new())
    }

    fn refused() -> DeliveryError {
        let refused = rdkafka::types::RDKafkaErrorCode::MessageTimedOut;
        DeliveryError::Refused(rdkafka::error::KafkaError::MessageProduction(refused))
    }

    /// A recorder whose log answers when it is told to.
    fn silent() -> (Recorder, Arc<Mutex<Vec<OnDelivery>>>) {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&taken);
        let recorder = Recorder::over(move |_, on_delivery| {
            log.lock().expect("not poisoned").push(on_delivery);
            Ok(())
        });
        (recorder, taken)
    }

    fn number(taken: &Mutex<Vec<OnDelivery>>) -> usize {
        taken.lock().expect("not poisoned").len()
    }

    #[test]
    fn a_log_that_does_not_answer_is_given_no_more_than_there_is_room_for() {
        let (recorder, taken) = silent();
        for _ in 0..caps::SENT_RECORDS_WAITING_MAX + 5 {
            recorder.record(&outgoing());
        }
        assert_eq!(number(&taken), caps::SENT_RECORDS_WAITING_MAX);
        // Each answer makes room for one, whatever it is.
        let mut answers = std::mem::take(&mut *taken.lock().expect("not poisoned"));
        for answer in [Ok(7), Err(refused())] {
            answers.pop().expect("one")(answer);
        }
        for _ in 0..5 {
            recorder.record(&outgoing());
        }
        assert_eq!(number(&taken), 2);
    }

    #[test]
    fn a_producer_without_room_takes_no_room_here() {
        let recorder = Recorder::over(|_, on_delivery| Err(QueueFull(on_delivery)));
        for _ in 0..caps::SENT_RECORDS_WAITING_MAX + 5 {
            recorder.record(&outgoing());
        }
        assert_eq!(recorder.waiting.load(Ordering::Acquire), 0);
    }
}
