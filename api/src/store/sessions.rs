//! The sessions that their users have ended, until they would have ended by themselves. They stand in operator.v1, so that
//! every instance of the API knows them, and still does after a restart.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemas::Timestamp;
use schemas::records::operator::SessionEnded;
use thiserror::Error;
use tokio::sync::watch;
use uuid::Uuid;

use crate::caps::ENDED_SESSIONS_MAX;

/// There are more ended sessions than are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "too many sessions were ended lately (at most {ENDED_SESSIONS_MAX} are kept); this one ends by itself"
)]
pub struct TooMany;

/// Ids of ended sessions, also in the order in which they end by themselves.
#[derive(Debug, Default)]
struct Ended {
    until: HashMap<Uuid, Timestamp>,
    in_order: BTreeSet<(Timestamp, Uuid)>,
}

impl Ended {
    fn insert(&mut self, ended: &SessionEnded) {
        if let Some(before) = self.until.insert(ended.session_id, ended.until) {
            self.in_order.remove(&(before, ended.session_id));
        }
        self.in_order.insert((ended.until, ended.session_id));
    }

    /// Forgets the one that ends first, if it does so by `now`.
    fn forget_first(&mut self, now: Timestamp) -> bool {
        let Some(first) = self.in_order.first().copied().filter(|(until, _)| *until <= now) else {
            return false;
        };
        self.in_order.remove(&first);
        self.until.remove(&first.1);
        true
    }
}

/// Who has ended, and whoever waits for it.
#[derive(Debug)]
pub struct EndedSessions {
    ended: Mutex<Ended>,
    count: watch::Sender<u64>,
}

impl Default for EndedSessions {
    fn default() -> Self {
        Self { ended: Mutex::default(), count: watch::Sender::new(0) }
    }
}

impl EndedSessions {
    /// Whether a session was ended.
    #[must_use]
    pub fn contains(&self, session: Uuid) -> bool {
        self.lock().until.contains_key(&session)
    }

    /// Ends a session here and now; the log makes it last.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn end(&self, session: &SessionEnded, now: Timestamp) -> Result<(), TooMany> {
        let mut ended = self.lock();
        while ended.forget_first(now) {}
        let is_full = ended.until.len() >= ENDED_SESSIONS_MAX;
        if is_full && !ended.until.contains_key(&session.session_id) {
            return Err(TooMany);
        }
        ended.insert(session);
        drop(ended);
        self.count.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Takes one that the log has. Where there are too many, the one that ends first gives way to it.
    pub(super) fn read_back(&self, session: &SessionEnded) {
        let mut ended = self.lock();
        ended.insert(session);
        if ended.until.len() > ENDED_SESSIONS_MAX {
            ended.forget_first(Timestamp(i64::MAX));
        }
        drop(ended);
        self.count.send_modify(|count| *count += 1);
    }

    /// Waits until a session is ended.
    pub async fn ended(&self, session: Uuid) {
        let mut count = self.count.subscribe();
        while !self.contains(session) {
            if count.changed().await.is_err() {
                // The sender lives as long as this does.
                std::future::pending::<()>().await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(session: u128, until: i64) -> SessionEnded {
        SessionEnded { session_id: Uuid::from_u128(session), until: Timestamp(until) }
    }

    #[tokio::test]
    async fn whoever_waits_for_the_end_of_a_session_is_told() {
        let sessions = EndedSessions::default();
        let mut wait = Box::pin(sessions.ended(Uuid::from_u128(1)));
        assert!(futures::poll!(&mut wait).is_pending());
        sessions.end(&ended(2, 10), Timestamp(0)).expect("room");
        assert!(futures::poll!(&mut wait).is_pending());
        sessions.read_back(&ended(1, 10));
        assert!(futures::poll!(&mut wait).is_ready());
        assert!(sessions.contains(Uuid::from_u128(2)));
    }

    #[test]
    fn memory_is_bounded_by_forgetting_what_has_ended_by_itself() {
        let sessions = EndedSessions::default();
        for session in 0..ENDED_SESSIONS_MAX as u128 {
            sessions.end(&ended(session, 10), Timestamp(0)).expect("room");
        }
        assert_eq!(sessions.end(&ended(1 << 100, 20), Timestamp(9)), Err(TooMany));
        sessions.end(&ended(1 << 100, 20), Timestamp(10)).expect("room again");
        assert_eq!(sessions.lock().until.len(), 1);
    }

    /// As a log that has seen millions of logouts is read at a start: each costs little, and the latest are known.
    #[test]
    fn of_the_logs_many_the_latest_to_end_are_kept() {
        let sessions = EndedSessions::default();
        let all = ENDED_SESSIONS_MAX as u128 * 3;
        for session in 0..all {
            let until = i64::try_from(session).expect("small");
            sessions.read_back(&ended(session, until));
            // Read twice, as after a reconnect.
            sessions.read_back(&ended(session, until));
        }
        assert_eq!(sessions.lock().until.len(), ENDED_SESSIONS_MAX);
        assert_eq!(sessions.lock().in_order.len(), ENDED_SESSIONS_MAX);
        assert!(sessions.contains(Uuid::from_u128(all - 1)));
        assert!(!sessions.contains(Uuid::from_u128(0)));
    }
}
