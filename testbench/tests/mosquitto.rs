//! The broker helper itself: it listens, comes back on the same port, and is gone when dropped.

use std::net::TcpStream;

use testbench::mosquitto::Mosquitto;

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[test]
fn a_broker_listens_survives_a_kill_on_its_port_and_ends_with_its_owner() {
    let mut broker = Mosquitto::start().expect("mosquitto is installed");
    let port = broker.port();
    assert!(listens(port));
    broker.kill().expect("it can be killed");
    assert!(!listens(port));
    broker.restart().expect("it comes back");
    assert!(listens(port));
    broker.stop().expect("it ends on SIGTERM");
    assert!(!listens(port));
    broker.restart().expect("it comes back");
    drop(broker);
    assert!(!listens(port));
}
