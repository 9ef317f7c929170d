//! Who a request may come from, as far as a browser says: the `Host` that it was sent to and the `Origin` of the page that
//! sent it. A page of somebody else's, or a name that somebody else points at this machine, gets nothing done here.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HOST, ORIGIN, UPGRADE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiError;
use crate::metrics::{Refusal, count_refused};

/// Names and origins that are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Names beside those of loopback, in lower case.
    names: Vec<String>,
    /// Whether the API listens on every address of the machine: then each of them is a name of it. Only a name can be
    /// pointed somewhere else, an address cannot.
    everywhere: bool,
    /// Origins of pages that are served elsewhere (`CORS_ALLOWED_ORIGINS`).
    origins: Vec<HeaderValue>,
}

impl Names {
    /// From `HOST`, `DERMS_PUBLIC_NAMES` and `CORS_ALLOWED_ORIGINS`.
    ///
    /// # Errors
    /// The entry that is no name.
    pub fn new(host: &str, public: &str, origins: Vec<HeaderValue>) -> Result<Self, String> {
        let everywhere = host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
        let mut names = vec![host.trim_matches(['[', ']']).to_ascii_lowercase()];
        for entry in public.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let is_name =
                entry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
            if !is_name && entry.parse::<IpAddr>().is_err() {
                return Err(entry.to_owned());
            }
            names.push(entry.to_ascii_lowercase());
        }
        Ok(Self { names, everywhere, origins })
    }

    /// Origins of pages that are served elsewhere.
    pub(super) fn origins(&self) -> &[HeaderValue] {
        &self.origins
    }

    /// Whether a host (without its port) is a name of ours.
    fn know(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        if host == "localhost" || self.names.contains(&host) {
            return true;
        }
        host.parse::<IpAddr>()
            .is_ok_and(|address| self.everywhere || address.to_canonical().is_loopback())
    }

    /// Whether a request comes from a page that was served under a name of ours: not only from one that may call.
    pub(super) fn is_own_page(&self, headers: &HeaderMap) -> bool {
        let sent_to = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse().ok());
        headers.get(ORIGIN).is_some_and(|origin| self.is_ours(origin, sent_to.as_ref()))
    }

    /// Whether pages of an origin may call, given what the request was sent to.
    fn allow(&self, origin: &HeaderValue, sent_to: Option<&Authority>) -> bool {
        self.origins.contains(origin) || self.is_ours(origin, sent_to)
    }

    fn is_ours(&self, origin: &HeaderValue, sent_to: Option<&Authority>) -> bool {
        let Some((scheme, authority)) =
            origin.to_str().ok().and_then(|origin| origin.split_once("://"))
        else {
            return false;
        };
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        if !matches!(scheme, "http" | "https") || !self.know(authority.host()) {
            return false;
        }
        // The page was served here, or by the proxy in front that is known by a public name.
        let is_same = sent_to.is_some_and(|sent_to| {
            sent_to.host().eq_ignore_ascii_case(authority.host())
                && sent_to.port_u16().unwrap_or_else(|| default_port(scheme))
                    == authority.port_u16().unwrap_or_else(|| default_port(scheme))
        });
        let is_public = authority.port().is_none()
            && self.names[1..].iter().any(|name| name.eq_ignore_ascii_case(authority.host()));
        is_same || is_public
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

/// Lets through what may come in.
pub(super) async fn check(
    State(names): State<Arc<Names>>,
    request: Request,
    next: Next,
) -> Response {
    match judge(&names, &request) {
        Ok(()) => next.run(request).await,
        Err((refusal, error)) => {
            count_refused(refusal);
            error.into_response()
        }
    }
}

fn judge(names: &Names, request: &Request) -> Result<(), (Refusal, ApiError)> {
    let sent_to = sent_to(request).map_err(|error| (Refusal::Host, error))?;
    if !sent_to.as_ref().is_some_and(|sent_to| names.know(sent_to.host())) {
        return Err((Refusal::Host, unknown_host(sent_to.as_ref())));
    }
    let headers = request.headers();
    let is_foreign = match headers.get(ORIGIN) {
        Some(origin) => !names.allow(origin, sent_to.as_ref()),
        None => is_from_another_site(headers),
    };
    if is_foreign && !is_plain_read(request) {
        let words = "a page of another origin may not do this (setting CORS_ALLOWED_ORIGINS, or DERMS_PUBLIC_NAMES behind a proxy)";
        return Err((Refusal::Origin, ApiError::new(StatusCode::FORBIDDEN, words)));
    }
    Ok(())
}

/// What the request names as its server: the one `Host`, and the address line where that has one too.
fn sent_to(request: &Request) -> Result<Option<Authority>, ApiError> {
    let bad =
        || ApiError::new(StatusCode::BAD_REQUEST, "expected one Host header with a host name");
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts
        .next()
        .map(|host| {
            host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()).ok_or_else(bad)
        })
        .transpose()?;
    let line = request.uri().authority();
    let differ = line.zip(host.as_ref()).is_some_and(|(line, host)| line != host);
    if hosts.next().is_some() || differ {
        return Err(bad());
    }
    Ok(host.or_else(|| line.cloned()))
}

fn unknown_host(host: Option<&Authority>) -> ApiError {
    let shown: String = host.map_or("", |host| host.host()).chars().take(64).collect();
    ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        format!("this server is not known as {shown:?} (setting DERMS_PUBLIC_NAMES)"),
    )
}

/// A browser says so itself, also where it names no origin.
fn is_from_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

/// Changes nothing, and its answer stays unreadable for other pages: what a link or a scraper does.
fn is_plain_read(request: &Request) -> bool {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    reads && !request.headers().contains_key(UPGRADE) && !wants_upgrade(request.headers())
}

fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(CONNECTION)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("upgrade"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn names() -> Names {
        let origins = vec![HeaderValue::from_static("http://localhost:5173")];
        Names::new("192.0.2.5", "derms.example, Control.Example", origins).expect("names")
    }

    fn status(names: &Names, method: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().method(method).uri("/graphql");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        judge(names, &request).err().map(|(_, error)| error.into_response().status().as_u16())
    }

    #[test]
    fn only_names_of_ours_are_answered() {
        for host in [
            "127.0.0.1:3001",
            "localhost",
            "LOCALHOST:3001",
            "[::1]:3001",
            "127.8.9.1",
            "192.0.2.5:3001",
            "derms.example",
            "control.example:8443",
        ] {
            assert_eq!(status(&names(), "GET", &[("host", host)]), None, "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "192.0.2.6",
            "[2001:db8::1]",
            "derms.example.evil.example",
        ] {
            assert_eq!(status(&names(), "GET", &[("host", host)]), Some(421), "{host}");
        }
        assert_eq!(status(&names(), "GET", &[]), Some(421));
        assert_eq!(status(&names(), "GET", &[("host", "a b")]), Some(400));
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(status(&names(), "GET", &twice), Some(400));
        let everywhere = Names::new("0.0.0.0", "", Vec::new()).expect("names");
        assert_eq!(status(&everywhere, "GET", &[("host", "192.168.1.5:3001")]), None);
        assert_eq!(status(&everywhere, "GET", &[("host", "evil.example")]), Some(421));
        assert_eq!(
            Names::new("127.0.0.1", "https://derms.example", Vec::new()).err().as_deref(),
            Some("https://derms.example")
        );
    }

    #[test]
    fn pages_of_others_change_nothing() {
        let post = |origin: &str, host: &str| {
            status(&names(), "POST", &[("host", host), ("origin", origin)])
        };
        for (origin, host) in [
            ("http://127.0.0.1:3001", "127.0.0.1:3001"),
            ("http://localhost", "localhost:80"),
            ("https://derms.example", "derms.example"),
            ("https://derms.example", "127.0.0.1:3001"),
            ("http://localhost:5173", "127.0.0.1:3001"),
        ] {
            assert_eq!(post(origin, host), None, "{origin} to {host}");
        }
        for (origin, host) in [
            ("https://evil.example", "127.0.0.1:3001"),
            ("null", "127.0.0.1:3001"),
            ("http://127.0.0.1:8080", "127.0.0.1:3001"),
            ("http://localhost:3001", "127.0.0.1:3001"),
            ("https://derms.example:8443", "derms.example"),
            ("http://evil.example:5173", "localhost:5173"),
            ("file://", "localhost"),
        ] {
            assert_eq!(post(origin, host), Some(403), "{origin} to {host}");
        }
    }

    #[test]
    fn a_browser_that_names_no_origin_but_another_site_is_refused_unless_it_only_reads() {
        let host = ("host", "localhost");
        let cross = ("sec-fetch-site", "cross-site");
        assert_eq!(status(&names(), "POST", &[host, cross]), Some(403));
        assert_eq!(status(&names(), "POST", &[host, ("sec-fetch-site", "same-site")]), Some(403));
        assert_eq!(status(&names(), "POST", &[host, ("sec-fetch-site", "same-origin")]), None);
        assert_eq!(status(&names(), "POST", &[host]), None);
        assert_eq!(status(&names(), "GET", &[host, cross]), None);
        let evil = ("origin", "https://evil.example");
        assert_eq!(status(&names(), "GET", &[host, evil]), None);
        assert_eq!(status(&names(), "GET", &[host, evil, ("upgrade", "websocket")]), Some(403));
        assert_eq!(
            status(&names(), "GET", &[host, evil, ("connection", "keep-alive, Upgrade")]),
            Some(403)
        );
        assert_eq!(status(&names(), "OPTIONS", &[host, evil]), Some(403));
    }
}
