//! Waiting on a consumer group by a loop that may have none: with partitions given by hand nothing is ever assigned.

use service_kit::log::{Group, GroupEvent};

pub(crate) async fn next_event(group: &mut Option<Group>) -> anyhow::Result<GroupEvent> {
    match group {
        Some(group) => Ok(group.next().await?),
        None => std::future::pending().await,
    }
}
