//! Pages of devices in the Relay form. A cursor names a place in the order, not a position: pages stay whole while
//! devices come and go.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_graphql::{Result, SimpleObject};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use schemas::DeviceId;
use schemas::ids::stable_hash;

use super::Present;
use super::device::{Device, DeviceOrder, rank};
use crate::caps::PAGE_SIZE_MAX;
use crate::graphql::errors::bad_input;
use crate::store::live::DeviceView;

macro_rules! connection {
    ($connection:ident, $edge:ident, $node:ty, $of:literal) => {
        #[doc = concat!("A page of ", $of, ".")]
        #[derive(Debug, Clone, async_graphql::SimpleObject)]
        pub(crate) struct $connection {
            edges: Vec<$edge>,
            page_info: $crate::graphql::types::paging::PageInfo,
            total_count: i32,
        }

        /// An entry of a page.
        #[derive(Debug, Clone, async_graphql::SimpleObject)]
        pub(crate) struct $edge {
            cursor: String,
            node: $node,
        }

        impl $connection {
            /// Entries with their cursors, whether there are more, and how many there are in all.
            pub(crate) fn of(
                entries: impl IntoIterator<Item = (String, $node)>,
                has_next_page: bool,
                total: u64,
            ) -> Self {
                let edges: Vec<$edge> =
                    entries.into_iter().map(|(cursor, node)| $edge { cursor, node }).collect();
                Self {
                    page_info: $crate::graphql::types::paging::PageInfo {
                        has_next_page,
                        end_cursor: edges.last().map(|edge| edge.cursor.clone()),
                    },
                    edges,
                    total_count: i32::try_from(total).unwrap_or(i32::MAX),
                }
            }
        }
    };
}

pub(super) use connection;

connection!(DeviceConnection, DeviceEdge, Device, "devices");

/// Whether and where there is more.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

/// Where a page ends: the list that it is a page of, and the place of its last entry in it. A client gives it back as it
/// was; what was changed, or belongs to another list, is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'l> {
    /// The list: its name and what it was narrowed by.
    list: &'l [&'l str],
}

impl<'l> Cursor<'l> {
    /// Cursors of a list.
    pub(crate) fn of(list: &'l [&'l str]) -> Self {
        Self { list }
    }

    fn seal(self, place: &str) -> String {
        let parts: Vec<&[u8]> =
            self.list.iter().chain([&place]).map(|part| part.as_bytes()).collect();
        format!("{:016x}", stable_hash(&parts))
    }

    /// The cursor of a place.
    pub(crate) fn encode(self, place: &[&dyn std::fmt::Display]) -> String {
        let place: Vec<String> = place.iter().map(ToString::to_string).collect();
        let place = place.join("\n");
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}\n{place}", self.seal(&place)))
    }

    /// The place of a cursor, in as many parts as it was made of.
    ///
    /// # Errors
    /// BAD_USER_INPUT for what is no cursor of this list.
    pub(crate) fn decode<const PARTS: usize>(self, cursor: &str) -> Result<[String; PARTS]> {
        let read = || {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (seal, place) = text.split_once('\n')?;
            let parts: Vec<String> = place.split('\n').map(str::to_owned).collect();
            (seal == self.seal(place)).then_some(())?;
            parts.try_into().ok()
        };
        read().ok_or_else(foreign)
    }
}

/// A part of a cursor that is a number.
pub(crate) fn number<T: std::str::FromStr>(part: &str) -> Result<T> {
    part.parse().map_err(|_| foreign())
}

fn foreign() -> async_graphql::Error {
    bad_input("after: expected a cursor of an edge of this list, with the same arguments")
}

pub(crate) fn size(first: i32) -> Result<usize> {
    usize::try_from(first)
        .ok()
        .filter(|_| (1..=PAGE_SIZE_MAX).contains(&first))
        .ok_or_else(|| bad_input(format!("first: expected 1 to {PAGE_SIZE_MAX}, got {first}")))
}

/// A page of entries by id, each with its cursor; whether there are more, and how many there are in all.
pub(super) struct ById<'m, T> {
    pub(super) entries: Vec<(String, &'m DeviceId, &'m T)>,
    pub(super) has_next_page: bool,
    pub(super) total: u64,
}

/// The page of `first` entries that come after a cursor; `list` names the list.
///
/// # Errors
/// As [`page`].
pub(super) fn page_by_id<'m, T>(
    list: &str,
    all: &'m BTreeMap<DeviceId, T>,
    first: i32,
    after: Option<&str>,
) -> Result<ById<'m, T>> {
    let size = size(first)?;
    let list = [list];
    let cursor = Cursor::of(&list);
    let after = after.map(|text| {
        let [id] = cursor.decode(text)?;
        DeviceId::new(&id).map_err(|_| foreign())
    });
    let from = after.transpose()?.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = all.range((from, Bound::Unbounded));
    let entries: Vec<_> =
        rest.by_ref().take(size).map(|(id, entry)| (cursor.encode(&[id]), id, entry)).collect();
    Ok(ById { entries, has_next_page: rest.next().is_some(), total: all.len() as u64 })
}

/// The page of `first` devices that come after a cursor. A cursor serves any narrowing of the fleet in the same order.
///
/// # Errors
/// BAD_USER_INPUT for a page size or cursor that is not accepted.
pub(crate) fn page(
    present: &Present<'_>,
    devices: Vec<DeviceView<'_>>,
    order: DeviceOrder,
    first: i32,
    after: Option<&str>,
) -> Result<DeviceConnection> {
    let size = size(first)?;
    let order_name = format!("{order:?}");
    let list = ["devices", &order_name];
    let cursor = Cursor::of(&list);
    let after: Option<(i64, String)> = after
        .map(|text| {
            let [rank, id] = cursor.decode(text)?;
            Ok::<_, async_graphql::Error>((number(&rank)?, id))
        })
        .transpose()?;
    let after = after.as_ref().map(|(rank, id)| (*rank, id.as_str()));
    let total = devices.len() as u64;
    // A place in an order: rank, then id.
    let mut placed: Vec<((i64, &str), DeviceView<'_>)> = devices
        .into_iter()
        .map(|device| ((rank(device, order), device.id.as_str()), device))
        .filter(|(place, _)| after.is_none_or(|after| *place > after))
        .collect();
    let has_next_page = placed.len() > size;
    if has_next_page {
        placed.select_nth_unstable_by_key(size, |(place, _)| *place);
        placed.truncate(size);
    }
    placed.sort_unstable_by_key(|(place, _)| *place);
    let entries = placed
        .into_iter()
        .map(|((rank, id), device)| (cursor.encode(&[&rank, &id]), Device::read(present, &device)));
    Ok(DeviceConnection::of(entries, has_next_page, total))
}
