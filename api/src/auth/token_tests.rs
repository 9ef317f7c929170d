//! What a token must be to be accepted.

use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const NOW_S: i64 = 1_800_000_000;

fn config(secret: &str, previous: Option<&str>) -> TokenConfig {
    TokenConfig {
        secret: secret.repeat(32).into(),
        previous: previous.map(|secret| secret.repeat(32).into()),
        issuer: "issuer".to_owned(),
        audience: "audience".to_owned(),
        ttl: Duration::from_secs(3600),
        tolerance: Duration::from_secs(60),
    }
}

fn sign(secret: &str, algorithm: Algorithm, claims: &serde_json::Value) -> String {
    let key = EncodingKey::from_secret(secret.repeat(32).as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("signing")
}

fn good_claims() -> serde_json::Value {
    json!({"username": "ada", "role": "admin", "iat": NOW_S, "exp": NOW_S + 60,
           "iss": "issuer", "aud": "audience", "jti": Uuid::from_u128(7), "fpr": "x"})
}

fn ada() -> UserEntry {
    let users = crate::auth::tests::users(&[("ada", "viewer")]);
    users.find("ada").expect("listed").clone()
}

#[test]
fn a_token_is_valid_until_its_end_and_the_tolerance_after_it() {
    let tokens = Tokens::new(&config("a", None));
    let (token, issued) = tokens.issue(&ada(), NOW);
    let end = issued.end;
    assert_eq!(end, NOW_S + 3600 + 60);
    let at = |second: i64| tokens.verify(&token, Timestamp(second * 1000));
    assert_eq!(at(NOW_S), Ok(issued));
    assert!(at(end - 1).is_ok());
    assert_eq!(at(end), Err(TokenError));
    assert_eq!(at(NOW_S - 61), Err(TokenError));
}

#[test]
fn tokens_of_the_previous_key_are_accepted_and_of_another_not() {
    let (token, _) = Tokens::new(&config("a", None)).issue(&ada(), NOW);
    assert!(Tokens::new(&config("b", Some("a"))).verify(&token, NOW).is_ok());
    assert!(Tokens::new(&config("b", None)).verify(&token, NOW).is_err());
    assert!(Tokens::new(&config("b", Some("c"))).verify(&token, NOW).is_err());
}

#[test]
fn a_token_is_taken_by_what_it_says() {
    let tokens = Tokens::new(&config("a", None));
    let token = sign("a", Algorithm::HS256, &good_claims());
    let verified = tokens.verify(&token, NOW).expect("a good token");
    assert_eq!((verified.username.as_str(), verified.session), ("ada", Uuid::from_u128(7)));
}

#[test]
fn what_is_not_pinned_down_is_refused() {
    let tokens = Tokens::new(&config("a", None));
    let without = |key: &str| {
        let mut claims = good_claims();
        claims.as_object_mut().expect("an object").remove(key);
        sign("a", Algorithm::HS256, &claims)
    };
    let with = |key: &str, value: serde_json::Value| {
        let mut claims = good_claims();
        claims[key] = value;
        sign("a", Algorithm::HS256, &claims)
    };
    let mut refused = vec![
        sign("a", Algorithm::HS512, &good_claims()),
        sign("b", Algorithm::HS256, &good_claims()),
        with("iss", json!("other")),
        with("aud", json!("other")),
        with("exp", json!(NOW_S - 61)),
        with("nbf", json!(NOW_S + 61)),
        with("username", json!("")),
        with("jti", json!("one")),
        "nonsense".to_owned(),
        String::new(),
    ];
    refused.extend(["exp", "iss", "aud", "username", "jti", "fpr"].map(without));
    // alg none: a header that claims no signature.
    let body = good_token_body();
    refused.push(format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}."));
    for token in refused {
        assert_eq!(tokens.verify(&token, NOW), Err(TokenError), "{token}");
    }
}

fn good_token_body() -> String {
    let token = sign("a", Algorithm::HS256, &good_claims());
    token.split('.').nth(1).expect("three parts").to_owned()
}
