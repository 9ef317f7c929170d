//! What claims are accepted, and who they name.

use serde_json::json;

use super::*;

const NOW: Moment = Moment { now_s: 1_800_000_000, tolerance_s: 60 };
const ISSUER: &str = "https://login.example.org";

fn claims(changes: Value) -> Claims {
    let mut claims = json!({
        "iss": ISSUER, "sub": "u-1", "aud": "derms", "azp": "derms", "nonce": "n",
        "iat": NOW.now_s, "exp": NOW.now_s + 60,
    });
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims.as_object().expect("an object").clone()
}

#[test]
fn an_id_token_is_of_our_issuer_for_our_client_and_this_login() {
    for (changes, outcome) in [
        (json!({}), Ok(())),
        (json!({"azp": null}), Ok(())),
        (json!({"aud": ["derms", "other"]}), Ok(())),
        (json!({"exp": NOW.now_s - 59}), Ok(())),
        (json!({"exp": 1.8e9 + 1.5}), Ok(())),
        (json!({"iss": "https://login.example.org/"}), Err(Fault::Issuer)),
        (json!({"iss": null}), Err(Fault::Issuer)),
        (json!({"aud": "other"}), Err(Fault::Audience)),
        (json!({"aud": ["other"]}), Err(Fault::Audience)),
        (json!({"aud": null}), Err(Fault::Audience)),
        (json!({"azp": "other"}), Err(Fault::Party)),
        (json!({"aud": ["derms", "other"], "azp": null}), Err(Fault::Party)),
        (json!({"exp": NOW.now_s - 60}), Err(Fault::Expired)),
        (json!({"exp": null}), Err(Fault::Expired)),
        (json!({"exp": "1900000000"}), Err(Fault::Expired)),
        (json!({"iat": NOW.now_s + 61}), Err(Fault::Early)),
        (json!({"nbf": NOW.now_s + 61}), Err(Fault::Early)),
        (json!({"nonce": "m"}), Err(Fault::Nonce)),
        (json!({"nonce": null}), Err(Fault::Nonce)),
        (json!({"sub": ""}), Err(Fault::Subject)),
        (json!({"sub": null}), Err(Fault::Subject)),
    ] {
        let judged = check_id(&claims(changes.clone()), ISSUER, "derms", "n", NOW);
        assert_eq!(judged, outcome, "{changes}");
    }
}

#[test]
fn an_access_token_is_meant_for_this_api() {
    let ours = ["derms".to_owned(), "derms-api".to_owned()];
    for (changes, outcome) in [
        (json!({"aud": "derms-api", "azp": "script"}), Ok(())),
        (json!({"aud": ["account", "derms"], "azp": "script"}), Ok(())),
        // As Keycloak issues them where no audience is set up.
        (json!({"aud": null}), Ok(())),
        (json!({"aud": null, "azp": null, "client_id": "derms"}), Ok(())),
        (json!({"aud": "account"}), Err(Fault::Audience)),
        (json!({"aud": []}), Err(Fault::Audience)),
        (json!({"aud": 1}), Err(Fault::Audience)),
        (json!({"aud": null, "azp": "other"}), Err(Fault::Party)),
        (json!({"aud": null, "azp": null}), Err(Fault::Party)),
        (json!({"nonce": "n"}), Err(Fault::Kind)),
        (json!({"typ": "ID"}), Err(Fault::Kind)),
        (json!({"at_hash": "x"}), Err(Fault::Kind)),
        (json!({"iss": "https://other.example.org"}), Err(Fault::Issuer)),
        (json!({"exp": NOW.now_s - 60}), Err(Fault::Expired)),
        (json!({"sub": null}), Err(Fault::Subject)),
    ] {
        let mut all = claims(changes.clone());
        if changes.get("nonce").is_none() {
            all.remove("nonce");
        }
        let judged = check_bearer(&all, ISSUER, "derms", &ours, NOW);
        assert_eq!(judged, outcome, "{changes}");
    }
}

#[test]
fn the_token_beside_an_id_token_is_of_the_same_user_and_client() {
    let judge = |changes| check_companion(&claims(changes), ISSUER, "derms", "u-1", NOW);
    assert_eq!(judge(json!({"aud": "account"})), Ok(()));
    assert_eq!(judge(json!({"sub": "u-2"})), Err(Fault::Subject));
    assert_eq!(judge(json!({"azp": "other"})), Err(Fault::Party));
}

#[test]
fn the_highest_role_of_the_first_that_has_the_claim_counts() {
    let roles = BTreeMap::from([
        ("staff".to_owned(), Role::Viewer),
        ("Grid Admins".to_owned(), Role::Admin),
    ]);
    let of = |claims: Value, path: &str| {
        let claims = claims.as_object().expect("an object").clone();
        role(&[&Claims::new(), &claims], path, &roles)
    };
    let nested = json!({"realm_access": {"roles": ["staff", "Grid Admins", 1]}});
    assert_eq!(of(nested, "realm_access.roles"), Some(Role::Admin));
    assert_eq!(
        of(json!({"https://x.example/roles": ["staff"]}), "https://x.example/roles"),
        Some(Role::Viewer)
    );
    assert_eq!(of(json!({"roles": "other staff"}), "roles"), Some(Role::Viewer));
    assert_eq!(of(json!({"roles": "Grid Admins"}), "roles"), Some(Role::Admin));
    for none in [json!({}), json!({"roles": []}), json!({"roles": ["admin"]}), json!({"roles": 1})]
    {
        assert_eq!(of(none.clone(), "roles"), None, "{none}");
    }
    let first = json!({"roles": []}).as_object().expect("an object").clone();
    let second = json!({"roles": ["Grid Admins"]}).as_object().expect("an object").clone();
    assert_eq!(role(&[&first, &second], "roles", &roles), None);
}

#[test]
fn a_name_is_one_printable_line() {
    let of = |changes| name(&[&claims(changes)], "preferred_username");
    assert_eq!(of(json!({"preferred_username": "ada"})).as_deref(), Some("ada"));
    assert_eq!(of(json!({})).as_deref(), Some("u-1"));
    assert_eq!(of(json!({"preferred_username": "a\nb"})), None);
    assert_eq!(of(json!({"preferred_username": "x".repeat(257)})), None);
}
