//! Where queries and mutations run: on threads of their own, a bounded number of them, so that one that computes for long
//! keeps nobody else from being answered. Knows nothing of what is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::caps::{
    QUERIES_RUNNING_MAX, QUERIES_RUNNING_PER_USER, QUERIES_WAITING_MAX, QUERIES_WAITING_PER_USER,
    QUERY_TIMEOUT,
};
use crate::metrics::{Refusal, count_refused};
use crate::places::Places;

/// Why something was not run to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unrun {
    /// Too many wait already.
    #[error("too many requests at the same time; try again in a moment")]
    Busy,
    /// Its time is over.
    #[error("the query took too long; ask for less, or try again")]
    Timeout,
    /// It ended by a fault of ours.
    #[error("the query failed")]
    Failed,
}

/// The threads and who may use them.
#[derive(Debug)]
pub(crate) struct Pool {
    present: Arc<Places<String>>,
    running: Arc<Semaphore>,
    /// One for each user who has asked: no more than there are users.
    by_user: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            present: Places::new(QUERIES_WAITING_MAX, QUERIES_WAITING_PER_USER),
            running: Arc::new(Semaphore::new(QUERIES_RUNNING_MAX)),
            by_user: Mutex::default(),
        }
    }
}

impl Pool {
    /// Runs `work` on a thread of its own when it is the user's turn. Whoever waits is answered in time, also while the
    /// work still computes; its place is free again when it is done, not before.
    ///
    /// # Errors
    /// [`Unrun`].
    pub(crate) async fn run<T, F>(
        &self,
        user: &str,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> Result<T, Unrun>
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let place = self.present.take(Some(user.to_owned())).map_err(|_| {
            count_refused(Refusal::Queries);
            Unrun::Busy
        })?;
        let (own, running) = (self.of_user(user), Arc::clone(&self.running));
        let run = async move {
            let own = own.acquire_owned().await;
            let running = running.acquire_owned().await;
            let handle = Handle::current();
            let done = tokio::task::spawn_blocking(move || {
                let _places = (place, own, running);
                handle.block_on(async { tokio::time::timeout(QUERY_TIMEOUT, work()).await })
            });
            done.await.map_err(|_| Unrun::Failed)?.map_err(|_| Unrun::Timeout)
        };
        tokio::time::timeout(QUERY_TIMEOUT, run).await.unwrap_or(Err(Unrun::Timeout))
    }

    fn of_user(&self, user: &str) -> Arc<Semaphore> {
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        let own = by_user
            .entry(user.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(QUERIES_RUNNING_PER_USER)));
        Arc::clone(own)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn work_that_only_computes_holds_up_neither_the_runtime_nor_another_user() {
        let pool = Arc::new(Pool::default());
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let mut busy = Vec::new();
        for _ in 0..QUERIES_RUNNING_PER_USER + 2 {
            let (pool, ended) = (Arc::clone(&pool), Arc::clone(&ended));
            busy.push(service_kit::task::spawn("busy", async move {
                pool.run("ada", || async move {
                    // Blocks its thread until the test lets it go.
                    ended.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
                })
                .await
            }));
        }
        assert_eq!(pool.run("vic", || async { 7 }).await, Ok(7));
        for _ in 0..busy.len() {
            end.send(()).expect("they wait");
        }
        for task in busy {
            assert_eq!(task.await.expect("no panic"), Ok(Some(())));
        }
    }

    #[tokio::test]
    async fn too_many_of_one_user_are_refused_and_a_panic_is_an_answer() {
        let pool = Pool::default();
        let places: Vec<_> = (0..QUERIES_WAITING_PER_USER)
            .map(|_| pool.present.take(Some("ada".to_owned())).expect("free"))
            .collect();
        assert_eq!(pool.run("ada", || async { 1 }).await, Err(Unrun::Busy));
        drop(places);
        let failed = pool.run("ada", || async { panic!("a fault of ours") }).await;
        assert_eq!(failed, Err(Unrun::Failed));
        assert_eq!(pool.run("ada", || async { 1 }).await, Ok(1));
    }
}
