//! What an instance found out, as metrics and as lines in the log of the process.

use control_instance::Note;

use crate::metrics;

/// Counts it and says it.
pub(crate) fn take(note: Note) {
    match note {
        Note::Unreadable { topic, partition, offset, why } => {
            metrics::count_poison((topic, partition, offset), &why);
        }
        Note::Void { void, partition, offset } => metrics::count_void(void, partition, offset),
        Note::Differs { partition, offset, root, difference } => {
            metrics::count_difference();
            tracing::warn!(
                partition,
                offset,
                %root,
                difference,
                "replay differs from the log; the log wins"
            );
        }
        Note::Replayed(decisions) => metrics::count_replayed(decisions),
        Note::Recovered { partition, epoch, trees, replayed, took_ms } => {
            metrics::observe_recovery(took_ms);
            tracing::info!(
                partition,
                epoch,
                trees,
                replayed,
                took_ms,
                "recovered: the partition is ours"
            );
        }
        Note::Lost { partition, epoch } => {
            tracing::warn!(partition, epoch, "another instance has taken the partition");
        }
        Note::Doubted { partition, offset, why } => {
            tracing::warn!(partition, offset, why, "recovering from what counts");
        }
    }
}
