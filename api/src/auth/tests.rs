//! Logins and tokens together.

use std::net::{IpAddr, Ipv4Addr};
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

fn home() -> Network {
    Network::of(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

pub(super) fn users(roles: &[(&str, &str)]) -> Users {
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
    auth_with(users, Arc::default())
}

fn auth_with(users: Users, ended: Arc<EndedSessions>) -> (Auth, Arc<TestClock>) {
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
    (Auth::new(users, &tokens, ended, clock.clone()), clock)
}

#[tokio::test]
async fn a_good_login_gives_a_token_that_says_who_it_is() {
    let (auth, clock) = auth(users(&[("ada", "operator")]));
    let session =
        auth.login("ada", "Corr3ct-horse!".into(), home()).await.expect("the right password");
    let user = auth.verify(session.token.expose_secret()).expect("a fresh token");
    assert_eq!((user.name.as_str(), user.role), ("ada", Role::Operator));
    clock.0.fetch_add(3_600_000, Ordering::SeqCst);
    assert!(auth.verify(session.token.expose_secret()).is_err());
}

#[tokio::test]
async fn wrong_and_unknown_are_refused_alike_and_then_throttled() {
    let (auth, clock) = auth(users(&[("ada", "viewer")]));
    for _ in 0..5 {
        for name in ["ada", "nobody"] {
            let refused = auth.login(name, "wrong".into(), home()).await;
            assert_eq!(refused.err(), Some(LoginError::Invalid), "{name}");
        }
    }
    let refused = auth.login("ada", "Corr3ct-horse!".into(), home()).await;
    assert!(matches!(refused, Err(LoginError::Throttled(_))));
    clock.0.fetch_add(15 * 60_000, Ordering::SeqCst);
    assert!(auth.login("ada", "Corr3ct-horse!".into(), home()).await.is_ok());
}

/// Sign in with the first list of users, and is the token still good with the second?
async fn outlives(before: &Users, after: &Users) -> bool {
    let (auth_before, _) = auth(before.clone());
    let session =
        auth_before.login("ada", "Corr3ct-horse!".into(), home()).await.expect("the password");
    auth(after.clone()).0.verify(session.token.expose_secret()).is_ok()
}

#[tokio::test]
async fn a_token_ends_with_the_password_the_role_or_the_user_that_it_was_issued_for() {
    let admin = users(&[("ada", "admin"), ("bob", "viewer")]);
    assert!(outlives(&admin, &admin).await, "a restart alone ends nothing");
    let other_salt = users(&[("ada", "admin")]);
    assert!(!outlives(&admin, &other_salt).await, "the password was set anew");
    assert!(!outlives(&admin, &users(&[("bob", "admin")])).await, "the user is gone");
    let hash = hash_password("Corr3ct-horse!").expect("randomness");
    let with_role = |role: &str| {
        let entry = serde_json::json!([{"username": "ada", "passwordHash": hash, "role": role}]);
        Users::parse(&entry.to_string()).expect("a good list")
    };
    assert!(outlives(&with_role("admin"), &with_role("admin")).await);
    assert!(!outlives(&with_role("admin"), &with_role("viewer")).await, "the role was changed");
    assert!(!outlives(&with_role("viewer"), &with_role("admin")).await, "the role was changed");
}

#[tokio::test]
async fn a_session_that_was_ended_is_over_and_the_users_other_one_is_not() {
    let ended = Arc::new(EndedSessions::default());
    let (auth, clock) = auth_with(users(&[("ada", "admin")]), Arc::clone(&ended));
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let session = auth.login("ada", "Corr3ct-horse!".into(), home()).await;
        sessions.push(session.expect("the right password"));
    }
    let end = schemas::records::operator::SessionEnded {
        session_id: sessions[0].user.session,
        until: clock.now().plus_ms(1),
    };
    ended.end(&end, clock.now()).expect("room");
    assert!(auth.verify(sessions[0].token.expose_secret()).is_err());
    assert!(auth.verify(sessions[1].token.expose_secret()).is_ok());
}

#[tokio::test]
async fn a_right_password_that_nobody_waited_for_is_not_counted_as_a_failure() {
    let (auth, _) = auth(users(&[("ada", "viewer")]));
    for _ in 0..20 {
        let mut login = Box::pin(auth.login("ada", "Corr3ct-horse!".into(), home()));
        // Given up as a client does that has timed out.
        assert!(futures::poll!(&mut login).is_pending());
    }
    assert!(auth.login("ada", "Corr3ct-horse!".into(), home()).await.is_ok());
}

#[test]
fn a_bearer_value_is_taken_apart() {
    assert_eq!(Auth::bearer("Bearer abc"), Some("abc"));
    assert_eq!(Auth::bearer("bearer  abc "), Some("abc"));
    assert_eq!(Auth::bearer("Basic abc"), None);
    assert_eq!(Auth::bearer("abc"), None);
}
