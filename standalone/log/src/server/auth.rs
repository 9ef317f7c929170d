//! Who may speak to the log: one user with one password, proven by SCRAM, so that the password never travels.

use std::collections::HashMap;
use std::sync::Arc;

use hmac::SimpleHmac;
use hmac::digest::core_api::BlockSizeUser;
use hmac::digest::{Digest, Mac};
use rand::RngCore as _;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::prelude::{Mechname, SASLServer, Session, SessionError, State, Validation};
use rsasl::property::{AuthId, AuthzId};
use rsasl::validate::{Validate, ValidationError};
use sha2::{Sha256, Sha512};
use thiserror::Error;

/// The mechanisms that are offered.
pub(super) const MECHANISMS: [&str; 2] = ["SCRAM-SHA-512", "SCRAM-SHA-256"];
/// As many as the protocol's clients ask for at least.
const ROUNDS: u32 = 4096;
const SALT_BYTES: usize = 16;

/// The login cannot be checked.
#[derive(Debug, Error)]
#[error("the log's login cannot be set up: {0}")]
pub struct AuthError(String);

struct Stored {
    salt: [u8; SALT_BYTES],
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

impl Stored {
    fn new<D: Digest + BlockSizeUser + Clone + Sync>(password: &str) -> Result<Self, AuthError> {
        let failed = |error: &dyn std::fmt::Display| AuthError(error.to_string());
        let mut salt = [0; SALT_BYTES];
        rand::rng().fill_bytes(&mut salt);
        let mut salted = vec![0; <D as Digest>::output_size()];
        pbkdf2::pbkdf2::<SimpleHmac<D>>(password.as_bytes(), &salt, ROUNDS, &mut salted)
            .map_err(|error| failed(&error))?;
        let keyed = |text: &[u8]| {
            let mac =
                <SimpleHmac<D> as Mac>::new_from_slice(&salted).map_err(|error| failed(&error))?;
            Ok(mac.chain_update(text).finalize().into_bytes().to_vec())
        };
        let stored_key = D::digest(keyed(b"Client Key")?).to_vec();
        Ok(Self { salt, stored_key, server_key: keyed(b"Server Key")? })
    }
}

/// What the check knows. It does not keep the password.
struct Check {
    user: String,
    stored: HashMap<&'static str, Stored>,
}

/// The proof is in the exchange; this says that it has come to its end for the right user.
struct Proven;

impl Validation for Proven {
    type Value = bool;
}

impl SessionCallback for Check {
    fn callback(
        &self,
        session: &SessionData,
        context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        let known = context.get_ref::<AuthId>().is_some_and(|user| user == self.user);
        if let Some(stored) = self.stored.get(session.mechanism().mechanism.as_str())
            && known
        {
            request.satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(
                ROUNDS,
                &stored.salt,
                &stored.stored_key,
                &stored.server_key,
            ))?;
        }
        Ok(())
    }

    fn validate(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        validate.with::<Proven, _>(|| {
            let user = context.get_ref::<AuthId>().is_some_and(|user| user == self.user);
            let acts = context.get_ref::<AuthzId>();
            Ok(user && acts.is_none_or(|acts| acts.is_empty() || acts == self.user))
        })?;
        Ok(())
    }
}

/// The login that every client must pass.
#[derive(Clone)]
pub struct Login(Arc<SASLConfig>);

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

impl Login {
    /// The login of one user.
    ///
    /// # Errors
    /// [`AuthError`] when the library refuses.
    pub fn new(user: &str, password: &str) -> Result<Self, AuthError> {
        let stored = HashMap::from([
            ("SCRAM-SHA-512", Stored::new::<Sha512>(password)?),
            ("SCRAM-SHA-256", Stored::new::<Sha256>(password)?),
        ]);
        let check = Check { user: user.to_owned(), stored };
        let config = SASLConfig::builder().with_defaults().with_callback(check);
        config.map(Self).map_err(|error| AuthError(error.to_string()))
    }

    /// Begins an exchange; none for a mechanism that is not offered.
    pub(super) fn begin(&self, mechanism: &str) -> Option<Exchange> {
        if !MECHANISMS.contains(&mechanism) {
            return None;
        }
        let name = Mechname::parse(mechanism.as_bytes()).ok()?;
        let server = SASLServer::<Proven>::new(Arc::clone(&self.0));
        server.start_suggested(name).ok().map(Exchange)
    }
}

/// One client's exchange.
pub(super) struct Exchange(Session<Proven>);

/// How it stands.
pub(super) enum Step {
    /// It goes on with this answer.
    On(Vec<u8>),
    /// The client is who it says; it gets this as the last answer.
    Proven(Vec<u8>),
    /// It is not.
    Refused,
}

impl Exchange {
    pub(super) fn step(&mut self, input: &[u8]) -> Step {
        let mut answer = Vec::new();
        match self.0.step(Some(input), &mut answer) {
            Ok(State::Running) => Step::On(answer),
            // An end without the proof is no end.
            Ok(State::Finished(_)) if self.0.validation() == Some(true) => Step::Proven(answer),
            _ => Step::Refused,
        }
    }
}
