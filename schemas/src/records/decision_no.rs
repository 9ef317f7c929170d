//! Which decision of a tree it is: the one pair of numbers that orders them, and that their ids are derived from.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::ids::{DeviceId, FeederId};

/// The namespace of ids derived from a decision (UUID v5), so that anyone can recompute them.
const DERIVED: Uuid = Uuid::from_u128(0x9a5f_2c6e_52a4_4b0e_9d51_7c1f_0d2e_4b77);

/// Numbers of one tree are at most so far apart, in epochs or decisions: one that is further ahead says what control never
/// was.
const APART_MAX: i64 = 1_000_000;

/// The number of a decision: the higher one of a tree is the newer.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
// As the released schemas call it.
#[serde(rename = "Version")]
pub struct DecisionNo {
    /// The epoch of its writer's claim.
    pub epoch: i64,
    /// The tree's decision number, rising.
    pub seq: i64,
}

impl DecisionNo {
    /// The number of a decision under a claim's epoch.
    #[must_use]
    pub const fn new(epoch: i64, seq: i64) -> Self {
        Self { epoch, seq }
    }

    /// The id of this decision of a tree: derived, so that a re-read gives the same.
    #[must_use]
    pub fn decision_id(self, root: &FeederId) -> Uuid {
        Uuid::new_v5(&DERIVED, format!("{root}/{self}").as_bytes())
    }

    /// The message id of a device's setpoint in this decision of a tree: derived, so that a re-send is recognised by the
    /// device.
    #[must_use]
    pub fn setpoint_id(self, root: &FeederId, device_id: &DeviceId) -> Uuid {
        Uuid::new_v5(&self.decision_id(root), device_id.as_str().as_bytes())
    }

    /// Whether it replaces another one of its tree: it is higher, or the other one cannot be.
    #[must_use]
    pub fn replaces(self, old: Self) -> bool {
        let far = |ahead: i64, behind: i64| ahead.saturating_sub(behind) > APART_MAX;
        let cannot_be =
            far(old.epoch, self.epoch) || (old.epoch == self.epoch && far(old.seq, self.seq));
        self > old || cannot_be
    }
}

impl fmt::Display for DecisionNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.epoch, self.seq)
    }
}

/// A text that is no number of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoDecisionNo {
    /// Not two words.
    #[error("expected an epoch and a number, as in 3/17")]
    Words,
    /// One of them is no number.
    #[error("expected an epoch and a number, as in 3/17: {0}")]
    Number(#[from] ParseIntError),
}

impl FromStr for DecisionNo {
    type Err = NoDecisionNo;

    fn from_str(text: &str) -> Result<Self, NoDecisionNo> {
        let (epoch, seq) = text.split_once('/').ok_or(NoDecisionNo::Words)?;
        Ok(Self { epoch: epoch.parse()?, seq: seq.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(epoch in any::<i64>(), seq in any::<i64>()) {
            let no = DecisionNo { epoch, seq };
            prop_assert_eq!(no.to_string().parse(), Ok(no));
        }
    }

    #[test]
    fn a_text_that_is_none_is_refused() {
        for text in ["", "1", "1/", "/2", "1/2/3", "a/1"] {
            assert!(text.parse::<DecisionNo>().is_err(), "{text}");
        }
    }

    #[test]
    fn ids_are_derived_from_tree_and_number_and_never_change() {
        let (root, device) = (FeederId::new("north").unwrap(), DeviceId::new("ev-1").unwrap());
        let no = DecisionNo::new(3, 17);
        let text = Uuid::new_v5(&DERIVED, b"north/3/17");
        assert_eq!(no.decision_id(&root), text);
        assert_eq!(no.setpoint_id(&root, &device), Uuid::new_v5(&text, b"ev-1"));
    }
}
