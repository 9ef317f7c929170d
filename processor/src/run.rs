//! Starts the control loop and the sink.

use anyhow::Context;
use service_kit::log::{Producer, ensure_topics};
use service_kit::task::Crew;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::control::Control;
use crate::opening::open_log;
use crate::sink;

/// Runs the processor until `shutdown`.
///
/// # Errors
/// When the log cannot be reached at the start, or refuses for good.
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let partitions = ensure_topics(&config.log).await.context("topics of the log")?;
    let producer = Producer::new(&config.log)?;
    let lineage = open_log(&config, &producer).await?;
    let control =
        Control::new(config.clone(), producer.clone(), partitions, Some(lineage.clone()))?;
    let mut crew = Crew::new(shutdown.clone());
    // What control says last is stored too.
    let decided = CancellationToken::new();
    let last = decided.clone().drop_guard();
    crew.spawn("control", async move {
        let _last = last;
        control.run(shutdown).await
    });
    crew.spawn("sink", sink::run(config, producer, partitions, lineage, decided));
    crew.join().await
}
