//! One connection: frames are bounded before anything is made room for, a stranger gets no further than the login, and
//! whatever goes wrong with a request ends this connection and nothing else.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use tansu_sans_io::{
    ApiKey as _, ApiVersionsRequest, Body, ErrorCode, Frame, Header, ProduceRequest,
    SaslAuthenticateResponse, SaslHandshakeResponse,
};
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::auth::{Exchange, MECHANISMS, Step};
use super::{Shared, fetch, offsets, produce, topics, versions};
use crate::metrics;
use crate::store::batch::BATCH_BYTES_MAX;

/// The largest frame of who has not logged in.
const STRANGER_BYTES_MAX: usize = 16 << 10;
/// The largest frame that brings records, and of all others.
const PRODUCE_BYTES_MAX: usize = BATCH_BYTES_MAX + (1 << 20);
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// What every request begins with: its kind, version and number.
const HEAD_BYTES: usize = 8;
/// How long a client may take to log in, to send a frame that it has begun, to take an answer, and to be silent.
const LOGIN_MAX: Duration = Duration::from_secs(10);
const TRANSFER_MAX: Duration = Duration::from_secs(30);
const SILENCE_MAX: Duration = Duration::from_secs(600);

/// Why a connection is ended.
#[derive(Debug, Error)]
enum End {
    #[error("the client is gone")]
    Gone(#[from] std::io::Error),
    #[error("the client is too slow or silent")]
    Late(#[from] tokio::time::error::Elapsed),
    #[error("a frame of {0} bytes is too long")]
    Frame(i32),
    #[error("request {0} of version {1} is not spoken")]
    Unspoken(i16, i16),
    #[error("request {0} without a login")]
    Stranger(i16),
    #[error("too many clients without a login")]
    Strangers,
    #[error("the login failed")]
    Login,
    #[error("a request cannot be read or answered: {0}")]
    Malformed(#[from] tansu_sans_io::Error),
    #[error("a request made its handler panic")]
    Panic,
}

impl End {
    /// The label of the metric; none for an ordinary end.
    fn counted(&self) -> Option<&'static str> {
        match self {
            Self::Gone(_) => None,
            Self::Late(_) => Some("late"),
            Self::Frame(_) => Some("frame"),
            Self::Unspoken(..) => Some("unspoken"),
            Self::Stranger(_) | Self::Strangers | Self::Login => Some("login"),
            Self::Malformed(_) => Some("malformed"),
            Self::Panic => Some("panic"),
        }
    }
}

/// Serves a client until it goes or is sent away.
pub(super) async fn serve(shared: &Shared, stream: TcpStream) {
    let peer = stream.peer_addr().ok();
    let Err(end) = Connection::new(shared, stream).run().await;
    if let Some(why) = end.counted() {
        metrics::REFUSED.with_label_values(&[why]).inc();
        if matches!(end, End::Login | End::Stranger(_) | End::Panic) {
            tracing::warn!(?peer, reason = %end, "a client of the log is sent away");
        } else {
            tracing::debug!(?peer, reason = %end, "a client of the log is sent away");
        }
    }
}

struct Connection<'a> {
    shared: &'a Shared,
    stream: TcpStream,
    exchange: Option<Exchange>,
    known: bool,
}

/// A request's first bytes.
struct Head {
    bytes: [u8; HEAD_BYTES],
    length: usize,
    key: i16,
    version: i16,
    correlation: i32,
}

impl<'a> Connection<'a> {
    fn new(shared: &'a Shared, stream: TcpStream) -> Self {
        Self { shared, stream, exchange: None, known: shared.login.is_none() }
    }

    async fn run(mut self) -> Result<std::convert::Infallible, End> {
        self.stream.set_nodelay(true)?;
        if !self.known {
            let place = Arc::clone(&self.shared.strangers).try_acquire_owned();
            let _place = place.map_err(|_| End::Strangers)?;
            let deadline = Instant::now() + LOGIN_MAX;
            while !self.known {
                timeout_at(deadline, self.one_request()).await??;
            }
        }
        loop {
            self.one_request().await?;
        }
    }

    async fn one_request(&mut self) -> Result<(), End> {
        let head = self.head().await?;
        let kbytes = u32::try_from(head.length / 1024 + 1).unwrap_or(u32::MAX);
        let memory = self.shared.memory.acquire_many(kbytes).await;
        let rest = timeout(TRANSFER_MAX, self.rest(&head)).await??;
        // A fetch that waits holds no request any more.
        drop(memory);
        let answer = AssertUnwindSafe(self.answer(&head, rest)).catch_unwind().await;
        if let Some(answer) = answer.map_err(|_| End::Panic)?? {
            timeout(TRANSFER_MAX, self.stream.write_all(&answer)).await??;
        }
        Ok(())
    }

    /// Waits for a request, and looks at its first bytes only.
    async fn head(&mut self) -> Result<Head, End> {
        let mut size = [0; 4];
        timeout(SILENCE_MAX, self.stream.read_exact(&mut size)).await??;
        let size = i32::from_be_bytes(size);
        let length = usize::try_from(size).map_err(|_| End::Frame(size))?;
        let most = if self.known { PRODUCE_BYTES_MAX } else { STRANGER_BYTES_MAX };
        if !(HEAD_BYTES..=most).contains(&length) {
            return Err(End::Frame(size));
        }
        let mut bytes = [0; HEAD_BYTES];
        timeout(TRANSFER_MAX, self.stream.read_exact(&mut bytes)).await??;
        let key = i16::from_be_bytes([bytes[0], bytes[1]]);
        let version = i16::from_be_bytes([bytes[2], bytes[3]]);
        let correlation = i32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if key != ProduceRequest::KEY && length > REQUEST_BYTES_MAX {
            return Err(End::Frame(size));
        }
        if !self.known && !versions::is_before_login(key) {
            return Err(End::Stranger(key));
        }
        // A client that knows later versions asks which there are.
        if key != ApiVersionsRequest::KEY && !versions::is_spoken(key, version) {
            return Err(End::Unspoken(key, version));
        }
        Ok(Head { bytes, length, key, version, correlation })
    }

    /// The whole frame.
    async fn rest(&mut self, head: &Head) -> std::io::Result<Bytes> {
        let mut frame = BytesMut::zeroed(4 + head.length);
        let size = u32::try_from(head.length).unwrap_or(0);
        frame[..4].copy_from_slice(&size.to_be_bytes());
        frame[4..4 + HEAD_BYTES].copy_from_slice(&head.bytes);
        self.stream.read_exact(&mut frame[4 + HEAD_BYTES..]).await?;
        Ok(frame.freeze())
    }

    async fn answer(&mut self, head: &Head, frame: Bytes) -> Result<Option<Bytes>, End> {
        let encode = |body: Body, version: i16| {
            let header = Header::Response { correlation_id: head.correlation };
            Frame::response(header, body, head.key, version)
        };
        if !versions::is_spoken(head.key, head.version) {
            return Ok(Some(encode(versions::spoken(ErrorCode::UnsupportedVersion).into(), 0)?));
        }
        let request = Frame::request_from_bytes(frame)?;
        let client = request.client_id()?.map(str::to_owned);
        let Some(body) = self.body(head, request.body, client.as_deref()).await? else {
            return Ok(None);
        };
        Ok(Some(encode(body, head.version)?))
    }

    async fn body(
        &mut self,
        head: &Head,
        request: Body,
        client: Option<&str>,
    ) -> Result<Option<Body>, End> {
        let (shared, groups) = (self.shared, &self.shared.groups);
        Ok(Some(match request {
            Body::ApiVersionsRequest(_) => versions::spoken(ErrorCode::None).into(),
            Body::SaslHandshakeRequest(request) => self.handshake(head, &request.mechanism).into(),
            Body::SaslAuthenticateRequest(request) => {
                return self.authenticate(head, &request.auth_bytes).await.map(|()| None);
            }
            Body::ProduceRequest(request) => {
                let wanted = request.acks != 0;
                let response = produce::produce(shared, request);
                return Ok(wanted.then(|| response.into()));
            }
            Body::FetchRequest(request) => fetch::fetch(shared, &request).await.into(),
            Body::ListOffsetsRequest(request) => offsets::list(shared, request).into(),
            Body::DeleteRecordsRequest(request) => offsets::delete_records(shared, request).into(),
            Body::InitProducerIdRequest(request) => produce::producer_id(shared, &request).into(),
            Body::MetadataRequest(request) => topics::metadata(shared, request).into(),
            Body::DescribeClusterRequest(request) => topics::cluster(shared, &request).into(),
            Body::FindCoordinatorRequest(request) => topics::coordinator(shared, request).into(),
            Body::CreateTopicsRequest(request) => topics::create(shared, request).into(),
            Body::DeleteTopicsRequest(request) => topics::delete(shared, request).into(),
            Body::DescribeConfigsRequest(request) => topics::describe(shared, request).into(),
            Body::IncrementalAlterConfigsRequest(request) => topics::alter(shared, request).into(),
            Body::JoinGroupRequest(request) => {
                groups.join(request, client, head.version).await.into()
            }
            Body::SyncGroupRequest(request) => groups.sync(request).await.into(),
            Body::HeartbeatRequest(request) => groups.heartbeat(&request).into(),
            Body::LeaveGroupRequest(request) => groups.leave(request).into(),
            Body::OffsetCommitRequest(request) => groups.commit(request).into(),
            Body::OffsetFetchRequest(request) => groups.positions(request).into(),
            Body::ListGroupsRequest(_) => groups.list().into(),
            Body::DescribeGroupsRequest(request) => groups.describe(request).into(),
            Body::DeleteGroupsRequest(request) => groups.delete(request).into(),
            _ => return Err(End::Unspoken(head.key, head.version)),
        }))
    }

    fn handshake(&mut self, head: &Head, mechanism: &str) -> SaslHandshakeResponse {
        let login = self.shared.login.as_ref().filter(|_| head.version > 0);
        self.exchange = login.and_then(|login| login.begin(mechanism));
        let error = match (&self.exchange, &self.shared.login) {
            (Some(_), _) => ErrorCode::None,
            (None, Some(_)) => ErrorCode::UnsupportedSaslMechanism,
            (None, None) => ErrorCode::IllegalSaslState,
        };
        SaslHandshakeResponse::default()
            .error_code(error.into())
            .mechanisms(Some(MECHANISMS.map(str::to_owned).into()))
    }

    /// One step of the login, answered here: a refusal ends the connection after the client has heard of it.
    async fn authenticate(&mut self, head: &Head, input: &[u8]) -> Result<(), End> {
        let step = self.exchange.as_mut().map(|exchange| exchange.step(input));
        let (error, text, bytes) = match step {
            Some(Step::On(bytes)) => (ErrorCode::None, None, bytes),
            Some(Step::Proven(bytes)) => {
                (self.known, self.exchange) = (true, None);
                (ErrorCode::None, None, bytes)
            }
            Some(Step::Refused) => {
                let text = "the user or password is wrong: see DERMS_KAFKA_SASL_USERNAME and \
                            DERMS_KAFKA_SASL_PASSWORD";
                (ErrorCode::SaslAuthenticationFailed, Some(text), Vec::new())
            }
            None => (ErrorCode::IllegalSaslState, Some("a handshake comes first"), Vec::new()),
        };
        let response = SaslAuthenticateResponse::default()
            .error_code(error.into())
            .error_message(text.map(str::to_owned))
            .auth_bytes(bytes.into())
            .session_lifetime_ms(Some(0));
        let header = Header::Response { correlation_id: head.correlation };
        let answer = Frame::response(header, response.into(), head.key, head.version)?;
        timeout(TRANSFER_MAX, self.stream.write_all(&answer)).await??;
        if error == ErrorCode::None { Ok(()) } else { Err(End::Login) }
    }
}
