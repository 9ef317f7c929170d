//! Runs the fleet: devices to connections, connections to tasks, until the end.

use std::sync::Arc;
use std::time::Duration;

use device_model::{Device, fleet};
use schemas::Timestamp;
use service_kit::clock::{Clock, SystemClock};
use service_kit::task::Crew;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::metrics;
use crate::shard::Shard;
use crate::stats::Stats;

/// Devices that share one connection, at most.
const DEVICES_PER_CONNECTION: usize = 100;

/// Simulates a fleet until `shutdown`, or until its time is over; returns when every connection is closed.
///
/// Stopping takes at most four seconds: samples that are on their way are waited for, then each device is said to
/// be offline.
///
/// # Errors
/// When a connection's task fails; a broker out of reach is no failure.
pub async fn run(config: Config, stats: Stats, shutdown: CancellationToken) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let now = clock.now();
    let devices = fleet::build(config.devices, config.feeders, config.seed, now);
    metrics::set_devices(devices.len());
    tracing::info!(
        devices = devices.len(),
        feeders = config.feeders,
        interval_ms = config.interval.as_millis(),
        "the fleet starts"
    );
    // A name of its own for each run: two fleets at one broker do not throw each other out.
    let run_name = Uuid::new_v4().simple().to_string();
    // The crew's own token: the end of its time stops the fleet, not whoever embeds it.
    let stop = shutdown.child_token();
    let mut crew = Crew::new(stop.clone());
    for (number, members) in spread(devices, config.interval, now).into_iter().enumerate() {
        let client_id = format!("derms-sim-{}-{number}", &run_name[..8]);
        let shard = Shard::start(client_id, members, config.clone(), clock.clone(), stats.clone());
        crew.spawn("simulated connection", shard.run(stop.clone()));
    }
    if let Some(time) = config.run_for {
        crew.spawn("end of the run", end_after(time, stop));
    }
    let outcome = crew.join().await;
    tracing::info!(
        acknowledged = stats.telemetry_acked(),
        sent = stats.telemetry_sent(),
        lost = stats.telemetry_lost(),
        setpoints = stats.setpoints(),
        "the fleet has stopped: telemetry acknowledged: {}",
        stats.telemetry_acked()
    );
    outcome
}

async fn end_after(time: Duration, stop: CancellationToken) -> anyhow::Result<()> {
    tokio::select! {
        () = tokio::time::sleep(time) => stop.cancel(),
        () = stop.cancelled() => {}
    }
    Ok(())
}

/// Groups of devices, their first samples spread evenly over one interval.
fn spread(
    devices: Vec<Device>,
    interval: Duration,
    now: Timestamp,
) -> Vec<Vec<(Device, Timestamp)>> {
    let count = devices.len().max(1) as u128;
    let mut groups: Vec<Vec<(Device, Timestamp)>> = Vec::new();
    for (place, device) in devices.into_iter().enumerate() {
        if place.is_multiple_of(DEVICES_PER_CONNECTION) {
            groups.push(Vec::with_capacity(DEVICES_PER_CONNECTION));
        }
        let offset_ms = interval.as_millis() * place as u128 / count;
        let due = now.plus_ms(i64::try_from(offset_ms).unwrap_or(0));
        if let Some(group) = groups.last_mut() {
            group.push((device, due));
        }
    }
    groups
}
