//! Tells simulators the time of day that an operator has set, retained, so that later ones hear it too.

use std::sync::Arc;

use schemas::mqtt::{Profile, ProfileMessage, Topics};
use schemas::records::operator::SimulationMode;
use service_kit::mqtt::connection::Publication;
use tokio_util::sync::CancellationToken;

use crate::config::PublishBounds;
use crate::publisher::Publisher;
use crate::registrar::Directory;

/// Publishes every change until `shutdown`. One that cannot be published is tried again until a newer one replaces it.
pub(crate) async fn run(
    topics: Topics,
    bounds: PublishBounds,
    directory: Arc<Directory>,
    publisher: Publisher,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut changes = directory.changes();
    let mut published = None;
    loop {
        changes.borrow_and_update();
        let wanted = directory.simulation();
        let message = wanted.filter(|_| wanted != published).map(|mode| Publication {
            topic: topics.simulation_profile(),
            payload: profile(mode).encode().into(),
            retain: true,
            expiry_s: None,
        });
        let next = async {
            match message {
                None => {
                    // The directory outlives its readers.
                    changes.changed().await.ok();
                    published
                }
                Some(message) => match publisher.publish(message, bounds.timeout).await {
                    Ok(()) => wanted,
                    Err(error) => {
                        tracing::debug!(%error, "the simulation profile is published again");
                        tokio::time::sleep(bounds.backoff).await;
                        published
                    }
                },
            }
        };
        published = tokio::select! {
            published = next => published,
            () = shutdown.cancelled() => return Ok(()),
        };
    }
}

fn profile(mode: SimulationMode) -> ProfileMessage {
    let profile = match mode {
        SimulationMode::Day => Profile::Day,
        SimulationMode::Night => Profile::Night,
        SimulationMode::Auto => Profile::Auto,
    };
    ProfileMessage { profile }
}
