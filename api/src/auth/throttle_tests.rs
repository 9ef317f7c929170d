//! Who is stopped by whose failures, and who is not.

use std::net::{IpAddr, Ipv4Addr};

use super::*;

fn home() -> Network {
    Network::of(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn away(last: u8) -> Network {
    Network::of(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)))
}

fn fail(throttle: &Arc<Throttle>, user: &str, network: Network, times: u32) {
    for _ in 0..times {
        throttle.begin(user, network, Timestamp(0)).expect("let through").failed();
    }
}

fn allowed(throttle: &Arc<Throttle>, user: &str, network: Network, now: i64) -> bool {
    throttle.begin(user, network, Timestamp(now)).is_ok()
}

#[test]
fn one_user_at_one_address_is_stopped_after_five_failures_and_nobody_else() {
    let throttle = Arc::new(Throttle::default());
    fail(&throttle, "ada", home(), 4);
    assert!(allowed(&throttle, "ada", home(), 1));
    fail(&throttle, "ada", home(), 1);
    assert_eq!(
        throttle.begin("ada", home(), Timestamp(60_000)).err(),
        Some(Throttled { retry_after: Duration::from_secs(14 * 60) })
    );
    assert!(allowed(&throttle, "ada", away(1), 1));
    assert!(allowed(&throttle, "bob", home(), 1));
}

#[test]
fn the_window_ends() {
    let throttle = Arc::new(Throttle::default());
    fail(&throttle, "ada", home(), 5);
    assert!(!allowed(&throttle, "ada", home(), 15 * 60_000 - 1));
    assert!(allowed(&throttle, "ada", home(), 15 * 60_000));
}

#[test]
fn an_address_that_tries_many_names_is_slowed_down_but_not_for_those_who_are_known_there() {
    let throttle = Arc::new(Throttle::default());
    throttle.begin("vic", home(), Timestamp(0)).expect("let through").succeeded();
    for n in 0..30 {
        fail(&throttle, &format!("user-{n}"), home(), 1);
    }
    assert_eq!(
        throttle.begin("fresh", home(), Timestamp(0)).err(),
        Some(Throttled { retry_after: Duration::from_secs(2) })
    );
    assert!(allowed(&throttle, "vic", home(), 0));
    assert!(allowed(&throttle, "fresh", home(), 2_000));
    assert!(allowed(&throttle, "fresh", away(1), 0));
}

#[test]
fn a_user_who_is_attacked_from_everywhere_gets_in_where_they_have_been_before() {
    let throttle = Arc::new(Throttle::default());
    throttle.begin("ada", home(), Timestamp(0)).expect("let through").succeeded();
    for n in 0..10 {
        fail(&throttle, "ada", away(n), 5);
    }
    assert!(!allowed(&throttle, "ada", away(99), 1));
    assert!(allowed(&throttle, "ada", home(), 1));
    assert!(allowed(&throttle, "bob", away(99), 1));
}

#[test]
fn a_good_login_starts_afresh_and_a_try_without_a_verdict_does_not_count() {
    let throttle = Arc::new(Throttle::default());
    fail(&throttle, "ada", home(), 4);
    throttle.begin("ada", home(), Timestamp(0)).expect("let through").succeeded();
    fail(&throttle, "ada", home(), 4);
    for _ in 0..100 {
        drop(throttle.begin("ada", home(), Timestamp(0)).expect("let through"));
    }
    assert!(allowed(&throttle, "ada", home(), 0));
    for _ in 0..100 {
        drop(throttle.begin("bob", away(1), Timestamp(0)).expect("let through"));
    }
}

#[test]
fn many_at_the_same_time_do_not_slip_through_together() {
    let throttle = Arc::new(Throttle::default());
    let under_way: Vec<Attempt> =
        (0..5).map(|_| throttle.begin("ada", home(), Timestamp(0)).expect("let through")).collect();
    assert_eq!(
        throttle.begin("ada", home(), Timestamp(0)).err(),
        Some(Throttled { retry_after: Duration::from_secs(1) }),
        "none of them has failed yet"
    );
    drop(under_way);
    assert!(allowed(&throttle, "ada", home(), 0));
}

#[test]
fn memory_is_bounded_under_a_flood_of_names_and_addresses() {
    let throttle = Arc::new(Throttle::default());
    for n in 0..3 * u32::try_from(LOGIN_COUNTERS_MAX).expect("few") {
        let network = Network::of(IpAddr::V4(Ipv4Addr::from_bits(n)));
        let now = Timestamp(i64::from(n));
        let attempt = throttle.begin(&format!("user-{n}"), network, now).expect("let through");
        if n % 2 == 0 { attempt.succeeded() } else { attempt.failed() }
    }
    let counters = throttle.lock();
    assert!(counters.pairs.len() <= LOGIN_COUNTERS_MAX);
    assert!(counters.users.len() <= LOGIN_COUNTERS_MAX);
    assert!(counters.addresses.len() <= LOGIN_COUNTERS_MAX);
    assert!(counters.known.len() <= KNOWN_LOGINS_MAX);
}
