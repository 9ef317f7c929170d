//! The two cookies: the session of a browser, and a login at the provider that has begun. Neither can be read by a page.
//! Under https their names begin with `__Host-`: no other host can set them.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::caps::COOKIE_LEN_MAX;

const GUARDED: &str = "__Host-";

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    /// A session token. Sent only with what pages of our own ask for.
    Session,
    /// A login that has begun. Sent also when the provider sends the browser back.
    Login,
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
            Self::Session => "Strict",
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
