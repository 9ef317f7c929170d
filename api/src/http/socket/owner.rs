//! Who a connection belongs to, once they have proved it, and why it is cut before its time.

use std::sync::{Arc, OnceLock};

use async_graphql::{Data, Error};
use serde_json::Value;
use tokio::sync::Notify;

use crate::auth::{Auth, AuthUser, ProofError, TokenError};
use crate::graphql::{Code, ProvedBy};
use crate::metrics::{Refusal, count_refused};
use crate::places::{Place, Places};

/// Why a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Nothing was heard.
    Silent,
    /// Too many messages, or too large ones.
    TooMuch,
    /// The user has too many connections.
    UserFull,
}

impl Cut {
    /// Close codes: 4429 as graphql-transport-ws uses it, 1008 (policy).
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Silent => 1008,
            Self::TooMuch | Self::UserFull => 4429,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Silent => "nothing was heard, not even a pong",
            Self::TooMuch => "too many or too large messages",
            Self::UserFull => "too many connections of this user; close one",
        }
    }

    fn refusal(self) -> Refusal {
        match self {
            Self::Silent => Refusal::SocketSilent,
            Self::TooMuch => Refusal::SocketMessages,
            Self::UserFull => Refusal::SocketsOfUser,
        }
    }
}

/// Who the connection belongs to, once they have said.
#[derive(Default)]
pub(super) struct Owner {
    user: OnceLock<(AuthUser, Place<String>)>,
    known: Notify,
    cut: OnceLock<Cut>,
    was_cut: Notify,
}

impl Owner {
    /// Reads `connection_init`; where it names no token, the session of the browser counts.
    ///
    /// # Errors
    /// When it holds no valid token, or the user has too many connections.
    pub(super) async fn admit(
        &self,
        auth: &Auth,
        places: &Arc<Places<String>>,
        payload: &Value,
        session: Option<&str>,
    ) -> Result<Data, Error> {
        let value = ["authorization", "Authorization"].into_iter().find_map(|key| payload.get(key));
        let proved_by = if value.is_some() { ProvedBy::Token } else { ProvedBy::Cookie };
        let user = match (value, session) {
            (Some(value), _) => match value.as_str().and_then(Auth::bearer) {
                Some(token) => auth.authenticate(token).await,
                None => Err(TokenError.into()),
            },
            (None, Some(token)) => auth.verify(token).map_err(ProofError::from),
            (None, None) => Err(TokenError.into()),
        };
        let user = user.map_err(|error| match error {
            ProofError::Token(_) => Code::Unauthenticated.error("Invalid or expired token"),
            ProofError::ProviderAway => Code::Unavailable.error(error.to_string()),
        })?;
        let place = places.take(Some(user.name.clone())).map_err(|_| {
            self.cut(Cut::UserFull);
            Code::Unavailable.error(Cut::UserFull.words())
        })?;
        let mut data = Data::default();
        data.insert(user.clone());
        data.insert(proved_by);
        // Set once: the protocol refuses a second init.
        drop(self.user.set((user, place)));
        self.known.notify_one();
        Ok(data)
    }

    /// Whoever proved who they are.
    pub(super) fn user(&self) -> Option<&AuthUser> {
        self.user.get().map(|(user, _)| user)
    }

    /// Waits until somebody has.
    pub(super) async fn is_known(&self) {
        self.known.notified().await;
    }

    /// Ends the connection; the first reason stands.
    pub(super) fn cut(&self, why: Cut) {
        if self.cut.set(why).is_ok() {
            count_refused(why.refusal());
        }
        self.was_cut.notify_one();
    }

    /// Why the connection was cut, if it was.
    pub(super) fn why_cut(&self) -> Option<Cut> {
        self.cut.get().copied()
    }

    /// Waits until the connection is cut.
    pub(super) async fn is_cut(&self) -> Cut {
        loop {
            self.was_cut.notified().await;
            if let Some(why) = self.why_cut() {
                return why;
            }
        }
    }
}
