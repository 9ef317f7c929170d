//! The only place that spawns: every task has a name, and its failure is somebody's business.

use std::future::Future;

use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Runs a future on the runtime under a name.
#[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.instrument(tracing::info_span!("task", name)))
}

/// Tasks that live and die together: when one ends before its time, or fails, all are told to stop.
#[derive(Debug)]
pub struct Crew {
    tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
    shutdown: CancellationToken,
}

impl Crew {
    /// A crew that stops when `shutdown` is cancelled, and cancels it when one of its tasks fails or ends early.
    #[must_use]
    pub fn new(shutdown: CancellationToken) -> Self {
        Self { tasks: JoinSet::new(), shutdown }
    }

    /// Adds a task. It must end soon after the crew's token is cancelled.
    pub fn spawn<F>(&mut self, name: &'static str, future: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let span = tracing::info_span!("task", name);
        self.tasks.spawn(async move { (name, future.await) }.instrument(span));
    }

    /// Waits until every task has ended.
    ///
    /// # Errors
    /// The first failure of a task, or a note that one ended although nobody asked it to.
    pub async fn join(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while let Some(joined) = self.tasks.join_next().await {
            let early = !self.shutdown.is_cancelled();
            let failure = match joined {
                Ok((name, Err(error))) => Some(error.context(name)),
                Ok((name, Ok(()))) if early => {
                    Some(anyhow::anyhow!("{name} ended before its time"))
                }
                Ok(_) => None,
                Err(panicked) => Some(anyhow::Error::new(panicked).context("a task panicked")),
            };
            self.shutdown.cancel();
            if let Some(error) = failure
                && outcome.is_ok()
            {
                outcome = Err(error);
            }
        }
        outcome
    }
}
