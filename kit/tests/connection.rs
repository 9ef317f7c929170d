//! A connection before it is made: what is handed over waits for it, and there is room for all that may be.

use bytes::Bytes;
use service_kit::mqtt::Broker;
use service_kit::mqtt::connection::{Connection, Options, Publication, Session};

const PUBLISHES: u16 = 500;

fn connection(session: Session, filters: usize) -> Connection {
    let broker = Broker { host: "127.0.0.1".to_owned(), port: 9, credentials: None, tls: None };
    let subscriptions: Vec<String> =
        (0..filters).map(|number| format!("der/control/ev-{number}")).collect();
    Connection::new(Options {
        broker: &broker,
        client_id: "nobody",
        session,
        subscriptions: &subscriptions,
        will: None,
        publishes_max: PUBLISHES,
        packet_max: 1_000,
    })
}

fn message() -> Publication {
    let (topic, payload) = ("der/telemetry/ev-1".to_owned(), Bytes::from_static(b"{}"));
    Publication { topic, payload, retain: false, expiry_s: None }
}

#[tokio::test]
async fn all_subscriptions_all_messages_that_may_be_on_their_way_and_the_goodbye_find_room() {
    let kept = Session::Kept { expiry: std::time::Duration::from_secs(1), receive_max: 10 };
    for session in [Session::Clean, kept] {
        for filters in [0, 1, 2_050] {
            let connection = connection(session, filters);
            assert!((0..PUBLISHES).all(|_| connection.sender.publish(message())), "{filters}");
            assert!(connection.sender.leave(), "{filters}");
        }
    }
}

#[tokio::test]
async fn what_finds_no_room_is_said_at_once() {
    let connection = connection(Session::Clean, 1);
    let taken = (0..10 * PUBLISHES).filter(|_| connection.sender.publish(message())).count();
    assert!(taken < usize::from(10 * PUBLISHES), "{taken}");
}
