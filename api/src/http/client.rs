//! The client of a request, as an extractor: its address, also behind a proxy that is trusted.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::{ApiError, App};
use crate::network::Network;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client(pub(super) IpAddr);

impl Client {
    pub(super) fn network(self) -> Network {
        Network::of(self.0)
    }
}

impl FromRequestParts<App> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().ok_or_else(|| {
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the connection has no address")
        })?;
        let forwarded = parts.headers.get_all(FORWARDED_FOR).into_iter();
        let forwarded: Vec<&str> = forwarded.filter_map(|value| value.to_str().ok()).collect();
        Ok(Self(app.proxies.client(peer.0.ip(), forwarded.into_iter())))
    }
}
