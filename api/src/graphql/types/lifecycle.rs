//! The life of devices as operators see it: who waits, and what was noticed about whom.

use async_graphql::{Enum, ID, Result, SimpleObject};
use chrono::{DateTime, Utc};
use schemas::DeviceId;
use schemas::records::lifecycle;
use schemas::registry::{Registry, Waiting};

use super::Present;
use super::enums::{DeviceOrigin, DeviceType};
use super::paging::{connection, page_by_id};
use super::scalars::to_datetime;

/// Why a device waits for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "lifecycle::WaitReason")]
pub(crate) enum WaitReason {
    /// Nobody registered it.
    UnknownDevice,
    /// It claims a feeder that is not there.
    UnknownFeeder,
    /// It said more than anybody may say once, and has not said it a few times yet.
    Unproven,
}

/// What was noticed about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "lifecycle::DeviceNotice")]
pub(crate) enum NoticeKind {
    /// It sends its state of charge in percent.
    SpeaksPercent,
    /// It calls itself another type than it is registered as.
    OtherType,
    /// It claims another feeder than it belongs to.
    OtherFeeder,
    /// Its times are in another unit than milliseconds.
    OtherTimeUnit,
    /// Two publishers seem to speak under its id.
    TwoPublishers,
}

/// Something that was noticed about a device.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Notice {
    /// The device; it may be unknown otherwise.
    device_id: ID,
    kind: NoticeKind,
    /// What was seen, in words.
    detail: String,
}

/// Notices about one device.
pub(crate) fn notices(registry: &Registry, device_id: &DeviceId) -> Vec<Notice> {
    let of_device = registry.notices.get(device_id).into_iter().flatten();
    of_device
        .map(|(kind, detail)| Notice {
            device_id: device_id.as_str().into(),
            kind: (*kind).into(),
            detail: detail.clone(),
        })
        .collect()
}

/// A device that waits for an operator: its samples are stored, it neither steers nor holds anything.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct WaitingDevice {
    id: ID,
    #[graphql(name = "type")]
    kind: DeviceType,
    origin: DeviceOrigin,
    /// The feeder it claims.
    feeder_id: ID,
    site_id: Option<String>,
    reason: WaitReason,
    since: DateTime<Utc>,
    notices: Vec<Notice>,
}

impl WaitingDevice {
    fn read(registry: &Registry, device_id: &DeviceId, waiting: &Waiting) -> Self {
        Self {
            id: device_id.as_str().into(),
            kind: waiting.device_type.into(),
            origin: waiting.origin.into(),
            feeder_id: waiting.feeder_id.as_str().into(),
            site_id: waiting.site_id.clone(),
            reason: waiting.why.into(),
            since: to_datetime(waiting.since),
            notices: notices(registry, device_id),
        }
    }
}

connection!(WaitingDeviceConnection, WaitingDeviceEdge, WaitingDevice, "devices that wait");
connection!(
    NoticedDeviceConnection,
    NoticedDeviceEdge,
    NoticedDevice,
    "devices that something was noticed about"
);

/// A device that something was noticed about.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct NoticedDevice {
    id: ID,
    notices: Vec<Notice>,
}

/// The page of devices that wait, by id.
pub(crate) fn waiting(
    present: &Present<'_>,
    first: i32,
    after: Option<&str>,
) -> Result<WaitingDeviceConnection> {
    let registry = present.view.registry();
    let page = page_by_id("waiting", &registry.waiting, first, after)?;
    let entries = page
        .entries
        .into_iter()
        .map(|(cursor, id, waiting)| (cursor, WaitingDevice::read(registry, id, waiting)));
    Ok(WaitingDeviceConnection::of(entries, page.has_next_page, page.total))
}

/// The page of devices that something was noticed about, by id.
pub(crate) fn noticed(
    present: &Present<'_>,
    first: i32,
    after: Option<&str>,
) -> Result<NoticedDeviceConnection> {
    let registry = present.view.registry();
    let page = page_by_id("noticed", &registry.notices, first, after)?;
    let entries = page.entries.into_iter().map(|(cursor, id, _)| {
        (cursor, NoticedDevice { id: id.as_str().into(), notices: notices(registry, id) })
    });
    Ok(NoticedDeviceConnection::of(entries, page.has_next_page, page.total))
}
