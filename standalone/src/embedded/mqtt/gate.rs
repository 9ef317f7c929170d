//! The rules of `access` at rmqtt's hooks: logins, wills, subscriptions and messages. rmqtt asks before it walks a
//! topic, so what is too deep for it never gets that far. It must not know sockets.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use rmqtt::codec::types::Publish as Packet;
use rmqtt::codec::v5::{PublishAckReason, SubscribeAckReason};
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::session::Session;
use rmqtt::types::{
    AuthResult, ConnectInfo, Id, LastWill, Publish, PublishAclResult, PublishResult, Subscribe,
    SubscribeAclResult,
};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use super::access::{Access, Client, Publisher, is_own_client_id, is_reserved};
use super::accounts::{self, Accounts};
use super::budget::Budget;
use super::metrics;
use super::places::Places;
use super::retained::RetainedStore;
use super::sessions::{Room, Sessions};
use super::speakers::Speakers;

/// Properties of a message beside those that the protocol itself reads.
const USER_PROPERTIES_MAX: usize = 16;
/// Passwords that are looked at at the same time: each costs a thread.
const VERIFYING_MAX: usize = 1;
/// Share of the budget that is kept for our services' own messages, so that setpoints go out however much comes in.
const SERVICE_SHARE: usize = 4;

/// The listeners by which rmqtt tells the kinds of login apart.
pub(super) const PLAIN: u16 = 1;
pub(super) const CERTIFIED: u16 = 2;

/// What the gate decides by.
pub(super) struct Gate {
    pub(super) access: Access,
    pub(super) accounts: Accounts,
    pub(super) secret: String,
    /// Whether clients without a login are let in.
    pub(super) guests: bool,
    /// For whom guests speak.
    pub(super) speakers: Speakers,
    pub(super) places: Arc<Places>,
    pub(super) budget: Budget,
    pub(super) message_bytes_max: usize,
    pub(super) sessions: Sessions,
    pub(super) retained: RetainedStore,
    pub(super) verifying: Semaphore,
}

impl Gate {
    pub(super) fn verifying() -> Semaphore {
        Semaphore::new(VERIFYING_MAX)
    }

    async fn login(&self, connect: &ConnectInfo) -> Result<Client, Refusal> {
        let id = connect.id();
        let user = connect.username().map(AsRef::<str>::as_ref);
        let client_id: &str = id.client_id.as_ref();
        let client = Client::of(user, client_id).ok_or(Refusal::Login)?;
        match (&client, user) {
            (Client::Service, _) => {
                let shown = password(connect).unwrap_or_default();
                let is_ours = bool::from(shown[..].ct_eq(self.secret.as_bytes()));
                return if id.lid == PLAIN && is_ours { Ok(client) } else { Err(Refusal::Login) };
            }
            (Client::Guest(_), _) if !self.guests => return Err(Refusal::Login),
            (Client::Guest(_), _) => {
                let known = self.accounts.table();
                let owner = client_id.split(':').next().unwrap_or_default();
                if is_reserved(client_id) || known.contains_key(owner) {
                    return Err(Refusal::ClientId);
                }
            }
            (Client::Device(_), Some(user)) => {
                if id.lid != CERTIFIED {
                    self.check_password(user, password(connect), id).await?;
                }
                if is_reserved(user) || !is_own_client_id(user, client_id) {
                    return Err(Refusal::ClientId);
                }
            }
            (Client::Device(_), None) => return Err(Refusal::Login),
        }
        Ok(client)
    }

    async fn check_password(
        &self,
        user: &str,
        shown: Option<Bytes>,
        id: &Id,
    ) -> Result<(), Refusal> {
        let barred =
            |address: std::net::SocketAddr| self.places.is_barred(address.ip(), Instant::now());
        if id.remote_addr.is_some_and(barred) {
            return Err(Refusal::Barred);
        }
        let Some(hash) = self.accounts.table().get(user).cloned() else {
            return Err(Refusal::Login);
        };
        let _turn = self.verifying.acquire().await.map_err(|_| Refusal::Login)?;
        let verified = tokio::task::spawn_blocking(move || {
            accounts::verify(&hash, shown.as_deref().unwrap_or_default())
        });
        if verified.await.unwrap_or(false) { Ok(()) } else { Err(Refusal::Login) }
    }

    /// Whether a client may leave this will.
    fn will(&self, client: &Client, will: &LastWill<'_>) -> Result<(), Refusal> {
        let (topic, retain) = match will {
            LastWill::V3(will) => (&will.topic, will.retain),
            LastWill::V5(will) => (&will.topic, will.retain),
        };
        self.publish_allowed(client, true, topic, retain).map(drop)
    }

    /// Who comes in, with the session that is to be ended for it.
    async fn enter(&self, connect: &ConnectInfo) -> Result<Option<Id>, Refusal> {
        let client = self.login(connect).await?;
        if let Some(will) = connect.last_will() {
            self.will(&client, &will)?;
        }
        match self.sessions.room_for(client, &connect.id().client_id) {
            Room::Free => Ok(None),
            Room::InPlaceOf(session) => Ok(Some(session)),
            Room::None => Err(Refusal::Sessions),
        }
    }

    /// What a client that was not let in is told.
    fn refuse(&self, id: &Id, refusal: Refusal) -> AuthResult {
        metrics::refused(refusal.as_str());
        tracing::info!(reason = refusal.as_str(), from = ?id.remote_addr, client = ?id.client_id, "a client was not let in");
        match refusal {
            Refusal::Login => {
                if let Some(address) = id.remote_addr {
                    self.places.wrong_login(address.ip(), Instant::now());
                }
                AuthResult::BadUsernameOrPassword
            }
            _ => AuthResult::NotAuthorized,
        }
    }

    /// Under whose id a client publishes here. `certified` clients and services need no account.
    fn publish_allowed(
        &self,
        client: &Client,
        certified: bool,
        topic: &str,
        retain: bool,
    ) -> Result<Publisher, Refusal> {
        let publisher = self.access.publishes_as(client, topic).ok_or(Refusal::Publish)?;
        if let Publisher::Reporter(device) | Publisher::Device(device) = &publisher {
            let has_account = || self.accounts.known().contains_key(device.as_str());
            let stands = match client {
                Client::Guest(_) => !has_account(),
                Client::Device(_) => certified || has_account(),
                Client::Service => true,
            };
            if !stands {
                return Err(Refusal::Publish);
            }
        }
        let share = if *client == Client::Service { 0 } else { SERVICE_SHARE };
        let room = self.message_bytes_max - self.message_bytes_max.checked_div(share).unwrap_or(0);
        if self.budget.used() > room {
            return Err(Refusal::MessageBytes);
        }
        if retain && self.retained.is_full_for(topic, *client == Client::Service) {
            return Err(Refusal::Retained);
        }
        Ok(publisher)
    }

    fn publish(&self, session: &Session, publish: &Publish) -> PublishAclResult {
        let Some(client) = client_of(&session.id) else {
            return PublishAclResult::rejected(true, None);
        };
        let certified = session.id.lid == CERTIFIED;
        let allowed = self.publish_allowed(&client, certified, &publish.topic, publish.retain);
        let refusal = match allowed {
            Ok(publisher) => {
                self.note_speaker(&session.id, &client, publisher);
                return PublishAclResult::allow();
            }
            Err(refusal) => refusal,
        };
        metrics::refused(refusal.as_str());
        // What was refused for lack of room comes again after a reconnect. What may not be said would come again for ever:
        // MQTT 3, which has no word for a refusal, gets an acknowledgement for it.
        let disconnect = refusal.is_for_lack_of_room();
        PublishAclResult(PublishResult::reason_code(
            if refusal.is_for_lack_of_room() {
                PublishAckReason::QuotaExceeded
            } else {
                PublishAckReason::NotAuthorized
            },
            Some(refusal.as_str().into()),
            disconnect,
        ))
    }

    /// Guests and our services (a simulated fleet) speak for the devices that they report of; a login says it by itself.
    fn note_speaker(&self, id: &Id, client: &Client, publisher: Publisher) {
        if self.guests
            && !matches!(client, Client::Device(_))
            && let Publisher::Reporter(device) = publisher
        {
            self.speakers.spoke(&id.client_id, device);
        }
    }

    /// Whether what a client asked for is also meant for it.
    fn may_hear(&self, session: &Session, topic: &str) -> bool {
        let client_id = &session.id.client_id;
        client_of(&session.id).is_some_and(|client| {
            self.access.may_hear(&client, topic, |device| self.speakers.speaks(client_id, device))
        })
    }

    fn subscribe(&self, session: &Session, subscribe: &Subscribe) -> SubscribeAclResult {
        let shared = subscribe.opts.shared_group().is_some();
        let allowed = client_of(&session.id).is_some_and(|client| {
            self.access.may_subscribe(&client, &subscribe.topic_filter, shared)
        });
        if allowed {
            return SubscribeAclResult::new_success(subscribe.opts.qos(), None);
        }
        metrics::refused(Refusal::Subscribe.as_str());
        SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
    }

    /// A copy of a message that holds on to nothing else (a slice of a packet keeps the whole packet), and is weighed.
    fn weighed(&self, publish: &Publish) -> Publish {
        let mut own = publish.clone();
        let packet: &mut Packet = &mut own;
        let mut beside = packet.topic.len();
        packet.topic = packet.topic.to_string().into();
        if let Some(properties) = &mut packet.properties {
            properties.user_properties.truncate(USER_PROPERTIES_MAX);
            for (name, value) in &mut properties.user_properties {
                beside += name.len() + value.len();
                (*name, *value) = (name.to_string().into(), value.to_string().into());
            }
            for text in
                [&mut properties.content_type, &mut properties.response_topic].into_iter().flatten()
            {
                beside += text.len();
                *text = text.to_string().into();
            }
            if let Some(data) = &mut properties.correlation_data {
                beside += data.len();
                *data = Bytes::copy_from_slice(data);
            }
        }
        packet.payload = self.budget.weigh(&packet.payload, beside);
        own
    }
}

fn client_of(id: &Id) -> Option<Client> {
    Client::of(id.username.as_deref(), &id.client_id)
}

fn password(connect: &ConnectInfo) -> Option<Bytes> {
    match connect {
        ConnectInfo::V3(_, connect) => connect.password.clone(),
        ConnectInfo::V5(_, connect) => connect.password.clone(),
    }
}

/// Why a client does not get what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Login,
    Barred,
    ClientId,
    Sessions,
    Publish,
    Subscribe,
    MessageBytes,
    Retained,
}

impl Refusal {
    fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Barred => "login_barred",
            Self::ClientId => "client_id",
            Self::Sessions => "sessions",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::MessageBytes => "message_bytes",
            Self::Retained => "retained",
        }
    }

    fn is_for_lack_of_room(self) -> bool {
        matches!(self, Self::MessageBytes | Self::Retained)
    }
}

/// The gate as rmqtt's hooks call it.
#[derive(Clone)]
pub(super) struct AtTheGate {
    pub(super) gate: Arc<Gate>,
    pub(super) context: ServerContext,
}

impl AtTheGate {
    async fn authenticate(&self, connect: &ConnectInfo) -> AuthResult {
        match self.gate.enter(connect).await {
            Err(refusal) => return self.gate.refuse(connect.id(), refusal),
            Ok(Some(session)) => self.end(session).await,
            Ok(None) => {}
        }
        AuthResult::Allow(false, None)
    }

    /// Ends a session whose client is away. Who comes back for it in this very moment keeps it.
    async fn end(&self, session: Id) {
        metrics::displaced();
        tracing::info!(client = ?session.client_id, "a session whose client is away has ended to make room");
        let entry = self.context.extends.shared().await.entry(session.clone());
        let Ok(mut entry) = entry.try_lock().await else { return };
        if entry.is_connected().await {
            return;
        }
        match entry.kick(true, true, true).await {
            Ok(_) => self.gate.speakers.ended(&session.client_id),
            Err(error) => tracing::debug!(%error, "it has ended by itself"),
        }
    }
}

#[async_trait]
impl Handler for AtTheGate {
    async fn hook(&self, parameter: &Parameter, earlier: Option<HookResult>) -> ReturnType {
        let Self { gate, .. } = self;
        let result = match parameter {
            Parameter::ClientAuthenticate(connect) => {
                HookResult::AuthResult(self.authenticate(connect).await)
            }
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                HookResult::SubscribeAclResult(gate.subscribe(session, subscribe))
            }
            Parameter::MessagePublishCheckAcl(session, publish) => {
                HookResult::PublishAclResult(gate.publish(session, publish))
            }
            Parameter::MessagePublish(_, _, publish) => HookResult::Publish(gate.weighed(publish)),
            // rmqtt's only question before it hands a message to a client.
            Parameter::MessageExpiryCheck(session, _, publish)
                if !gate.may_hear(session, &publish.topic) =>
            {
                HookResult::MessageExpiry
            }
            Parameter::ClientConnected(session) => {
                if let Some(client) = client_of(&session.id) {
                    gate.sessions.came(client, &session.id);
                }
                return (true, earlier);
            }
            Parameter::ClientDisconnected(session, _) => {
                gate.sessions.left(&session.id);
                return (true, earlier);
            }
            Parameter::SessionTerminated(session, _) => {
                gate.sessions.ended(&session.id);
                gate.speakers.ended(&session.id.client_id);
                return (true, earlier);
            }
            _ => return (true, earlier),
        };
        (true, Some(result))
    }
}
