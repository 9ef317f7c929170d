//! How well a ledger knows who holds its partition, and what changes that.
//!
//! From a claim that it saw continue the one before, it knows for certain. Before that it goes by a word: a former
//! owner's record may come first where retention has cut the log off, the first of two racing claims may have been
//! cut away, and a record, a snapshot or a position may lie. So a word gives way to records that contradict it, within
//! bounds that no writer of ours ever passes and that a lie most likely does.

use super::{Holder, Void};
use crate::belief::FIRST_NUMBER_MAX;

/// Claims between what a former owner wrote last and what stands: far more than there can be in its lifetime.
const CLAIMS_MISSED_MAX: i64 = 1_000_000;

/// How the holder is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Word {
    /// By a claim that continues what stood before.
    Claimed,
    /// By the first claim met, and nothing yet by its writer: one that was faster may stand just before it.
    Opening,
    /// By a decision, for want of a claim: the records of later owners have higher epochs.
    Heard,
    /// By what was stored beside the log; or nothing is known yet.
    #[default]
    Told,
}

impl Word {
    /// How a claim that takes the partition over is known.
    pub(super) fn after_claim(self, holder: Option<Holder>, epoch: i64) -> Result<Self, Void> {
        let Some(holder) = holder else {
            let first = (1..=FIRST_NUMBER_MAX).contains(&epoch);
            return if first { Ok(Self::Opening) } else { Err(Void::ClaimJump) };
        };
        let missed = epoch.saturating_sub(holder.epoch);
        if missed == 1 {
            return Ok(Self::Claimed);
        }
        if self != Self::Claimed && missed < -CLAIMS_MISSED_MAX {
            return Ok(Self::Opening);
        }
        if missed <= 0 {
            return Err(Void::LateClaim);
        }
        if self == Self::Heard && missed <= CLAIMS_MISSED_MAX {
            return Ok(Self::Opening);
        }
        Err(Void::ClaimJump)
    }

    /// How the writer of a decision is known as the holder, where it is the holder.
    pub(super) fn after_part(self, holder: Option<Holder>, writer: Holder) -> Result<Self, Void> {
        let Some(holder) = holder else {
            let first = (1..=FIRST_NUMBER_MAX).contains(&writer.epoch);
            return if first { Ok(Self::Heard) } else { Err(Void::Fenced) };
        };
        if writer == holder {
            // Nobody writes under a claim that came too late.
            return Ok(if self == Self::Heard { Self::Heard } else { Self::Claimed });
        }
        let missed = writer.epoch.saturating_sub(holder.epoch);
        match self {
            Self::Opening if missed == 0 => Ok(Self::Claimed),
            Self::Heard | Self::Told if (1..=CLAIMS_MISSED_MAX).contains(&missed) => {
                Ok(Self::Heard)
            }
            Self::Opening | Self::Heard | Self::Told if missed < -CLAIMS_MISSED_MAX => {
                Ok(Self::Heard)
            }
            Self::Claimed | Self::Opening | Self::Heard | Self::Told => Err(Void::Fenced),
        }
    }
}
