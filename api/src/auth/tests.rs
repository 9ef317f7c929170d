//! Logins and tokens together.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use schemas::Timestamp;

use super::*;

#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn users(roles: &[(&str, &str)]) -> Users {
    let hash = hash_password("Corr3ct-horse!").expect("randomness");
    let entries: Vec<_> = roles
        .iter()
        .map(|(name, role)| {
            serde_json::json!({"username": name, "passwordHash": hash, "role": role})
        })
        .collect();
    Users::parse(&serde_json::Value::from(entries).to_string()).expect("a good list")
}

fn auth(users: Users) -> (Auth, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    clock.0.store(1_800_000_000_000, Ordering::SeqCst);
    let tokens = TokenConfig {
        secret: "s".repeat(32).into(),
        previous: None,
        issuer: "i".to_owned(),
        audience: "a".to_owned(),
        ttl: Duration::from_secs(3600),
        tolerance: Duration::ZERO,
    };
    (Auth::new(users, &tokens, clock.clone()), clock)
}

#[tokio::test]
async fn a_good_login_gives_a_token_that_says_who_it_is() {
    let (auth, clock) = auth(users(&[("ada", "operator")]));
    let session =
        auth.login("ada", "Corr3ct-horse!".into(), HOME).await.expect("the right password");
    let user = auth.verify(&session.token).expect("a fresh token");
    assert_eq!((user.name.as_str(), user.role), ("ada", Role::Operator));
    clock.0.fetch_add(3_600_000, Ordering::SeqCst);
    assert!(auth.verify(&session.token).is_err());
}

#[tokio::test]
async fn wrong_and_unknown_are_refused_alike_and_then_throttled() {
    let (auth, clock) = auth(users(&[("ada", "viewer")]));
    for _ in 0..5 {
        for name in ["ada", "nobody"] {
            let refused = auth.login(name, "wrong".into(), HOME).await;
            assert_eq!(refused.err(), Some(LoginError::Invalid), "{name}");
        }
    }
    let refused = auth.login("ada", "Corr3ct-horse!".into(), HOME).await;
    assert!(matches!(refused, Err(LoginError::Throttled(_))));
    clock.0.fetch_add(15 * 60_000, Ordering::SeqCst);
    assert!(auth.login("ada", "Corr3ct-horse!".into(), HOME).await.is_ok());
}

#[tokio::test]
async fn a_user_who_is_no_longer_listed_has_no_valid_token_and_a_new_role_holds_at_once() {
    let (before, _) = auth(users(&[("ada", "admin")]));
    let token =
        before.login("ada", "Corr3ct-horse!".into(), HOME).await.expect("the right password").token;
    let (demoted, _) = auth(users(&[("ada", "viewer")]));
    assert_eq!(demoted.verify(&token).map(|user| user.role), Ok(Role::Viewer));
    let (gone, _) = auth(users(&[("bob", "admin")]));
    assert!(gone.verify(&token).is_err());
}

#[test]
fn a_bearer_value_is_taken_apart() {
    assert_eq!(Auth::bearer("Bearer abc"), Some("abc"));
    assert_eq!(Auth::bearer("bearer  abc "), Some("abc"));
    assert_eq!(Auth::bearer("Basic abc"), None);
    assert_eq!(Auth::bearer("abc"), None);
}
