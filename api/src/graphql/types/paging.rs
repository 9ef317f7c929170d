//! Pages of devices in the Relay form. A cursor names a place in the order, not a position: pages stay whole while
//! devices come and go.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_graphql::{Result, SimpleObject};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use schemas::DeviceId;

use super::device::{Device, DeviceOrder};
use crate::caps::PAGE_SIZE_MAX;
use crate::graphql::errors::bad_input;

/// A page of devices.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct DeviceConnection {
    edges: Vec<DeviceEdge>,
    page_info: PageInfo,
    total_count: i32,
}

/// A device in a page.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct DeviceEdge {
    cursor: String,
    node: Device,
}

/// Whether and where there is more.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

/// A place in an order: rank, then id.
type Place = (i64, String);

fn place(device: &Device, order: DeviceOrder) -> Place {
    (device.rank(order), device.device_id.to_string())
}

fn encode(place: &Place) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}:{}", place.0, place.1))
}

fn decode(cursor: &str) -> Option<Place> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (rank, id) = text.split_once(':')?;
    Some((rank.parse().ok()?, id.to_owned()))
}

fn size(first: i32) -> Result<usize> {
    usize::try_from(first)
        .ok()
        .filter(|_| (1..=PAGE_SIZE_MAX).contains(&first))
        .ok_or_else(|| bad_input(format!("first: expected 1 to {PAGE_SIZE_MAX}, got {first}")))
}

/// A page of entries by id, each with its cursor.
pub(super) struct ById<'m, T> {
    pub(super) entries: Vec<(String, &'m DeviceId, &'m T)>,
    pub(super) info: PageInfo,
    pub(super) total: i32,
}

/// The page of `first` entries that come after a cursor.
///
/// # Errors
/// As [`page`].
pub(super) fn page_by_id<'m, T>(
    all: &'m BTreeMap<DeviceId, T>,
    first: i32,
    after: Option<&str>,
) -> Result<ById<'m, T>> {
    let size = size(first)?;
    let after = after.map(|cursor| {
        decode(cursor)
            .and_then(|(_, id)| DeviceId::new(&id).ok())
            .ok_or_else(|| bad_input("after: expected a cursor of an edge"))
    });
    let from = after.transpose()?.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = all.range((from, Bound::Unbounded));
    let entries: Vec<_> = rest
        .by_ref()
        .take(size)
        .map(|(id, entry)| (encode(&(0, id.to_string())), id, entry))
        .collect();
    let info = PageInfo {
        has_next_page: rest.next().is_some(),
        end_cursor: entries.last().map(|(cursor, ..)| cursor.clone()),
    };
    Ok(ById { entries, info, total: i32::try_from(all.len()).unwrap_or(i32::MAX) })
}

/// The page of `first` devices that come after a cursor.
///
/// # Errors
/// BAD_USER_INPUT for a page size or cursor that is not accepted.
pub(crate) fn page(
    devices: Vec<Device>,
    order: DeviceOrder,
    first: i32,
    after: Option<&str>,
) -> Result<DeviceConnection> {
    let size = size(first)?;
    let after = after
        .map(|cursor| {
            decode(cursor).ok_or_else(|| bad_input("after: expected a cursor of an edge"))
        })
        .transpose()?;
    let total_count = i32::try_from(devices.len()).unwrap_or(i32::MAX);
    let mut placed: Vec<(Place, Device)> = devices
        .into_iter()
        .map(|device| (place(&device, order), device))
        .filter(|(place, _)| after.as_ref().is_none_or(|after| place > after))
        .collect();
    placed.sort_by(|left, right| left.0.cmp(&right.0));
    let has_next_page = placed.len() > size;
    placed.truncate(size);
    let edges: Vec<DeviceEdge> = placed
        .into_iter()
        .map(|(place, node)| DeviceEdge { cursor: encode(&place), node })
        .collect();
    Ok(DeviceConnection {
        page_info: PageInfo {
            has_next_page,
            end_cursor: edges.last().map(|edge| edge.cursor.clone()),
        },
        edges,
        total_count,
    })
}
