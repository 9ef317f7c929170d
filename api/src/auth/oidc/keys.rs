//! The provider's signing keys, from its JWKS. What is there for other uses, or is not understood, is left out.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde_json::{Map, Value};

use crate::caps::OIDC_KEYS_MAX;

/// Only signatures that nobody but the holder of a private key can make.
const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// What a token says.
pub(super) type Claims = Map<String, Value>;

struct SigningKey {
    id: Option<String>,
    /// What it may be used with.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// Keys that tokens of the provider are checked with.
#[derive(Default)]
pub(super) struct SigningKeys(Vec<SigningKey>);

impl SigningKeys {
    /// Reads a JWKS; none when it is not one.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(document).ok()?;
        let keys = document.get("keys")?.as_array()?;
        // One by one: a key of a kind that is not known yet takes nothing from the others.
        Some(Self(keys.iter().take(OIDC_KEYS_MAX).filter_map(signing_key).collect()))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether one of them may have signed what has this header.
    pub(super) fn fit(&self, header: &Header) -> bool {
        self.fitting(header).next().is_some()
    }

    /// What a token says, if one of them has signed it.
    pub(super) fn open(&self, header: &Header, token: &str) -> Option<Claims> {
        let mut validation = Validation::new(header.alg);
        // Who, for whom and when is looked at by `claims`, by our clock.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        self.fitting(header).find_map(|key| {
            jsonwebtoken::decode::<Claims>(token, &key.key, &validation)
                .ok()
                .map(|data| data.claims)
        })
    }

    fn fitting(&self, header: &Header) -> impl Iterator<Item = &SigningKey> {
        self.0.iter().filter(|key| {
            let is_named = header.kid.is_none() || key.id == header.kid;
            is_named && key.algorithms.contains(&header.alg)
        })
    }
}

fn signing_key(value: &Value) -> Option<SigningKey> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let is_for_signatures =
        jwk.common.public_key_use.as_ref().is_none_or(|word| *word == PublicKeyUse::Signature);
    let verifies = jwk
        .common
        .key_operations
        .as_ref()
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    if !is_for_signatures || !verifies {
        return None;
    }
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => RSA.to_vec(),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
        // Never a secret key: whoever can check with it can sign with it.
        _ => return None,
    };
    if let Some(named) = jwk.common.key_algorithm {
        let named = Algorithm::try_from(named).ok()?;
        algorithms.retain(|algorithm| *algorithm == named);
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    (!algorithms.is_empty()).then_some(SigningKey { id: jwk.common.key_id, algorithms, key })
}

/// Whether a token may be one of a provider's, by its algorithm alone.
pub(super) fn is_asymmetric(algorithm: Algorithm) -> bool {
    RSA.contains(&algorithm)
        || matches!(algorithm, Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // A public key of RFC 7517, appendix A.1.
    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn read(key: Value) -> SigningKeys {
        SigningKeys::read(json!({"keys": [key]}).to_string().as_bytes()).expect("a JWKS")
    }

    fn rsa(more: Value) -> Value {
        let mut key = json!({"kty": "RSA", "n": N, "e": "AQAB", "kid": "one"});
        for (name, value) in more.as_object().expect("an object") {
            key[name] = value.clone();
        }
        key
    }

    fn fits(keys: &SigningKeys, algorithm: Algorithm, kid: Option<&str>) -> bool {
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_owned);
        keys.fit(&header)
    }

    #[test]
    fn a_key_serves_its_own_algorithms_under_its_own_name() {
        let any = read(rsa(json!({})));
        assert!(fits(&any, Algorithm::RS256, Some("one")) && fits(&any, Algorithm::PS512, None));
        assert!(!fits(&any, Algorithm::RS256, Some("two")));
        for algorithm in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA] {
            assert!(!fits(&any, algorithm, Some("one")), "{algorithm:?}");
        }
        let one = read(rsa(json!({"use": "sig", "alg": "RS384", "key_ops": ["verify"]})));
        assert!(fits(&one, Algorithm::RS384, Some("one")));
        assert!(!fits(&one, Algorithm::RS256, Some("one")));
    }

    #[test]
    fn keys_for_other_uses_and_of_other_kinds_are_left_out_and_take_nothing_with_them() {
        let others = [
            rsa(json!({"use": "enc"})),
            rsa(json!({"use": "enc", "alg": "RSA-OAEP"})),
            rsa(json!({"alg": "RSA-OAEP-256"})),
            rsa(json!({"alg": "HS256"})),
            rsa(json!({"key_ops": ["encrypt"]})),
            json!({"kty": "oct", "k": "c2VjcmV0", "kid": "one"}),
            json!({"kty": "lattice", "kid": "one"}),
            json!({"kty": "RSA", "kid": "one"}),
            json!(1),
        ];
        for other in &others {
            assert_eq!(read(other.clone()).len(), 0, "{other}");
        }
        let mut all = others.to_vec();
        all.push(rsa(json!({"use": "sig"})));
        let keys = SigningKeys::read(json!({"keys": all}).to_string().as_bytes()).expect("a JWKS");
        assert_eq!(keys.len(), 1);
        for none in ["", "[]", "{}", "{\"keys\": 1}"] {
            assert!(SigningKeys::read(none.as_bytes()).is_none(), "{none}");
        }
    }

    #[test]
    fn no_secret_algorithm_passes_for_the_providers() {
        let all = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        assert!(all.into_iter().all(|algorithm| !is_asymmetric(algorithm)));
        assert!(RSA.into_iter().all(is_asymmetric));
    }
}
