//! The settings of a login provider as types, checked.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use axum::http::Uri;
use secrecy::SecretString;
use service_kit::settings::{Settings, key};

use crate::auth::policy::Role;

/// An OpenID Connect provider, and what its words mean here.
#[derive(Debug, Clone)]
pub struct OidcConfig {
    /// The issuer, as it calls itself.
    pub issuer: String,
    /// Our id there.
    pub client_id: String,
    /// Our secret there; none = a public client.
    pub client_secret: Option<SecretString>,
    /// Where browsers reach the dashboard, without a slash at the end.
    pub public_url: String,
    /// Its name on the login page.
    pub name: String,
    /// What is asked for.
    pub scope: String,
    /// The claim that holds the user's name.
    pub username_claim: String,
    /// The claim that holds the user's roles.
    pub roles_claim: String,
    /// Which of its values is which role.
    pub roles: BTreeMap<String, Role>,
    /// Audiences of its access tokens that are ours.
    pub audiences: Vec<String>,
    /// The authority of its certificate; none = the machine's own.
    pub authority: Option<PathBuf>,
}

impl OidcConfig {
    /// Reads the settings; none where no issuer is named.
    ///
    /// # Errors
    /// All that is wrong, each with what is accepted.
    pub fn from_settings(settings: &Settings) -> Result<Option<Self>, Vec<String>> {
        let mut problems = Vec::new();
        let needed = [key::DERMS_OIDC_CLIENT_ID, key::DERMS_OIDC_PUBLIC_URL];
        let Some(issuer) = settings.optional_text(key::DERMS_OIDC_ISSUER) else {
            for key in needed.into_iter().filter(|key| settings.optional_text(*key).is_some()) {
                problems.push(format!("{} is set, but DERMS_OIDC_ISSUER is not", key.name()));
            }
            return if problems.is_empty() { Ok(None) } else { Err(problems) };
        };
        for key in needed.into_iter().filter(|key| settings.optional_text(*key).is_none()) {
            problems.push(format!("DERMS_OIDC_ISSUER needs {}", key.name()));
        }
        let text = |key| settings.text(key);
        let optional = |key| settings.optional_text(key).unwrap_or_default();
        let public_url = optional(key::DERMS_OIDC_PUBLIC_URL).trim_end_matches('/');
        for (name, url) in [("DERMS_OIDC_ISSUER", issuer), ("DERMS_OIDC_PUBLIC_URL", public_url)] {
            if !url.is_empty() && !is_guarded(url) {
                problems.push(format!(
                    "{name} = {url:?}: expected an https:// address, or http:// with localhost or a loopback address"
                ));
            }
        }
        if !text(key::DERMS_OIDC_SCOPE).split(' ').any(|scope| scope == "openid") {
            problems.push("DERMS_OIDC_SCOPE: expected scopes with openid among them".to_owned());
        }
        let authority = settings.optional_path(key::DERMS_OIDC_CA_PATH);
        if authority.is_some() && is_plain(issuer) {
            problems.push(
                "DERMS_OIDC_CA_PATH is set, but DERMS_OIDC_ISSUER does not begin with https://"
                    .to_owned(),
            );
        }
        let roles = roles(text(key::DERMS_OIDC_ROLES)).unwrap_or_else(|problem| {
            problems.push(problem);
            BTreeMap::new()
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let client_id = optional(key::DERMS_OIDC_CLIENT_ID).to_owned();
        let audiences = settings.optional_text(key::DERMS_OIDC_AUDIENCE).unwrap_or(&client_id);
        Ok(Some(Self {
            issuer: issuer.to_owned(),
            client_secret: settings.secret(key::DERMS_OIDC_CLIENT_SECRET),
            public_url: public_url.to_owned(),
            name: text(key::DERMS_OIDC_NAME).to_owned(),
            scope: text(key::DERMS_OIDC_SCOPE).to_owned(),
            username_claim: text(key::DERMS_OIDC_USERNAME_CLAIM).to_owned(),
            roles_claim: text(key::DERMS_OIDC_ROLES_CLAIM).to_owned(),
            roles,
            audiences: listed(audiences).map(str::to_owned).collect(),
            authority,
            client_id,
        }))
    }

    /// Whether the provider is reached without TLS, on this machine.
    pub(super) fn is_plain(&self) -> bool {
        is_plain(&self.issuer)
    }

    /// Where the provider sends browsers back to.
    pub(super) fn redirect_uri(&self) -> String {
        format!("{}/api/auth/oidc/callback", self.public_url)
    }

    /// Whether browsers reach the dashboard by https.
    #[must_use]
    pub fn is_public_https(&self) -> bool {
        !is_plain(&self.public_url)
    }

    /// Whether browsers reach the dashboard on this machine alone.
    #[must_use]
    pub fn is_public_here(&self) -> bool {
        is_here(self.public_host())
    }

    /// Host and port that browsers reach the dashboard by.
    #[must_use]
    pub fn public_authority(&self) -> &str {
        let rest = self.public_url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// The same without the port.
    #[must_use]
    pub fn public_host(&self) -> &str {
        let authority = self.public_authority();
        let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        port.map_or(authority, |(host, _)| host).trim_matches(['[', ']'])
    }
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

fn is_plain(url: &str) -> bool {
    url.starts_with("http://")
}

fn is_here(host: &str) -> bool {
    host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Nobody on the way can read or change what goes to this address.
pub(super) fn is_guarded(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_here(host),
        _ => false,
    }
}

/// `staff=viewer,engineers=operator`, or a JSON object of the same.
fn roles(text: &str) -> Result<BTreeMap<String, Role>, String> {
    let bad = || {
        "DERMS_OIDC_ROLES: expected values with their role (viewer, operator or admin), for example derms-admins=admin,staff=viewer or {\"cn=admins,ou=derms\": \"admin\"}"
            .to_owned()
    };
    let roles: BTreeMap<String, Role> = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|_| bad())?
    } else {
        listed(text)
            .map(|entry| {
                let (value, role) = entry.rsplit_once('=').ok_or_else(bad)?;
                let role = Role::ALL.into_iter().find(|known| known.as_str() == role.trim());
                Ok((value.trim().to_owned(), role.ok_or_else(bad)?))
            })
            .collect::<Result<_, String>>()?
    };
    if roles.is_empty() || roles.contains_key("") { Err(bad()) } else { Ok(roles) }
}

#[cfg(test)]
mod tests {
    use service_kit::settings::Service;

    use super::*;

    const GOOD: [(&str, &str); 3] = [
        ("DERMS_OIDC_ISSUER", "https://login.example.org/realms/grid"),
        ("DERMS_OIDC_CLIENT_ID", "derms"),
        ("DERMS_OIDC_PUBLIC_URL", "https://derms.example.org:8443/"),
    ];

    fn load(pairs: &[(&str, &str)]) -> Result<Option<OidcConfig>, Vec<String>> {
        let mut all =
            vec![("JWT_SECRET", "0123456789abcdef0123456789abcdef"), ("AUTH_USERS", "[]")];
        all.extend_from_slice(pairs);
        let settings = Settings::from_pairs(Service::Api, &all).expect("in the catalogue");
        OidcConfig::from_settings(&settings)
    }

    #[test]
    fn without_an_issuer_there_is_none_and_with_one_the_rest_has_defaults() {
        assert!(load(&[]).expect("nothing is wrong").is_none());
        let config = load(&GOOD).expect("usable").expect("set up");
        assert_eq!(config.redirect_uri(), "https://derms.example.org:8443/api/auth/oidc/callback");
        assert_eq!(config.public_host(), "derms.example.org");
        assert_eq!(config.audiences, ["derms"]);
        assert_eq!(config.roles.get("operator"), Some(&Role::Operator));
        assert!(config.is_public_https() && !config.is_plain());
    }

    #[test]
    fn an_address_that_others_can_read_on_the_way_is_refused() {
        for (url, guarded) in [
            ("https://login.example.org", true),
            ("http://localhost:8080/realms/x", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://login.example.org", false),
            ("http://localhost.evil.example", false),
            ("ftp://localhost", false),
            ("https://", false),
            ("nonsense", false),
        ] {
            assert_eq!(is_guarded(url), guarded, "{url}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problems = load(&[
            ("DERMS_OIDC_ISSUER", "http://login.example.org"),
            ("DERMS_OIDC_SCOPE", "profile"),
            ("DERMS_OIDC_CA_PATH", "/tmp/ca.pem"),
            ("DERMS_OIDC_ROLES", "staff=emperor"),
        ])
        .expect_err("nothing is right");
        assert_eq!(problems.len(), 6, "{problems:#?}");
        let problems = load(&[("DERMS_OIDC_CLIENT_ID", "derms")]).expect_err("no issuer");
        assert!(problems[0].contains("DERMS_OIDC_ISSUER is not"), "{problems:?}");
    }

    #[test]
    fn roles_are_read_from_a_list_or_from_json() {
        let of = |text| roles(text).ok();
        let two = BTreeMap::from([("a b".to_owned(), Role::Admin), ("c".to_owned(), Role::Viewer)]);
        assert_eq!(of("a b=admin, c = viewer"), Some(two));
        let json = r#"{"cn=admins,ou=derms": "admin"}"#;
        let one = BTreeMap::from([("cn=admins,ou=derms".to_owned(), Role::Admin)]);
        assert_eq!(of(json), Some(one));
        for text in ["", "admin", "=admin", "x=", "{}", "{\"a\": 1}", "{"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
