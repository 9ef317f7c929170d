//! The agent's messages that have no receipt from the log yet (docs/contract.md), shared by its loop and its connection.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemas::DeviceId;
use schemas::mqtt::decode_receipt;
use service_kit::mqtt::kept::Kept;
use service_kit::mqtt::{Delivery, Outgoing, Settled};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

/// Messages kept for their receipt, at most; the oldest is given up beyond it, and counted. At a sample every five
/// seconds that is almost fourteen hours.
const KEPT_MAX: usize = 10_000;
/// Messages sent again in one turn of the agent's loop, a fifth of a second: well below what a bridge takes from one
/// device (`DERMS_MQTT_DEVICE_RATE_MAX`).
const AGAIN_PER_TURN_MAX: usize = 4;
/// A larger receipt is no receipt.
const RECEIPT_LEN_MAX: usize = 256 * 1024;

struct State {
    kept: Kept<Option<Uuid>>,
    given_up: u64,
}

/// Messages without a receipt.
pub(crate) struct Unreceipted {
    state: Mutex<State>,
    /// A receipt came.
    receipt: Notify,
}

impl Unreceipted {
    pub(crate) fn new(patience: Duration) -> Self {
        let state = State { kept: Kept::new(KEPT_MAX, patience), given_up: 0 };
        Self { state: Mutex::new(state), receipt: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message is handed to the connection.
    pub(crate) fn keep(&self, id: Uuid, message: Outgoing<Option<Uuid>>) {
        let mut state = self.state();
        if state.kept.keep(id, message).is_none() {
            return;
        }
        state.given_up += 1;
        // A bridge that knows no receipts is no reason to complain.
        if state.kept.has_receipts() && state.given_up.is_power_of_two() {
            let given_up = state.given_up;
            tracing::warn!(
                given_up,
                "too many messages wait for a receipt: the oldest is given up"
            );
        }
    }

    /// The connection has done with a message.
    pub(crate) fn settled(&self, id: Uuid, settled: Settled) {
        let mut state = self.state();
        match settled {
            Settled::Acknowledged => state.kept.acknowledged(id, Instant::now()),
            Settled::Refused | Settled::Discarded => state.kept.forget(id),
        }
    }

    /// A connection stands.
    pub(crate) fn connected(&self) {
        self.state().kept.connected();
    }

    /// Reads receipts.
    pub(crate) fn receipts(&self, device_id: &DeviceId, delivery: &Delivery) {
        let message = match decode_receipt(device_id, &delivery.payload, RECEIPT_LEN_MAX) {
            Ok(message) => message,
            Err(rejection) => return tracing::warn!(%rejection, "receipt cannot be read"),
        };
        for (id, reason) in &message.refused {
            tracing::warn!(%id, reason, "the controller refused a message");
        }
        let mut state = self.state();
        let refused = message.refused.iter().map(|(id, _)| id);
        for id in message.stored.iter().chain(refused) {
            state.kept.receipt(*id, Instant::now());
        }
        drop(state);
        self.receipt.notify_waiters();
    }

    /// Messages that must be sent again.
    pub(crate) fn due(&self) -> Vec<Outgoing<Option<Uuid>>> {
        self.state().kept.due(Instant::now(), AGAIN_PER_TURN_MAX)
    }

    /// Waits until every message has its receipt, but not longer than `patience`; not at all where receipts are unknown.
    pub(crate) async fn drained(&self, patience: Duration) {
        let drained = async {
            loop {
                let mut receipt = std::pin::pin!(self.receipt.notified());
                receipt.as_mut().enable();
                if self.is_drained() {
                    return;
                }
                receipt.await;
            }
        };
        if timeout(patience, drained).await.is_err() {
            let count = self.state().kept.len();
            tracing::warn!(count, "messages have no receipt yet");
        }
    }

    fn is_drained(&self) -> bool {
        let state = self.state();
        state.kept.is_empty() || !state.kept.has_receipts()
    }
}
