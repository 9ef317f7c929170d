//! A WebSocket to the API as the dashboard opens one.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Api;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

pub(crate) fn socket_request(api: &Api) -> Request {
    let url = format!("ws://{}/graphql/ws", api.address());
    let mut request = url.into_client_request().expect("a request");
    let protocol = "graphql-transport-ws".parse().expect("a header");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    request
}

pub(crate) async fn open_socket(api: &Api) -> Socket {
    connect_async(socket_request(api)).await.expect("a socket").0
}

/// The first message of a connection.
pub(crate) fn init(token: &str) -> Value {
    json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}})
}

/// A connection whose owner has been admitted.
pub(crate) async fn owned_socket(api: &Api, token: &str) -> Socket {
    let mut socket = open_socket(api).await;
    say(&mut socket, init(token)).await;
    assert_eq!(hear(&mut socket).await["type"], "connection_ack");
    socket
}

pub(crate) async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.expect("it is taken");
}

/// The next message as JSON; a close as its code.
pub(crate) async fn hear(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).expect("JSON"),
            Some(Ok(Message::Close(Some(frame)))) => return json!(u16::from(frame.code)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("neither text nor close: {other:?}"),
        }
    }
}
