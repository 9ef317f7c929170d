//! Consumers and producers that close on a thread of their own.
//!
//! The client library closes a consumer by talking to the log and blocks the thread that drops it, for ever where the
//! log is away; a producer takes seconds to end its connections. That thread must be neither a worker of the runtime nor one that the runtime waits for at its end.

use std::ops::Deref;
use std::time::Duration;

use tokio::sync::oneshot;

/// Something whose drop may block.
#[derive(Debug)]
pub(super) struct Closing<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Closing<T> {
    pub(super) fn new(inner: T) -> Self {
        Self(Some(inner))
    }

    /// Closes it, and waits for that at most `bound`.
    pub(super) async fn close(mut self, bound: Duration) {
        if let Some(closed) = self.0.take().and_then(drop_elsewhere) {
            // Too late is fine: the thread goes on alone.
            tokio::time::timeout(bound, closed).await.ok();
        }
    }
}

impl<T: Send + 'static> Deref for Closing<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is taken only by close and drop")
    }
}

impl<T: Send + 'static> Drop for Closing<T> {
    fn drop(&mut self) {
        if let Some(inner) = self.0.take() {
            drop(drop_elsewhere(inner));
        }
    }
}

/// Tells when it is dropped; nothing where no thread is to be had, and then it is dropped already.
fn drop_elsewhere<T: Send + 'static>(inner: T) -> Option<oneshot::Receiver<()>> {
    let (done, closed) = oneshot::channel();
    let thread = std::thread::Builder::new().name("log-close".to_owned()).spawn(move || {
        drop(inner);
        // Nobody may be waiting.
        done.send(()).ok();
    });
    thread.is_ok().then_some(closed)
}
