//! Records on their way into the log, each with the message it came from.
//!
//! The producer answers on its own thread, through a channel that holds at most one entry per record handed over. A
//! record that finds no room waits here, and all later ones behind it; one that the log did not take is handed over
//! again.

use std::collections::VecDeque;
use std::sync::Arc;

use bridge_inbound::Receipt;
use service_kit::log::{DeliveryError, Outgoing, Producer};
use service_kit::mqtt::connection::PacketId;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::caps;
use crate::inflight::{Ring, Ticket};
use crate::metrics;
use crate::receipts::Desk;

/// The message that a record comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) received: Instant,
    /// For its acknowledgement; QoS 0 wants none, and a registration comes from no message.
    pub(super) ticket: Option<Ticket>,
}

impl Origin {
    /// A record that comes from none, or from one that is acknowledged already.
    pub(super) fn none() -> Self {
        Self { received: Instant::now(), ticket: None }
    }
}

/// A record and the message it came from.
#[derive(Debug, Clone)]
struct Handed {
    /// Its place among all.
    number: u64,
    outgoing: Arc<Outgoing>,
    origin: Origin,
    /// What its device wants to hear once the log has it.
    receipt: Option<Receipt>,
    connection: u64,
}

struct Report {
    handed: Handed,
    outcome: Result<i64, DeliveryError>,
}

pub(super) struct Handover {
    pub(super) ring: Ring<PacketId>,
    producer: Producer,
    desk: Desk,
    reports: mpsc::UnboundedReceiver<Report>,
    reporter: mpsc::UnboundedSender<Report>,
    /// In the order of their numbers.
    waiting: VecDeque<Handed>,
    next_number: u64,
    retry_at: Instant,
    /// With the producer, of any connection.
    in_flight: usize,
    connection: u64,
    fatal: Option<DeliveryError>,
}

impl Handover {
    pub(super) fn new(producer: Producer, desk: Desk) -> Self {
        let (reporter, reports) = mpsc::unbounded_channel();
        Self {
            ring: Ring::default(),
            producer,
            desk,
            reports,
            reporter,
            waiting: VecDeque::new(),
            next_number: 0,
            retry_at: Instant::now(),
            in_flight: 0,
            connection: 0,
            fatal: None,
        }
    }

    /// Forgets what belongs to the connection before.
    pub(super) fn reconnect(&mut self) {
        self.connection += 1;
        self.ring.reconnect();
        self.waiting.clear();
    }

    /// Records that wait for room.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Records with the producer.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Hands a record over, behind those that wait.
    pub(super) fn append(&mut self, outgoing: Outgoing, origin: Origin, receipt: Option<Receipt>) {
        self.waiting.push_back(Handed {
            number: self.next_number,
            outgoing: Arc::new(outgoing),
            origin,
            receipt,
            connection: self.connection,
        });
        self.next_number += 1;
        if self.waiting.len() == 1 {
            self.hand_over();
        }
    }

    /// Works off one report, or what waits; pending while there is neither. Cancelling it loses nothing.
    pub(super) async fn work(&mut self) {
        tokio::select! {
            biased;
            report = self.reports.recv() => {
                self.report(report.expect("the reporter is kept"));
                while let Ok(report) = self.reports.try_recv() {
                    self.report(report);
                }
            }
            () = sleep_until(self.retry_at), if !self.waiting.is_empty() => self.hand_over(),
        }
    }

    /// # Errors
    /// When the producer is broken for good: only a new process helps.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        match self.fatal.take() {
            None => Ok(()),
            Some(error) => Err(anyhow::Error::new(error).context("the producer is broken")),
        }
    }

    fn hand_over(&mut self) {
        while let Some(handed) = self.waiting.pop_front() {
            let reporter = self.reporter.clone();
            let outgoing = Arc::clone(&handed.outgoing);
            let copy = handed.clone();
            let on_delivery = Box::new(move |outcome| {
                // The receiver is gone only when the bridge ends.
                drop(reporter.send(Report { handed: copy, outcome }));
            });
            if self.producer.send(&outgoing, on_delivery).is_err() {
                metrics::queue_full();
                self.waiting.push_front(handed);
                self.retry_at = Instant::now() + caps::HANDOVER_PAUSE;
                return;
            }
            self.in_flight += 1;
        }
    }

    fn report(&mut self, report: Report) {
        self.in_flight -= 1;
        let Report { mut handed, outcome } = report;
        match outcome {
            Ok(_) => {
                metrics::appended(handed.outgoing.topic.suffix(), handed.origin.received.elapsed());
                if let Some(ticket) = handed.origin.ticket {
                    self.ring.done(ticket);
                }
                if let Some(receipt) = handed.receipt.take() {
                    self.desk.hand_in(receipt);
                }
            }
            Err(error) => {
                metrics::delivery_failed();
                tracing::warn!(%error, topic = handed.outgoing.topic.suffix(), "handing a record over again");
                if error.is_fatal() {
                    self.fatal = Some(error);
                } else if handed.connection == self.connection {
                    // Several fail at once, the oldest first: they keep their order.
                    let place = self.waiting.partition_point(|other| other.number < handed.number);
                    self.waiting.insert(place, handed);
                    self.retry_at = Instant::now() + caps::HANDOVER_PAUSE;
                }
            }
        }
    }
}
