//! The frame of values on the log where a schema registry is configured: the Confluent wire format (`00`, the
//! registry's id of the schema as four bytes, the Avro body), so that any Kafka tool can read them.
//!
//! Everything inside works with the single-object encoding of `schemas::codec`; frames are exchanged here, on the way
//! out and in. Every released schema of a topic is registered under `<topic>-value` at start. Speaks the interface that
//! Redpanda's and Confluent's registries share; knows no record's meaning.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use schemas::codec::{self, Frame};
use schemas::topics::Topic;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";
const SETTING: &str = "DERMS_SCHEMA_REGISTRY_URL";

/// Why schemas could not be registered.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// No answer, or none that is one.
    #[error("the schema registry (setting {SETTING}) does not answer for {subject}: {source}")]
    Unreachable {
        /// Which subject.
        subject: String,
        /// Why.
        source: reqwest::Error,
    },
    /// It refused.
    #[error("the schema registry (setting {SETTING}) refuses {subject}: {status} {answer}")]
    Refused {
        /// Which subject.
        subject: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        answer: String,
    },
}

/// A value that cannot be framed, because no schema of its own has been registered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("its schema is not registered: topics must be made first")]
pub struct NotRegistered;

#[derive(Serialize)]
struct NewSchema<'a> {
    schema: &'a str,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Debug, Default)]
struct Ids {
    by_fingerprint: BTreeMap<(Topic, u64), u32>,
    by_id: BTreeMap<(Topic, u32), u64>,
}

/// How values are framed on the log. Cheap to clone; all clones know what one of them has registered.
#[derive(Clone, Default)]
pub struct Framing {
    registry: Option<Arc<Registry>>,
}

struct Registry {
    url: String,
    ids: OnceLock<Ids>,
}

impl std::fmt::Debug for Framing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("Framing").field("registry", &self.registry.is_some()).finish()
    }
}

impl Framing {
    /// By the registry at this address; without one, values keep the single-object encoding.
    #[must_use]
    pub fn new(url: Option<&str>) -> Self {
        let registry = |url: &str| {
            Arc::new(Registry { url: url.trim_end_matches('/').to_owned(), ids: OnceLock::new() })
        };
        Self { registry: url.map(registry) }
    }

    /// Registers every released schema of every topic, oldest first.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry does not answer, or finds a schema incompatible.
    pub(super) async fn register(&self, prefix: &str) -> Result<(), RegistryError> {
        let Some(registry) = self.registry.as_ref().filter(|known| known.ids.get().is_none())
        else {
            return Ok(());
        };
        let client = reqwest::Client::new();
        let mut ids = Ids::default();
        for topic in Topic::ALL {
            let subject = format!("{}-value", topic.name(prefix));
            for released in codec::released(topic) {
                let id = registry.register(&client, &subject, released.text).await?;
                ids.by_fingerprint.insert((topic, released.fingerprint), id);
                ids.by_id.insert((topic, id), released.fingerprint);
            }
        }
        // Another clone that was faster has registered the same.
        drop(registry.ids.set(ids));
        Ok(())
    }

    /// The bytes as they go to the log.
    ///
    /// # Errors
    /// [`NotRegistered`] when schemas have not been registered yet.
    pub(super) fn outgoing(&self, topic: Topic, value: &[u8]) -> Result<Vec<u8>, NotRegistered> {
        let (Some(registry), Some(Frame::SingleObject { fingerprint, body })) =
            (&self.registry, Frame::of(value))
        else {
            return Ok(value.to_vec());
        };
        let ids = registry.ids.get().ok_or(NotRegistered)?;
        let id = ids.by_fingerprint.get(&(topic, fingerprint)).ok_or(NotRegistered)?;
        Ok(Frame::Registered { id: *id, body }.to_bytes())
    }

    /// The bytes as everything inside knows them. A frame that is not known stays as it is: its reader says so.
    pub(super) fn incoming(&self, topic: Topic, value: Vec<u8>) -> Vec<u8> {
        let ids = self.registry.as_ref().and_then(|registry| registry.ids.get());
        let (Some(ids), Some(Frame::Registered { id, body })) = (ids, Frame::of(&value)) else {
            return value;
        };
        match ids.by_id.get(&(topic, id)) {
            Some(fingerprint) => Frame::SingleObject { fingerprint: *fingerprint, body }.to_bytes(),
            None => value,
        }
    }
}

impl Registry {
    async fn register(
        &self,
        client: &reqwest::Client,
        subject: &str,
        schema: &str,
    ) -> Result<u32, RegistryError> {
        let unreachable = |source: reqwest::Error| RegistryError::Unreachable {
            subject: subject.to_owned(),
            // The address may hold a password.
            source: source.without_url(),
        };
        let answer = client
            .post(format!("{}/subjects/{subject}/versions", self.url))
            .timeout(REQUEST_TIMEOUT)
            .header("content-type", CONTENT_TYPE)
            .json(&NewSchema { schema })
            .send()
            .await
            .map_err(unreachable)?;
        let status = answer.status();
        if !status.is_success() {
            let answer = answer.text().await.unwrap_or_default();
            let (subject, status) = (subject.to_owned(), status.as_u16());
            return Err(RegistryError::Refused { subject, status, answer });
        }
        Ok(answer.json::<Registered>().await.map_err(unreachable)?.id)
    }
}

#[cfg(test)]
mod tests;
