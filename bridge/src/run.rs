//! Puts the parts together, and takes them apart in order: intake first, then setpoints, then the connections.

use std::sync::Arc;

use anyhow::Context;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{Producer, ensure_topics};
use service_kit::task::Crew;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::egress::{self, Egress};
use crate::ingress::{self, Ingress};
use crate::publisher::publisher;
use crate::recorder::Recorder;
use crate::registrar::Directory;
use crate::{metrics, receipts, simulation};

/// Runs the bridge until `shutdown`.
///
/// # Errors
/// When the topics are not as they must be, or a part fails for good.
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    metrics::init();
    let partitions = tokio::select! {
        ensured = ensure_topics(&config.log) => ensured?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let producer = Producer::new(&config.log).context("making the producer")?;
    let directory = Arc::new(Directory::default());
    let (publisher, publisher_task) =
        publisher(config.broker.clone(), format!("{}-out", config.client_id));

    let mut crew = Crew::new(shutdown.clone());
    let known = CancellationToken::new();
    {
        let (config, directory, shutdown, known) =
            (config.clone(), Arc::clone(&directory), shutdown.clone(), known.clone());
        crew.spawn("directory", async move {
            tokio::select! {
                followed = directory.follow(&config.log, || known.cancel()) => followed,
                () = shutdown.cancelled() => Ok(()),
            }
        });
    }

    let (desk, office) = receipts::office(
        config.topics.clone(),
        Arc::clone(&clock),
        publisher.clone(),
        config.publish.timeout,
    );
    crew.spawn("receipts", office.run(shutdown.clone()));

    let ingress = Ingress::new(ingress::Parts {
        config: config.clone(),
        partitions,
        producer: producer.clone(),
        directory: Arc::clone(&directory),
        clock: Arc::clone(&clock),
        desk,
    });
    let (token, registered) = (shutdown.clone(), known.clone());
    crew.spawn("ingress", async move {
        // A device is not registered again before it is known which ones are.
        tokio::select! {
            () = registered.cancelled() => {}
            () = token.cancelled() => return Ok(()),
        }
        ingress.run(token).await
    });

    let simulated = simulation::run(
        config.topics.clone(),
        config.publish,
        Arc::clone(&directory),
        publisher.clone(),
        shutdown.clone(),
    );
    crew.spawn("simulation", simulated);

    // The connection for setpoints stands until the last of them has been answered.
    let published = CancellationToken::new();
    let last_published = published.clone().drop_guard();
    crew.spawn("publisher", publisher_task.run(published));
    let recorder = Recorder::new(producer.clone());
    let parts = egress::Parts { config, partitions, directory, publisher, recorder, clock };
    let egress = Egress::new(parts).context("joining the bridges' group")?;
    crew.spawn("egress", async move {
        // Positions and setpoints name the log: which one it is must be known.
        tokio::select! {
            () = known.cancelled() => {}
            () = shutdown.cancelled() => {}
        }
        let outcome = egress.run(shutdown).await;
        drop(last_published);
        outcome
    });

    let outcome = crew.join().await;
    producer.flush().await;
    tracing::info!("the bridge has stopped");
    outcome
}
