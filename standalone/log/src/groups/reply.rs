//! An answer that somebody waits for.

use tokio::sync::oneshot;

/// Gives the answer.
#[derive(Debug)]
pub(crate) struct Reply<T>(oneshot::Sender<T>);

impl<T> Reply<T> {
    /// A reply, and where it arrives.
    pub(crate) fn new() -> (Self, oneshot::Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// Answers; who asked may be gone.
    pub(crate) fn send(self, answer: T) {
        self.0.send(answer).ok();
    }
}
