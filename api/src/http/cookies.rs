//! The cookies: the session of a browser, a login at the provider that has begun, and what a session by the provider is
//! left with. None can be read by a page.
//! Under https their names begin with `__Host-`: no other host can set them.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::caps::{COOKIE_LEN_MAX, ID_TOKEN_KEPT_MAX};

/// In the place of an ID token that is too long for a cookie.
const TOO_LONG: &str = "-";
const GUARDED: &str = "__Host-";

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    /// A session token. Sent only with what pages of our own ask for.
    Session,
    /// A login that has begun. Sent also when the provider sends the browser back.
    Login,
    /// The provider's ID token of the session. Sent only with what pages of our own ask for.
    Provider,
}

/// How long a browser keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Until it is closed.
    Browser,
    /// So many seconds.
    Seconds(i64),
}

impl Cookie {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "derms_session",
            Self::Login => "derms_login",
            Self::Provider => "derms_provider",
        }
    }

    /// Its value in a request; the one that only https can have set, where there is one.
    pub(super) fn read(self, headers: &HeaderMap) -> Option<&str> {
        let guarded = format!("{GUARDED}{}", self.name());
        named(headers, &guarded).or_else(|| named(headers, self.name()))
    }

    /// `Set-Cookie`. The value is one of our tokens, whose letters need no quotes.
    pub(super) fn set(self, value: &str, keep: Keep, is_https: bool) -> HeaderValue {
        let (prefix, secure) = if is_https { (GUARDED, "; Secure") } else { ("", "") };
        let same_site = match self {
            Self::Session | Self::Provider => "Strict",
            Self::Login => "Lax",
        };
        let age = match keep {
            Keep::Browser => String::new(),
            Keep::Seconds(seconds) => format!("; Max-Age={seconds}"),
        };
        let name = self.name();
        HeaderValue::try_from(format!(
            "{prefix}{name}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}{age}"
        ))
        .expect("letters of tokens and numbers")
    }

    /// `Set-Cookie` of the provider's ID token, or of a word that there was one.
    pub(super) fn set_provider(id_token: &str, keep: Keep, is_https: bool) -> HeaderValue {
        let fits = id_token.len() <= ID_TOKEN_KEPT_MAX;
        Self::Provider.set(if fits { id_token } else { TOO_LONG }, keep, is_https)
    }

    /// The ID token of a session by the provider, empty where it was too long; none of another session.
    pub(super) fn read_provider(headers: &HeaderMap) -> Option<&str> {
        Self::Provider.read(headers).map(|value| if value == TOO_LONG { "" } else { value })
    }

    /// `Set-Cookie` headers that take it away, under both names.
    pub(super) fn clear(self) -> [HeaderValue; 2] {
        [true, false].map(|is_https| self.set("", Keep::Seconds(0), is_https))
    }
}

fn named<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, value)| *found == name && !value.is_empty() && value.len() <= COOKIE_LEN_MAX)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cookies: &[&str]) -> HeaderMap {
        cookies
            .iter()
            .map(|cookie| (COOKIE, HeaderValue::from_str(cookie).expect("a header")))
            .collect()
    }

    #[test]
    fn a_cookie_is_found_among_others_and_the_guarded_one_first() {
        let read = |cookies: &[&str]| Cookie::Session.read(&request(cookies)).map(str::to_owned);
        assert_eq!(read(&["a=b; derms_session=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(read(&["a=b", "derms_session=x"]).as_deref(), Some("x"));
        assert_eq!(read(&["derms_session=x; __Host-derms_session=y"]).as_deref(), Some("y"));
        assert_eq!(read(&["my_derms_session=x; derms_login=y; derms_session="]), None);
        assert_eq!(read(&[&format!("derms_session={}", "x".repeat(COOKIE_LEN_MAX + 1))]), None);
    }

    #[test]
    fn an_id_token_that_is_too_long_is_left_out_and_remembered_as_such() {
        for (len, kept) in [(ID_TOKEN_KEPT_MAX, ID_TOKEN_KEPT_MAX), (ID_TOKEN_KEPT_MAX + 1, 0)] {
            let set = Cookie::set_provider(&"x".repeat(len), Keep::Browser, true);
            let cookie = set.to_str().expect("ASCII");
            assert!(cookie.len() <= COOKIE_LEN_MAX, "{} bytes", cookie.len());
            let pair = cookie.split(';').next().expect("a pair");
            assert_eq!(Cookie::read_provider(&request(&[pair])).map(str::len), Some(kept));
        }
        assert_eq!(Cookie::read_provider(&request(&["derms_session=x"])), None);
    }

    #[test]
    fn no_page_reads_a_cookie_and_other_sites_do_not_send_the_session() {
        let session = Cookie::Session.set("a.b-c_d", Keep::Browser, true);
        assert_eq!(
            session,
            "__Host-derms_session=a.b-c_d; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
        let login = Cookie::Login.set("x", Keep::Seconds(600), false);
        assert_eq!(login, "derms_login=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=600");
        assert!(Cookie::Session.clear().iter().all(|cookie| {
            cookie.to_str().expect("ASCII").contains("derms_session=; Path=/; HttpOnly")
        }));
    }
}
