//! A client that appends, and the thread that takes its delivery reports. rdkafka's own such thread asks ten times a second
//! and spends the last millisecond of each question asking without waiting, which is a hundredth of a core for every
//! producer that has nothing to do.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, ProducerContext};

/// How long one question for reports lasts; they are taken as they come. The end waits for it.
const POLL: Duration = Duration::from_secs(1);

/// A producer whose reports its context is told; ends within [`POLL`] of its drop, which waits for that.
pub(super) struct Polled<C: ProducerContext + 'static> {
    producer: Arc<BaseProducer<C>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<C: ProducerContext + 'static> Polled<C> {
    /// Makes the client and its thread.
    ///
    /// # Errors
    /// When the configuration is refused by the client library, or no thread is to be had.
    pub(super) fn new(config: &ClientConfig, context: C) -> anyhow::Result<Self> {
        let producer: Arc<BaseProducer<C>> = Arc::new(config.create_with_context(context)?);
        let ends = Arc::new(AtomicBool::new(false));
        let (polled, ended) = (Arc::clone(&producer), Arc::clone(&ends));
        let thread =
            std::thread::Builder::new().name("log-reports".to_owned()).spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    polled.poll(POLL);
                }
            })?;
        Ok(Self { producer, ends, thread: Some(thread) })
    }
}

impl<C: ProducerContext + 'static> Deref for Polled<C> {
    type Target = BaseProducer<C>;

    fn deref(&self) -> &Self::Target {
        &self.producer
    }
}

impl<C: ProducerContext + 'static> Drop for Polled<C> {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there was a callback's, and is in the log already.
            thread.join().ok();
        }
    }
}
