//! `GET /graphql/ws`: graphql-transport-ws. Who connects proves who they are in `connection_init`
//! (`authorization: Bearer …`); the connection ends when that proof does.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::http::{WebSocket as GraphqlSocket, WebSocketProtocols, WsMessage};
use async_graphql::{Data, Error};
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream::SplitSink;
use futures::{SinkExt, StreamExt, future};
use serde_json::Value;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::{ApiError, App};
use crate::auth::{Auth, AuthUser};
use crate::caps::{SOCKET_INIT_TIMEOUT, SOCKET_PING_INTERVAL, SOCKET_SEND_TIMEOUT};
use crate::graphql::{Code, Labelled, SocketBudget};
use crate::metrics::{Counted, count_socket_refused};

const PROTOCOL: &str = "graphql-transport-ws";

/// Close codes of graphql-transport-ws, and 1001 (going away).
const CLOSE_GOING_AWAY: u16 = 1001;
const CLOSE_UNAUTHORIZED: u16 = 4401;
const CLOSE_INIT_TIMEOUT: u16 = 4408;

/// Takes a connection.
pub(super) async fn open(
    State(app): State<App>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
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
    let Ok(permit) = Arc::clone(&app.sockets).try_acquire_owned() else {
        count_socket_refused();
        return ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many connections; try again later",
        )
        .retry_after(10)
        .into_response();
    };
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(app.body_limit)
        .on_upgrade(move |socket| serve(app, socket, permit))
}

/// Who the connection belongs to, once they have said.
#[derive(Default)]
struct Owner {
    user: OnceLock<AuthUser>,
    known: Notify,
}

async fn serve(app: App, socket: WebSocket, permit: OwnedSemaphorePermit) {
    let _permit = permit;
    let _counted = Counted::socket();
    let (mut sink, stream) = socket.split();
    let owner = Arc::new(Owner::default());
    let init = {
        let (owner, auth) = (Arc::clone(&owner), Arc::clone(&app.auth));
        move |payload: Value| future::ready(admit(&auth, &owner, &payload))
    };
    let input = stream
        .take_while(|message| future::ready(message.is_ok()))
        .filter_map(|message| future::ready(message.ok().and_then(text)));
    let mut output = Box::pin(
        GraphqlSocket::new(Labelled(app.schema.clone()), input, WebSocketProtocols::GraphQLWS)
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

fn text(message: Message) -> Option<Vec<u8>> {
    match message {
        Message::Text(text) => Some(text.as_bytes().to_vec()),
        Message::Binary(bytes) => Some(bytes.to_vec()),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => None,
    }
}

/// Sends, unless the client does not take it in time.
async fn send(sink: &mut SplitSink<WebSocket, Message>, message: Message) -> bool {
    matches!(tokio::time::timeout(SOCKET_SEND_TIMEOUT, sink.send(message)).await, Ok(Ok(())))
}

/// Reads `connection_init`.
fn admit(auth: &Auth, owner: &Owner, payload: &Value) -> Result<Data, Error> {
    let value = ["authorization", "Authorization"]
        .into_iter()
        .find_map(|key| payload.get(key))
        .and_then(Value::as_str)
        .and_then(Auth::bearer);
    let user = value
        .and_then(|token| auth.verify(token).ok())
        .ok_or_else(|| Code::Unauthenticated.error("Invalid or expired token"))?;
    let mut data = Data::default();
    data.insert(user.clone());
    data.insert(SocketBudget::default());
    // Set once: the protocol refuses a second init.
    drop(owner.user.set(user));
    owner.known.notify_one();
    Ok(data)
}

/// A close of the library's; before anybody was admitted it can only mean that they were not.
fn close(owner: &Owner, code: u16, reason: String) -> Message {
    let code = match owner.user.get() {
        None if code == 1002 || code == 1011 => CLOSE_UNAUTHORIZED,
        _ => code,
    };
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

/// Waits for what ends the connection from our side.
async fn end(app: &App, owner: &Owner) -> Message {
    let known = tokio::select! {
        () = app.shutdown.cancelled() => return closing(CLOSE_GOING_AWAY, "shutting down"),
        known = tokio::time::timeout(SOCKET_INIT_TIMEOUT, owner.known.notified()) => known,
    };
    let Some(user) = owner.user.get().filter(|_| known.is_ok()) else {
        return closing(CLOSE_INIT_TIMEOUT, "Connection initialisation timeout");
    };
    let left_ms = user.expires_at.saturating_mul(1000).saturating_sub(app.stores.clock.now().0);
    let left = Duration::from_millis(left_ms.max(0).unsigned_abs());
    tokio::select! {
        () = app.shutdown.cancelled() => closing(CLOSE_GOING_AWAY, "shutting down"),
        () = tokio::time::sleep(left) => closing(CLOSE_UNAUTHORIZED, "token expired"),
    }
}

fn closing(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}
