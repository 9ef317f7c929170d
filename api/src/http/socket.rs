//! `GET /graphql/ws`: graphql-transport-ws. Who connects proves who they are in `connection_init`
//! (`authorization: Bearer …`), or by the cookie that a page of our own opened it with; the connection ends when that proof does, when nothing is heard, and when too much is.

mod owner;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::http::{WebSocket as GraphqlSocket, WebSocketProtocols, WsMessage};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, Stream, StreamExt, future};
use serde_json::Value;

use super::client::Client;
use super::proof::socket_session;
use super::{ApiError, App};
use crate::caps::{
    SOCKET_FIRST_MESSAGE_MAX, SOCKET_INIT_TIMEOUT, SOCKET_MESSAGE_MAX, SOCKET_MESSAGES,
    SOCKET_MESSAGES_EVERY, SOCKET_PING_INTERVAL, SOCKET_SEND_TIMEOUT, SOCKET_SILENCE_MAX,
    SOCKETS_MAX, SOCKETS_PER_ADDRESS, SOCKETS_PER_USER,
};
use crate::graphql::{SocketOperations, Source};
use crate::metrics::{Counted, Refusal, count_refused};
use crate::network::Network;
use crate::pace::{Pace, Used};
use crate::places::{Full, Place, Places};
use owner::{Cut, Owner};

const PROTOCOL: &str = "graphql-transport-ws";

const MESSAGES: Pace = Pace { burst: SOCKET_MESSAGES, every: SOCKET_MESSAGES_EVERY };

/// Close codes of graphql-transport-ws, and 1001 (going away).
const CLOSE_GOING_AWAY: u16 = 1001;
const CLOSE_UNAUTHORIZED: u16 = 4401;
const CLOSE_INIT_TIMEOUT: u16 = 4408;

/// Places for connections.
#[derive(Debug, Clone)]
pub(super) struct Sockets {
    by_address: Arc<Places<Network>>,
    by_user: Arc<Places<String>>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            by_address: Places::new(SOCKETS_MAX, SOCKETS_PER_ADDRESS),
            by_user: Places::new(SOCKETS_MAX, SOCKETS_PER_USER),
        }
    }
}

/// Takes a connection.
pub(super) async fn open(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return ApiError::new(
            StatusCode::UPGRADE_REQUIRED,
            "this is a WebSocket: connect with the protocol graphql-transport-ws",
        )
        .into_response();
    };
    let speaks = headers
        .get(header::SEC_WEBSOCKET_PROTOCOL)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|word| word.trim() == PROTOCOL));
    if !speaks {
        return ApiError::new(
            StatusCode::BAD_REQUEST,
            "the WebSocket must ask for the protocol graphql-transport-ws",
        )
        .into_response();
    }
    let place = match app.sockets.by_address.take(Some(client.network())) {
        Ok(place) => place,
        Err(full) => return too_many(full),
    };
    let session = socket_session(&headers, app.names.is_own_page(&headers));
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(SOCKET_MESSAGE_MAX)
        .max_frame_size(SOCKET_MESSAGE_MAX)
        .on_upgrade(move |socket| serve(app, socket, client, session, place))
}

fn too_many(full: Full) -> Response {
    let (refusal, words) = match full {
        Full::InAll => (Refusal::Sockets, "too many connections; try again later"),
        Full::OfKey => {
            (Refusal::SocketsOfAddress, "too many connections of this address; close one")
        }
    };
    count_refused(refusal);
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, words).retry_after(10).into_response()
}

async fn serve(
    app: App,
    socket: WebSocket,
    client: Client,
    session: Option<String>,
    place: Place<Network>,
) {
    let _place = place;
    let _counted = Counted::socket();
    let (mut sink, stream) = socket.split();
    let owner = Arc::new(Owner::default());
    let init = {
        let (owner, app) = (Arc::clone(&owner), app.clone());
        move |payload: Value| async move {
            let places = &app.sockets.by_user;
            let mut data = owner.admit(&app.auth, places, &payload, session.as_deref()).await?;
            data.insert(Source(client.0));
            Ok(data)
        }
    };
    let operations = SocketOperations::new(
        app.schema.clone(),
        Arc::clone(&app.documents),
        Arc::clone(&app.pool),
        app.reads.clone(),
    );
    let input = Box::pin(heard(app.clone(), Arc::clone(&owner), stream));
    let mut output = Box::pin(
        GraphqlSocket::new(operations, input, WebSocketProtocols::GraphQLWS)
            .on_connection_init(init),
    );
    let mut ends = Box::pin(end(&app, &owner));
    let mut pings = tokio::time::interval(SOCKET_PING_INTERVAL);
    loop {
        let message = tokio::select! {
            biased;
            close = &mut ends => close,
            message = output.next() => match message {
                Some(WsMessage::Text(text)) => Message::Text(text.into()),
                Some(WsMessage::Close(code, reason)) => close(&owner, code, reason),
                None => break,
            },
            _ = pings.tick() => Message::Ping(axum::body::Bytes::new()),
        };
        let is_last = matches!(message, Message::Close(_));
        if !send(&mut sink, message).await || is_last {
            break;
        }
    }
}

/// What the client says, as long as it says neither nothing nor too much.
fn heard(
    app: App,
    owner: Arc<Owner>,
    mut stream: SplitStream<WebSocket>,
) -> impl Stream<Item = Vec<u8>> {
    async_stream::stream! {
        let mut used = Used::default();
        loop {
            let message = match tokio::time::timeout(SOCKET_SILENCE_MAX, stream.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(_)) | None) => break,
                Err(_) => {
                    owner.cut(Cut::Silent);
                    // The close is sent by whoever waits for the end.
                    future::pending::<()>().await;
                    break;
                }
            };
            let is_too_large = owner.user().is_none() && len(&message) > SOCKET_FIRST_MESSAGE_MAX;
            if is_too_large || used.take(MESSAGES, app.stores.clock.now()).is_err() {
                owner.cut(Cut::TooMuch);
                future::pending::<()>().await;
            }
            if let Some(text) = text(message) {
                yield text;
            }
        }
    }
}

fn len(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

fn text(message: Message) -> Option<Vec<u8>> {
    match message {
        Message::Text(text) => Some(text.as_bytes().to_vec()),
        Message::Binary(bytes) => Some(bytes.to_vec()),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => None,
    }
}

/// Sends, unless the client does not take it in time.
async fn send(sink: &mut SplitSink<WebSocket, Message>, message: Message) -> bool {
    match tokio::time::timeout(SOCKET_SEND_TIMEOUT, sink.send(message)).await {
        Ok(sent) => sent.is_ok(),
        Err(_) => {
            count_refused(Refusal::SlowReader);
            false
        }
    }
}

/// A close of the library's; before anybody was admitted it can only mean that they were not.
fn close(owner: &Owner, code: u16, reason: String) -> Message {
    if let Some(cut) = owner.why_cut() {
        return closing(cut.code(), cut.words());
    }
    let code = match owner.user() {
        None if code == 1002 || code == 1011 => CLOSE_UNAUTHORIZED,
        _ => code,
    };
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

/// Waits for what ends the connection from our side.
async fn end(app: &App, owner: &Owner) -> Message {
    tokio::select! {
        () = app.shutdown.cancelled() => closing(CLOSE_GOING_AWAY, "shutting down"),
        cut = owner.is_cut() => closing(cut.code(), cut.words()),
        message = session_end(app, owner) => message,
    }
}

/// Waits until nobody proved who they are in time, or the proof has ended.
async fn session_end(app: &App, owner: &Owner) -> Message {
    let known = tokio::time::timeout(SOCKET_INIT_TIMEOUT, owner.is_known()).await;
    let Some(user) = owner.user().filter(|_| known.is_ok()) else {
        count_refused(Refusal::SocketInit);
        return closing(CLOSE_INIT_TIMEOUT, "Connection initialisation timeout");
    };
    let left_ms = user.expires_at.saturating_mul(1000).saturating_sub(app.stores.clock.now().0);
    let left = Duration::from_millis(left_ms.max(0).unsigned_abs());
    tokio::select! {
        () = app.stores.live.ended().ended(user.session) => {
            closing(CLOSE_UNAUTHORIZED, "logged out")
        }
        () = tokio::time::sleep(left) => closing(CLOSE_UNAUTHORIZED, "token expired"),
    }
}

fn closing(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}
