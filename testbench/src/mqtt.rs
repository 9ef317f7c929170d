//! A plain MQTT 5 client for tests, independent of the one that the product uses: it hears everything under its
//! filters, publishes, and waits on conditions with a deadline.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, LastWill, Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, MqttOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const REQUESTS_MAX: usize = 1024;
/// How long the broker keeps a durable session, s.
const SESSION_S: u32 = 3600;
const CONNECT_MAX: Duration = Duration::from_secs(10);
const PACKET_MAX: u32 = 16 * 1024 * 1024;

/// A message that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its topic.
    pub topic: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Whether it was stored at the broker before we subscribed.
    pub retained: bool,
    /// Its message expiry interval, as far as it is left.
    pub expiry_s: Option<u32>,
}

impl Heard {
    /// The payload as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).unwrap_or_default()
    }
}

/// Who a client is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Who<'a> {
    /// Its client id.
    pub name: &'a str,
    /// User and password.
    pub login: Option<(&'a str, &'a str)>,
    /// Topic and payload of what the broker says, and retains, when it vanishes.
    pub will: Option<(&'a str, &'a str)>,
    /// How long the broker keeps its session, s; none = it ends with the connection.
    pub session_s: Option<u32>,
}

/// A connected client; gone when dropped, without a goodbye.
pub struct Client {
    client: AsyncClient,
    heard: Arc<Mutex<Vec<Heard>>>,
    changed: watch::Receiver<usize>,
    /// Subscriptions that the broker has answered.
    confirmed: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Connects and subscribes (QoS 1); returns when the broker has confirmed the subscriptions.
    ///
    /// # Errors
    /// When the broker does not let it in, or not within ten seconds.
    pub async fn connect(
        host: &str,
        port: u16,
        name: &str,
        filters: &[&str],
    ) -> anyhow::Result<Self> {
        Self::open(host, port, Who { name, ..Who::default() }, filters).await
    }

    /// The same for a client that logs in, and may leave a will.
    ///
    /// # Errors
    /// As for [`Client::connect`].
    pub async fn connect_as(
        host: &str,
        port: u16,
        who: Who<'_>,
        filters: &[&str],
    ) -> anyhow::Result<Self> {
        Self::open(host, port, who, filters).await
    }

    /// The same with a session that the broker keeps, and fills, while the client is away.
    ///
    /// # Errors
    /// As for [`Client::connect`].
    pub async fn connect_durable(
        host: &str,
        port: u16,
        name: &str,
        filters: &[&str],
    ) -> anyhow::Result<Self> {
        let who = Who { name, session_s: Some(SESSION_S), ..Who::default() };
        Self::open(host, port, who, filters).await
    }

    async fn open(host: &str, port: u16, who: Who<'_>, filters: &[&str]) -> anyhow::Result<Self> {
        let mut options = MqttOptions::new(who.name, host, port);
        options.set_max_packet_size(Some(PACKET_MAX));
        options.set_clean_start(who.session_s.is_none());
        options.set_session_expiry_interval(who.session_s);
        if let Some((user, password)) = who.login {
            options.set_credentials(user, password);
        }
        if let Some((topic, payload)) = who.will {
            options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, true, None));
        }
        let (client, mut eventloop) = AsyncClient::new(options, REQUESTS_MAX);
        for filter in filters {
            client.subscribe(*filter, QoS::AtLeastOnce).await.context("subscribing")?;
        }
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let (change, changed) = watch::channel(0);
        let (log, expected) = (heard.clone(), filters.len());
        let (confirm, mut confirmed) = watch::channel(0);
        let (connect, is_connected) = tokio::sync::oneshot::channel();
        let task = service_kit::task::spawn("test client", async move {
            let mut connect = Some(connect);
            loop {
                let event = match eventloop.poll().await {
                    Ok(event) => event,
                    // The connection before under this name is still being ended: MQTT asks a client to come again.
                    Err(ConnectionError::ConnectionRefused(
                        ConnectReturnCode::ServerUnavailable,
                    )) if connect.is_some() => continue,
                    Err(_) => break,
                };
                match event {
                    Event::Incoming(Packet::ConnAck(_)) => {
                        connect.take().map(|connect| connect.send(()));
                    }
                    Event::Incoming(Packet::SubAck(_)) => {
                        confirm.send_modify(|confirmed| *confirmed += 1);
                    }
                    Event::Incoming(Packet::Publish(publish)) => {
                        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                        log.push(Heard {
                            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                            payload: publish.payload.to_vec(),
                            retained: publish.retain,
                            expiry_s: publish
                                .properties
                                .and_then(|known| known.message_expiry_interval),
                        });
                        change.send_replace(log.len());
                    }
                    _ => {}
                }
            }
        });
        let ready = async {
            is_connected.await.ok()?;
            confirmed.wait_for(|confirmed| *confirmed >= expected).await.ok().map(drop)
        };
        let ready = tokio::time::timeout(CONNECT_MAX, ready).await;
        let own = Self { client, heard, changed, confirmed, task };
        ready
            .context("the broker does not confirm the subscriptions")?
            .context("the broker closed the connection")?;
        Ok(own)
    }

    /// Queues a message, QoS 1.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn publish(
        &self,
        topic: &str,
        payload: impl Into<Vec<u8>>,
        retain: bool,
        expiry_s: Option<u32>,
    ) -> anyhow::Result<()> {
        let properties =
            PublishProperties { message_expiry_interval: expiry_s, ..PublishProperties::default() };
        self.client
            .publish_with_properties(topic, QoS::AtLeastOnce, retain, payload.into(), properties)
            .await
            .context("publishing")
    }

    /// Subscribes (QoS 1) and waits for the broker's answer, whatever that is: it has then read all that was published
    /// before.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn subscribed(&self, filter: &str) -> anyhow::Result<()> {
        let mut confirmed = self.confirmed.clone();
        let before = *confirmed.borrow_and_update();
        self.client.subscribe(filter, QoS::AtLeastOnce).await.context("subscribing")?;
        let answer = confirmed.wait_for(|confirmed| *confirmed > before);
        tokio::time::timeout(CONNECT_MAX, answer)
            .await
            .context("no answer to a subscription")?
            .context("the connection ended")?;
        Ok(())
    }

    /// Everything heard so far.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the messages heard so far satisfy a condition, and gives what it found.
    ///
    /// # Errors
    /// When that does not happen within `patience`; the error says what was heard last.
    pub async fn wait_for<R>(
        &mut self,
        patience: Duration,
        what: &str,
        mut found: impl FnMut(&[Heard]) -> Option<R>,
    ) -> anyhow::Result<R> {
        let waiting = async {
            loop {
                self.changed.borrow_and_update();
                if let Some(result) =
                    found(&self.heard.lock().unwrap_or_else(PoisonError::into_inner))
                {
                    return Some(result);
                }
                if self.changed.changed().await.is_err() {
                    return None;
                }
            }
        };
        match tokio::time::timeout(patience, waiting).await {
            Ok(Some(result)) => Ok(result),
            Ok(None) => anyhow::bail!("the connection ended before: {what}"),
            Err(_) => {
                let heard = self.heard();
                let last: Vec<String> = heard
                    .iter()
                    .rev()
                    .take(5)
                    .map(|one| format!("{} {}", one.topic, String::from_utf8_lossy(&one.payload)))
                    .collect();
                anyhow::bail!(
                    "not within {patience:?}: {what}; {} messages, the last: {last:#?}",
                    heard.len()
                )
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}
