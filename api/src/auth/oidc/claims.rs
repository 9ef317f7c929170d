//! What the claims of a provider's tokens must be, and who they say somebody is. Pure: signatures are `keys`' business.

use std::collections::BTreeMap;

use serde_json::Value;
use thiserror::Error;

use super::keys::Claims;
use crate::auth::policy::Role;
use crate::caps::CREDENTIAL_LEN_MAX;

/// What is wrong with a token, for the log; whoever sent it is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// No token at all.
    #[error("it is no token")]
    Form,
    /// A signature that nobody but a holder of a private key can make is needed.
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// A header that is not understood and must be.
    #[error("its header is not understood")]
    Header,
    /// No key of that name and kind is the provider's.
    #[error("the provider has no such key")]
    Key,
    /// The key is the provider's, the signature is not.
    #[error("its signature is wrong")]
    Signature,
    /// `iss`.
    #[error("it is of another issuer")]
    Issuer,
    /// `aud`.
    #[error("it is for another audience")]
    Audience,
    /// `azp`.
    #[error("it was issued to another client")]
    Party,
    /// `exp`.
    #[error("it has expired, or never does")]
    Expired,
    /// `nbf`, `iat`.
    #[error("it is not valid yet")]
    Early,
    /// `nonce`.
    #[error("it answers another login")]
    Nonce,
    /// `sub`.
    #[error("it is of nobody, or of somebody else")]
    Subject,
    /// An ID token in the place of an access token.
    #[error("it is no access token")]
    Kind,
}

/// When, by our clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now_s: i64,
    pub(super) tolerance_s: i64,
}

impl Moment {
    /// The second in which something stops being accepted.
    pub(super) fn end(self, claims: &Claims) -> Option<i64> {
        Some(second(claims, "exp")?.saturating_add(self.tolerance_s))
    }
}

/// NumericDate: a JSON number, with a fraction or without.
#[expect(clippy::cast_possible_truncation, reason = "a second outside of i64 is cut to its end")]
fn second(claims: &Claims, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    value.as_i64().or_else(|| value.as_f64().map(|second| second as i64))
}

fn text<'c>(claims: &'c Claims, name: &str) -> Option<&'c str> {
    claims.get(name)?.as_str()
}

fn audiences(claims: &Claims) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What every token of the provider must say.
fn check(claims: &Claims, issuer: &str, moment: Moment) -> Result<(), Fault> {
    if text(claims, "iss") != Some(issuer) {
        return Err(Fault::Issuer);
    }
    if moment.end(claims).is_none_or(|end| end <= moment.now_s) {
        return Err(Fault::Expired);
    }
    let latest_start = moment.now_s.saturating_add(moment.tolerance_s);
    if ["iat", "nbf"].iter().filter_map(|name| second(claims, name)).any(|at| at > latest_start) {
        return Err(Fault::Early);
    }
    if text(claims, "sub").is_none_or(str::is_empty) {
        return Err(Fault::Subject);
    }
    Ok(())
}

/// An ID token that answers a login of ours.
pub(super) fn check_id(
    claims: &Claims,
    issuer: &str,
    client_id: &str,
    nonce: &str,
    moment: Moment,
) -> Result<(), Fault> {
    check(claims, issuer, moment)?;
    let audiences = audiences(claims);
    if !audiences.contains(&client_id) {
        return Err(Fault::Audience);
    }
    let party = text(claims, "azp");
    if party.is_some_and(|party| party != client_id) || (audiences.len() > 1 && party.is_none()) {
        return Err(Fault::Party);
    }
    if text(claims, "nonce") != Some(nonce) {
        return Err(Fault::Nonce);
    }
    Ok(())
}

/// The access token that came with an ID token: read for what it says of the same user.
pub(super) fn check_companion(
    claims: &Claims,
    issuer: &str,
    client_id: &str,
    subject: &str,
    moment: Moment,
) -> Result<(), Fault> {
    check(claims, issuer, moment)?;
    if text(claims, "sub") != Some(subject) {
        return Err(Fault::Subject);
    }
    if issued_to(claims).is_some_and(|party| party != client_id) {
        return Err(Fault::Party);
    }
    Ok(())
}

/// An access token that somebody sends as a bearer token. It must be meant for this API: by its audience or, where it
/// has none, by the client that it was issued to.
pub(super) fn check_bearer(
    claims: &Claims,
    issuer: &str,
    client_id: &str,
    accepted: &[String],
    moment: Moment,
) -> Result<(), Fault> {
    check(claims, issuer, moment)?;
    let is_id_token = text(claims, "typ").is_some_and(|typ| typ.eq_ignore_ascii_case("id"))
        || ["nonce", "at_hash", "c_hash"].iter().any(|name| claims.contains_key(*name));
    if is_id_token {
        return Err(Fault::Kind);
    }
    if claims.contains_key("aud") {
        let audiences = audiences(claims);
        let is_ours = accepted.iter().any(|ours| audiences.contains(&ours.as_str()));
        return if is_ours { Ok(()) } else { Err(Fault::Audience) };
    }
    if issued_to(claims) == Some(client_id) { Ok(()) } else { Err(Fault::Party) }
}

/// The client that a token was issued to.
fn issued_to(claims: &Claims) -> Option<&str> {
    text(claims, "azp").or_else(|| text(claims, "client_id"))
}

/// A claim by its name, or by names with dots between them.
fn find<'c>(claims: &'c Claims, path: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let mut names = path.split('.');
    let first = claims.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

/// The highest role that the claims give, looked for in the first of these that has the claim.
pub(super) fn role(
    sources: &[&Claims],
    path: &str,
    roles: &BTreeMap<String, Role>,
) -> Option<Role> {
    let found = sources.iter().find_map(|claims| find(claims, path))?;
    let values: Vec<&str> = match found {
        Value::String(one) => std::iter::once(one.as_str()).chain(one.split(' ')).collect(),
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    values.into_iter().filter_map(|value| roles.get(value)).max().copied()
}

/// Whether one of these has the claim.
pub(super) fn has(sources: &[&Claims], path: &str) -> bool {
    sources.iter().any(|claims| find(claims, path).is_some())
}

/// The user's name: a claim of the first that has it, else `sub`. One line of printable text.
pub(super) fn name(sources: &[&Claims], path: &str) -> Option<String> {
    let is_name = |name: &&str| {
        !name.is_empty() && name.len() <= CREDENTIAL_LEN_MAX && !name.chars().any(char::is_control)
    };
    let named = |path: &str| sources.iter().find_map(|claims| find(claims, path)?.as_str());
    named(path).or_else(|| named("sub")).filter(is_name).map(str::to_owned)
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
