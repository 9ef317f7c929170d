//! What the way in notes, into metrics and the process's log.

use bridge_inbound::Note;

use crate::metrics;

pub(crate) fn take(note: Note) {
    match note {
        Note::Received(kind) => metrics::received(kind),
        Note::UnknownFields(number) => metrics::unknown_fields(number),
        Note::Refused { kind, topic, rejection } => {
            metrics::rejected(kind, &rejection);
            tracing::debug!(%topic, %rejection, "refused");
        }
        Note::Registered => metrics::registered(),
        Note::KeptOut(barrier) => metrics::kept_out(barrier),
        Note::ClaimDiffers => metrics::claim_differs(),
        Note::Noticed { device_id, notice, detail } => {
            tracing::warn!(%device_id, notice = notice.as_str(), detail, "noticed about a device");
            metrics::noticed(notice);
        }
        Note::HeldStatuses(number) => metrics::held_statuses(number),
    }
}
