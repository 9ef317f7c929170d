//! What each embedded server is asked: a message that must come back from the broker, a record that the log must take
//! and give back, a statement that ClickHouse must answer. Bounded by who asks.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use service_kit::log::{LogConfig, LogProbe};
use service_kit::mqtt::{Broker, Link, LinkEvent, LinkOptions, Outgoing};
use service_kit::settings::{Settings, key};
use tokio::sync::{Mutex, OnceCell, mpsc};
use uuid::Uuid;

use crate::solo::Server;
use crate::supervisor::RULES;

/// Questions to the broker that wait for it; an older one gives way.
const WAITING_MAX: usize = 1;
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// A question to one server. Its client is made with the first one: before that there is nobody to connect to.
pub(super) enum Question {
    Mqtt(Settings, Mutex<Option<Echo>>),
    Log(LogConfig, OnceCell<LogProbe>),
    ClickHouse { client: reqwest::Client, url: String, login: Option<(String, String)> },
}

/// A connection whose own messages come back to it.
pub(super) struct Echo {
    link: Link<()>,
    events: mpsc::Receiver<LinkEvent>,
    topic: String,
}

impl Question {
    /// The question that suits a server.
    ///
    /// # Errors
    /// When the settings do not do for a client of it.
    pub(super) fn new(server: Server, settings: &Settings) -> anyhow::Result<Self> {
        let text = |key| settings.optional_text(key).map(str::to_owned);
        let secret = |key| settings.exposed(key).map(str::to_owned);
        Ok(match server {
            Server::Mqtt => Self::Mqtt(settings.clone(), Mutex::new(None)),
            Server::Log => Self::Log(LogConfig::from_settings(settings), OnceCell::new()),
            Server::ClickHouse => Self::ClickHouse {
                client: reqwest::Client::builder()
                    .timeout(RULES.answer_max)
                    .build()
                    .context("a client of ClickHouse")?,
                url: settings.text(key::DERMS_CLICKHOUSE_URL).to_owned(),
                login: text(key::DERMS_CLICKHOUSE_USER)
                    .map(|user| (user, secret(key::DERMS_CLICKHOUSE_PASSWORD).unwrap_or_default())),
            },
        })
    }

    /// Asks.
    ///
    /// # Errors
    /// What the server did not do.
    pub(super) async fn ask(&self) -> Result<(), String> {
        match self {
            Self::Mqtt(settings, echo) => {
                echo.lock().await.get_or_insert_with(|| Echo::new(settings)).ask().await
            }
            Self::Log(config, probe) => {
                let probe = probe.get_or_try_init(async || LogProbe::new(config)).await;
                let probe = probe.map_err(|error| format!("has no client: {error:#}"))?;
                probe.ask(RULES.answer_max).await.map_err(|error| error.to_string())
            }
            Self::ClickHouse { client, url, login } => {
                select_one(client, url, login.as_ref()).await
            }
        }
    }
}

impl Echo {
    fn new(settings: &Settings) -> Self {
        let name = Uuid::new_v4().simple().to_string();
        let topic = format!("{}/watch/{name}", settings.topics(key::MQTT_TOPIC_PREFIX).prefix());
        let options = LinkOptions {
            broker: Broker::plain(settings),
            client_id: format!("derms-watch-{name}"),
            will: None,
            greeting: Vec::new(),
            subscriptions: vec![topic.clone()],
            outbox_max: WAITING_MAX,
            backoff_min: BACKOFF_MIN,
            backoff_max: BACKOFF_MAX,
        };
        let (link, events) = Link::start(options, Arc::new(|(), _| {}));
        Self { link, events, topic }
    }

    async fn ask(&mut self) -> Result<(), String> {
        let word = Uuid::new_v4().to_string();
        self.link.publish(Outgoing {
            topic: self.topic.clone(),
            payload: Bytes::from(word.clone()),
            retain: false,
            tag: (),
        });
        let came_back = async {
            while let Some(event) = self.events.recv().await {
                if matches!(&event, LinkEvent::Delivery(delivery) if delivery.payload == word) {
                    return true;
                }
            }
            false
        };
        match tokio::time::timeout(RULES.answer_max, came_back).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err("does not hand a message on".to_owned()),
        }
    }
}

async fn select_one(
    client: &reqwest::Client,
    url: &str,
    login: Option<&(String, String)>,
) -> Result<(), String> {
    let mut request = client.post(url).body("SELECT 1");
    if let Some((user, password)) = login {
        request = request.header("X-ClickHouse-User", user).header("X-ClickHouse-Key", password);
    }
    // Addresses are nothing that health needs to tell.
    let response = request.send().await.map_err(|error| error.without_url().to_string());
    let response = response.map_err(|error| format!("does not answer a statement: {error}"))?;
    let status = response.status();
    let answer = response.text().await.unwrap_or_default();
    if status.is_success() && answer.trim() == "1" {
        Ok(())
    } else {
        Err(format!("does not answer a statement: it says {status}"))
    }
}
