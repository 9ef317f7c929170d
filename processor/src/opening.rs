//! What a processor finds and leaves in `operator.v1` at its start: which log this is, and the settings that decisions
//! depend on.

use anyhow::Context;
use control_instance::RegistryAt;
use schemas::codec::Record;
use schemas::identity::Lineage;
use schemas::records::operator::{Change, OperatorRecord};
use schemas::topics::Topic;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{LogConfig, Only, Outgoing, Producer, Start, identity, read_to_end};
use uuid::Uuid;

use crate::config::Config;
use crate::metrics;

/// Writes the control settings where they differ from the last ones in the log, and gives the log an identity where it is
/// older than identities. Says which log it is.
///
/// # Errors
/// When the log does not answer.
pub(crate) async fn open_log(config: &Config, producer: &Producer) -> anyhow::Result<Lineage> {
    let mut registry = read_registry(&config.log).await?;
    if registry.registry.log.is_none() {
        identity::adopt(producer).await?;
        registry = read_registry(&config.log).await?;
    }
    let lineage = registry.registry.log.clone().context("the log has lost its identity")?;
    tracing::info!(log = %lineage.current(), before = ?lineage.before(), "this is the log");
    if registry.registry.settings != config.control || !registry.has_settings {
        write_settings(config, producer).await?;
    }
    Ok(lineage)
}

/// The registry, and whether anybody has written settings into it.
struct Read {
    registry: schemas::registry::Registry,
    has_settings: bool,
}

async fn read_registry(log: &LogConfig) -> anyhow::Result<Read> {
    let mut at = RegistryAt::default();
    let mut has_settings = false;
    read_to_end(log, &[(Topic::Operator, 0, Start::Beginning)], |record| {
        match OperatorRecord::decode(&record.value) {
            Ok(decoded) => {
                has_settings |= matches!(decoded.change, Change::ControlSettings(_));
                at.read(record.offset, &decoded);
            }
            Err(error) => metrics::count_poison(record.place(), &error),
        }
        anyhow::Ok(())
    })
    .await
    .context("reading operator.v1")?;
    Ok(Read { registry: at.registry, has_settings })
}

async fn write_settings(config: &Config, producer: &Producer) -> anyhow::Result<()> {
    let record = OperatorRecord {
        id: Uuid::now_v7(),
        at: SystemClock.now(),
        source: None,
        actor: "derms-processor".to_owned(),
        change: Change::ControlSettings(config.control.clone()),
    };
    let outgoing = Outgoing::of(&record, Only);
    producer.append(&outgoing, config.append_timeout * 5).await.context("writing the settings")?;
    tracing::info!("control settings written to the log");
    Ok(())
}
