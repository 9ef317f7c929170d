//! Owns who is turned away before anything of a request is looked at: requests under a foreign name (DNS rebinding) and
//! requests that a web page makes. It must not know users or statements.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;

/// Why a request is turned away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("the Host header is missing or unreadable")]
    NoHost,
    #[error(
        "the name {0} is not one of this server's: use its IP address or localhost, or list the name in \
         DERMS_CLICKHOUSE_HOSTS"
    )]
    ForeignHost(String),
    #[error(
        "requests of web pages are not answered (Origin or Sec-Fetch-Site says that this is one)"
    )]
    WebPage,
}

/// Looks at the headers. Addresses and `localhost` are always this server's names: no one can make a browser believe
/// that they are another site's.
pub(super) fn check(headers: &HeaderMap, names: &[String]) -> Result<(), Refused> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refused::NoHost) };
    let host = host.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
    let host = host.ok_or(Refused::NoHost)?;
    let name = host.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let own = name.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || names.iter().any(|known| known.eq_ignore_ascii_case(&name));
    if !own {
        return Err(Refused::ForeignHost(name));
    }
    let fetched = headers.get_all("sec-fetch-site").iter().any(|site| site != "none");
    if fetched || headers.contains_key(ORIGIN) {
        return Err(Refused::WebPage);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(headers: &[(&'static str, &str)]) -> Result<(), Refused> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header value"));
        }
        check(&map, &["db.example".to_owned()])
    }

    #[test]
    fn own_names_are_let_in() {
        for host in [
            "127.0.0.1:8123",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8123",
            "10.0.0.7",
            "db.example:80",
        ] {
            assert_eq!(verdict(&[("host", host)]), Ok(()), "{host}");
        }
    }

    #[test]
    fn foreign_names_are_not() {
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "x@evil.example"]
        {
            assert!(matches!(verdict(&[("host", host)]), Err(Refused::ForeignHost(_))), "{host}");
        }
        assert_eq!(verdict(&[]), Err(Refused::NoHost));
        assert_eq!(
            verdict(&[("host", "localhost"), ("host", "evil.example")]),
            Err(Refused::NoHost)
        );
    }

    #[test]
    fn web_pages_are_not() {
        let page = |header| verdict(&[("host", "localhost"), header]);
        assert_eq!(page(("origin", "http://localhost:8123")), Err(Refused::WebPage));
        assert_eq!(page(("origin", "null")), Err(Refused::WebPage));
        assert_eq!(page(("sec-fetch-site", "cross-site")), Err(Refused::WebPage));
        assert_eq!(page(("sec-fetch-site", "none")), Ok(()));
    }
}
