//! Texts as parts of addresses and forms, and which addresses of the dashboard a login may lead to.

use crate::caps::RETURN_LEN_MAX;

/// A text as a value of `application/x-www-form-urlencoded`, escaped wherever it could be misread.
pub(super) fn form(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _infallible = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A page of our own that a login leads to: what was asked for if it is one, else the first page. Never another site,
/// nor anything that is not a page.
#[must_use]
pub fn own_page(asked: &str) -> String {
    let is_plain = asked.len() <= RETURN_LEN_MAX
        && asked.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let path = asked.split(['?', '#']).next().unwrap_or_default();
    let is_page = path.starts_with('/')
        && !path.contains("//")
        && !["/api", "/graphql", "/login"].iter().any(|not| path.starts_with(not));
    if is_plain && is_page { asked.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_a_page_of_ours_and_nowhere_else() {
        for page in ["/", "/devices?type=EV&q=a%20b", "/feeders/feeder-1#chart", "/replay?at=1"] {
            assert_eq!(own_page(page), page);
        }
        let long = format!("/{}", "x".repeat(RETURN_LEN_MAX));
        for other in [
            "",
            "devices",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/x//evil.example",
            "javascript:alert(1)",
            "/api/auth/logout",
            "/graphql",
            "/login?next=/",
            "/a\r\nset-cookie: x=y",
            "/ü",
            long.as_str(),
        ] {
            assert_eq!(own_page(other), "/", "{other}");
        }
    }

    #[test]
    fn what_could_be_misread_is_escaped() {
        assert_eq!(form("a-Z.0_~"), "a-Z.0_~");
        assert_eq!(form("a b&c=d+é"), "a%20b%26c%3Dd%2B%C3%A9");
    }
}
