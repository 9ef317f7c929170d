//! Publishes messages and says of each whether the broker has it. Owns the outgoing connection.
//!
//! It tries once. A message whose connection ends, or whose sender has stopped waiting, is forgotten here: its sender
//! knows better whether it still matters.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use service_kit::mqtt::Broker;
use service_kit::mqtt::connection::{
    Answer, Connection, Happening, Lost, Options, Publication, Sender, Session,
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::caps;
use crate::metrics;

/// A broker that answers no message for so long is given up.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Why a try failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PublishError {
    #[error("no PUBACK in time")]
    Timeout,
    #[error("the connection ended before the PUBACK")]
    Disconnected,
    #[error("the broker refuses it: {0}")]
    Refused(String),
}

impl PublishError {
    /// The label of its counter.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::Refused(_) => "refused",
        }
    }
}

type Reply = oneshot::Sender<Result<(), PublishError>>;

struct Request {
    message: Publication,
    reply: Reply,
}

/// Publishes. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    requests: mpsc::Sender<Request>,
}

impl Publisher {
    /// Publishes a message and waits for its PUBACK, at most `bound` in all.
    pub(crate) async fn publish(
        &self,
        message: Publication,
        bound: Duration,
    ) -> Result<(), PublishError> {
        let (reply, answer) = oneshot::channel();
        let published = async {
            let sent = self.requests.send(Request { message, reply }).await;
            sent.map_err(|_| PublishError::Disconnected)?;
            answer.await.unwrap_or(Err(PublishError::Disconnected))
        };
        timeout(bound, published).await.unwrap_or(Err(PublishError::Timeout))
    }
}

/// The task behind [`Publisher`].
pub(crate) struct PublisherTask {
    broker: Broker,
    client_id: String,
    requests: mpsc::Receiver<Request>,
}

/// Messages of one connection.
struct Flight {
    /// Handed over, in order, and not yet given an id.
    unsent: VecDeque<Reply>,
    /// By packet id.
    sent: BTreeMap<u16, Reply>,
    last_answer: Instant,
}

/// A publisher and its task, which has to run for it to work.
pub(crate) fn publisher(broker: Broker, client_id: String) -> (Publisher, PublisherTask) {
    let (sender, requests) = mpsc::channel(caps::PUBLISHES_IN_FLIGHT_MAX);
    let task = PublisherTask { broker, client_id, requests };
    (Publisher { requests: sender }, task)
}

impl PublisherTask {
    /// Runs until `stop`, over as many connections as it takes.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut backoff = caps::backoff();
        while !stop.is_cancelled() {
            let mut up_since = None;
            let Some(lost) = self.serve(&stop, &mut up_since).await else { break };
            let stood = up_since.map(|since: Instant| since.elapsed());
            let pause = backoff.after(lost.ended(), stood);
            metrics::disconnected(metrics::OUTBOUND, lost.ended(), backoff.is_suspicious());
            let pause_ms = pause.as_millis();
            tracing::warn!(broker = ?self.broker, client = %self.client_id, error = %lost, pause_ms, "the broker is away; setpoints are tried again");
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }

    /// One connection; gives why it was lost, or nothing when told to stop.
    async fn serve(
        &mut self,
        stop: &CancellationToken,
        up_since: &mut Option<Instant>,
    ) -> Option<Lost> {
        // It has no session: what was not answered is published again by its owner, if it still matters.
        let mut connection = Connection::new(Options {
            broker: &self.broker,
            client_id: &self.client_id,
            session: Session::Clean,
            subscriptions: &[],
            will: None,
            publishes_max: caps::PUBLISH_PACKET_IDS_MAX,
            packet_max: caps::PACKET_BYTES_MAX,
        });
        let mut flight =
            Flight { unsent: VecDeque::new(), sent: BTreeMap::new(), last_answer: Instant::now() };
        let mut look = interval(caps::TICK);
        loop {
            let room = flight.len() < caps::PUBLISHES_IN_FLIGHT_MAX;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                happening = connection.events.next() => match happening {
                    Ok(happening) => {
                        if flight.happened(happening) {
                            *up_since = Some(Instant::now());
                        }
                    }
                    Err(lost) => return Some(lost),
                },
                Some(request) = self.requests.recv(), if up_since.is_some() && room => {
                    flight.hand_over(request, &connection.sender);
                }
                _ = look.tick() => {
                    metrics::look_for_calm();
                    if flight.is_stuck() {
                        return Some(Lost::Silent);
                    }
                }
            }
        }
        connection.close().await;
        None
    }
}

impl Flight {
    fn len(&self) -> usize {
        self.unsent.len() + self.sent.len()
    }

    fn hand_over(&mut self, request: Request, sender: &Sender) {
        // Its sender has stopped waiting.
        if request.reply.is_closed() {
            return;
        }
        if self.len() == 0 {
            self.last_answer = Instant::now();
        }
        let Request { message, reply } = request;
        if sender.publish(message) {
            self.unsent.push_back(reply);
        }
    }

    /// Whether it is that the connection stands now.
    fn happened(&mut self, happening: Happening) -> bool {
        match happening {
            Happening::Connected { .. } => {
                metrics::connected(metrics::OUTBOUND);
                tracing::info!("publishing to the broker");
                return true;
            }
            // Messages get their ids in the order they were handed over.
            Happening::Sent(id) => {
                if let Some(reply) = self.unsent.pop_front() {
                    self.sent.insert(id, reply);
                }
            }
            Happening::Answered(id, answer) => {
                self.last_answer = Instant::now();
                if let Some(reply) = self.sent.remove(&id) {
                    // A setpoint that nobody listens to is retained all the same, and a receipt is wanted by nobody then.
                    let outcome = match answer {
                        Answer::Taken | Answer::Unheard => Ok(()),
                        Answer::Refused(why) => Err(PublishError::Refused(why)),
                    };
                    // Its sender may have stopped waiting.
                    drop(reply.send(outcome));
                }
            }
            Happening::Subscribed { .. } | Happening::Received(_) | Happening::Left => {}
        }
        false
    }

    fn is_stuck(&self) -> bool {
        self.len() > 0 && self.last_answer.elapsed() > SILENCE_MAX
    }
}
