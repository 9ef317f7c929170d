//! Log-in by the provider: `GET /api/auth/oidc/login` sends the browser there, `GET /api/auth/oidc/callback` takes it back
//! from a login or a logout there and leads it to the page that was asked for. What goes wrong leads to the login page, which has the words for it.

use axum::extract::State;
use axum::http::header::{HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::client::Client;
use super::cookies::{Cookie, Keep};
use super::{ApiError, App, Asked};
use secrecy::ExposeSecret;

use crate::auth::{CameBack, Oidc, OidcConfig, OidcError, own_page};
use crate::metrics::count_login;

/// How the dashboard asks for a login.
#[derive(Default, Deserialize)]
pub(super) struct Wanted {
    /// The page to go to afterwards.
    #[serde(default)]
    next: String,
    /// Whether the session outlives the browser.
    #[serde(default)]
    keep: bool,
    /// Whether the browser has been sent to the public name already.
    #[serde(default)]
    here: bool,
}

/// Sends the browser to the provider.
pub(super) async fn login(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, ApiError> {
    let oidc = app.auth.oidc().ok_or_else(not_set_up)?;
    let page = own_page(&wanted.next);
    // The provider sends the browser back to the public name: only there it has the cookie.
    if !wanted.here && !is_public(oidc.config(), &headers) {
        let query = format!("next={}&keep={}&here=true", escaped(&page), wanted.keep);
        let url = format!("{}/api/auth/oidc/login?{query}", oidc.config().public_url);
        return Ok(lead(&url, []));
    }
    let is_https = app.is_https || oidc.config().is_public_https();
    match app.auth.begin(oidc, page.clone(), wanted.keep, client.network()).await {
        Ok((sealed, url)) => {
            let age = Keep::Seconds(Oidc::login_age_max_s());
            Ok(lead(&url, [Cookie::Login.set(&sealed, age, is_https)]))
        }
        Err(error) => Ok(refuse(&app, &error, client, &page)),
    }
}

/// Takes the browser back.
pub(super) async fn callback(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    Asked(back): Asked<CameBack>,
) -> Result<Response, ApiError> {
    let oidc = app.auth.oidc().ok_or_else(not_set_up)?;
    if back.is_logged_out() {
        return Ok(lead("/login", []));
    }
    let Some(begun) = Cookie::Login.read(&headers).and_then(|sealed| app.auth.begun(sealed)) else {
        return Ok(refuse(&app, &OidcError::Stray, client, "/"));
    };
    match app.auth.complete(oidc, &begun, back, client.network()).await {
        Ok((session, id_token)) => {
            count_login("ok");
            let user = &session.user;
            tracing::info!(user = user.name, role = user.role.as_str(), address = %client.0, "logged in by the provider");
            let keep = if begun.keep { Keep::Seconds(app.auth.ttl_s()) } else { Keep::Browser };
            let is_https = app.is_https || oidc.config().is_public_https();
            let cookie = Cookie::Session.set(session.token.expose_secret(), keep, is_https);
            let provider = Cookie::set_provider(id_token.expose_secret(), keep, is_https);
            let [first, second] = Cookie::Login.clear();
            Ok(lead(&own_page(&begun.page), [cookie, provider, first, second]))
        }
        Err(error) => Ok(refuse(&app, &error, client, &begun.page)),
    }
}

fn not_set_up() -> ApiError {
    let words = "no login by a provider is set up (setting DERMS_OIDC_ISSUER)";
    ApiError::new(StatusCode::NOT_FOUND, words)
}

fn is_public(config: &OidcConfig, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let plain = |authority: &str| {
        let default = if config.is_public_https() { ":443" } else { ":80" };
        authority.strip_suffix(default).unwrap_or(authority).to_ascii_lowercase()
    };
    plain(host) == plain(config.public_authority())
}

/// Leads to the login page, which says what it was, and to the page that was asked for if it goes better next time.
fn refuse(app: &App, error: &OidcError, client: Client, page: &str) -> Response {
    let word = word(error);
    count_login(word);
    app.refusals.tell_of_provider(word, error, client.0, app.stores.clock.now());
    let next = if page == "/" { String::new() } else { format!("&next={}", escaped(page)) };
    lead(&format!("/login?problem={word}{next}"), Cookie::Login.clear())
}

/// The words of the login page's address; the page knows each of them.
fn word(error: &OidcError) -> &'static str {
    match error {
        OidcError::Away(_) => "provider-away",
        OidcError::Refused(_) => "provider-refused",
        OidcError::Stray => "login-expired",
        OidcError::Denied(_) => "denied",
        OidcError::Token(_) => "token",
        OidcError::NoRole => "no-role",
        OidcError::Name => "name",
        OidcError::Busy => "busy",
    }
}

fn lead<const N: usize>(url: &str, cookies: [HeaderValue; N]) -> Response {
    let Ok(location) = HeaderValue::try_from(url) else {
        return ApiError::new(StatusCode::BAD_GATEWAY, "the provider's address cannot be gone to")
            .into_response();
    };
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response();
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A page's address as a value in another one.
fn escaped(page: &str) -> String {
    page.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('#', "%23")
}
