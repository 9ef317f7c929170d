//! Who a request proves to be from: by a bearer token, as scripts do, or by the session cookie, as the dashboard does. A
//! browser sends a cookie whoever asks it to; so what changes something by cookie must also carry a header that pages of
//! others cannot add.

use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode};
use thiserror::Error;

use super::ApiError;
use super::cookies::Cookie;
use crate::auth::{Auth, AuthUser, ProofError};
use crate::graphql::ProvedBy;
use crate::metrics::{Refusal, count_refused};

/// The header of the dashboard. CORS does not allow it, so no page of another origin can send it.
pub(super) const DASHBOARD: &str = "x-derms-dashboard";

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Unproved {
    /// A header that holds no bearer token.
    #[error("Missing bearer token")]
    Header,
    /// A token that is not valid, or no longer.
    #[error("Invalid or expired token")]
    Token,
    /// Nobody can say now whether it is.
    #[error("the login provider does not answer; try again in a moment")]
    ProviderAway,
    /// A change by cookie without the dashboard's header.
    #[error("a change by cookie needs the header X-Derms-Dashboard")]
    Forged,
}

impl From<Unproved> for ApiError {
    fn from(unproved: Unproved) -> Self {
        let status = match unproved {
            Unproved::Header | Unproved::Token => StatusCode::UNAUTHORIZED,
            Unproved::ProviderAway => StatusCode::SERVICE_UNAVAILABLE,
            Unproved::Forged => StatusCode::FORBIDDEN,
        };
        Self::new(status, unproved.to_string())
    }
}

impl From<ProofError> for Unproved {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Token(_) => Self::Token,
            ProofError::ProviderAway => Self::ProviderAway,
        }
    }
}

/// Whether the dashboard itself asks.
pub(super) fn is_dashboard(headers: &HeaderMap) -> bool {
    headers.contains_key(DASHBOARD)
}

/// By what a request is proved, if [`caller`] believes it.
pub(super) fn proved_by(headers: &HeaderMap) -> ProvedBy {
    if headers.contains_key(AUTHORIZATION) { ProvedBy::Token } else { ProvedBy::Cookie }
}

/// Whoever sent a request; none where nothing says so. An `Authorization` counts before a cookie.
///
/// # Errors
/// [`Unproved`].
pub(super) async fn caller(
    auth: &Auth,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<AuthUser>, Unproved> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let token = value.to_str().ok().and_then(Auth::bearer).ok_or(Unproved::Header)?;
        return Ok(Some(auth.authenticate(token).await?));
    }
    let Some(token) = Cookie::Session.read(headers) else { return Ok(None) };
    let user = auth.verify(token).map_err(|_| Unproved::Token)?;
    if !matches!(*method, Method::GET | Method::HEAD) && !is_dashboard(headers) {
        count_refused(Refusal::Forged);
        return Err(Unproved::Forged);
    }
    Ok(Some(user))
}

/// The session cookie of a WebSocket's request. A browser always says which page opens one; `gate` has let in only those
/// that may, and here it must be one that was served under the same name.
pub(super) fn socket_session(headers: &HeaderMap, is_own_page: bool) -> Option<String> {
    let is_page = headers.contains_key(ORIGIN) && is_own_page;
    Cookie::Session.read(headers).filter(|_| is_page).map(str::to_owned)
}
