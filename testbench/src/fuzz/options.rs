//! What `fuzz` is asked to do.

use std::net::SocketAddr;

use clap::Parser;

use super::clickhouse::ClickHouse;
use super::http::Http;
use super::kafka::Kafka;
use super::mqtt::Mqtt;
use super::websocket::WebSocket;
use super::{Listener, Target};

/// A listener, its address where one was given, and `USER:PASSWORD` at it.
type Row<'a> = (Box<dyn Listener>, Option<SocketAddr>, &'a Option<String>);

/// Hostile traffic for the listeners of a running `derms up` on this machine.
#[derive(Debug, Clone, Parser)]
pub struct Options {
    /// The log's address.
    #[arg(long)]
    pub kafka: Option<SocketAddr>,
    /// USER:PASSWORD at the log.
    #[arg(long)]
    pub kafka_login: Option<String>,
    /// The MQTT broker's address.
    #[arg(long)]
    pub mqtt: Option<SocketAddr>,
    /// USER:PASSWORD at the MQTT broker.
    #[arg(long)]
    pub mqtt_login: Option<String>,
    /// USER:PASSWORD at the MQTT broker of a device that is not attacked with: the well-behaved client.
    #[arg(long)]
    pub mqtt_other: Option<String>,
    /// The address of ClickHouse's HTTP interface.
    #[arg(long)]
    pub clickhouse: Option<SocketAddr>,
    /// USER:PASSWORD at ClickHouse.
    #[arg(long)]
    pub clickhouse_login: Option<String>,
    /// The API's address: HTTP and WebSocket.
    #[arg(long)]
    pub api: Option<SocketAddr>,
    /// USER:PASSWORD at the API.
    #[arg(long)]
    pub api_login: Option<String>,
    /// Where control's progress is read: an address that serves `/metrics` of the processor.
    #[arg(long)]
    pub metrics: Option<SocketAddr>,
    /// The process whose memory, and whose children's, is watched.
    #[arg(long)]
    pub pid: Option<u32>,
    /// How long, in seconds.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// Cases of each listener that are played at one time.
    #[arg(long, default_value_t = 4)]
    pub at_once: usize,
    /// Cases of each listener per second at most.
    #[arg(long, default_value_t = 200)]
    pub rate: u32,
    /// The first case's number; a case is its number and nothing else.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only that one case.
    #[arg(long)]
    pub once: bool,
}

impl Options {
    /// The listeners that were named, with their targets.
    #[must_use]
    pub fn listeners(&self) -> Vec<(Box<dyn Listener>, Target)> {
        let rows: [Row<'_>; 5] = [
            (Box::new(Kafka), self.kafka, &self.kafka_login),
            (Box::new(Mqtt { other: login(&self.mqtt_other) }), self.mqtt, &self.mqtt_login),
            (Box::new(ClickHouse), self.clickhouse, &self.clickhouse_login),
            (Box::new(Http::default()), self.api, &self.api_login),
            (Box::new(WebSocket::default()), self.api, &self.api_login),
        ];
        rows.into_iter()
            .filter_map(|(listener, address, login)| {
                Some((listener, Target { address: address?, login: self::login(login) }))
            })
            .collect()
    }
}

/// The two parts of USER:PASSWORD.
fn login(text: &Option<String>) -> Option<(String, String)> {
    let (user, password) = text.as_deref()?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
