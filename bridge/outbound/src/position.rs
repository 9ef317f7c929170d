//! What is stored with a position: who held the partition there, and in which log. Without it a position says nothing of
//! who may write after it, and nothing at all of a log that was made anew.

use std::fmt;

use schemas::identity::Lineage;
use schemas::ledger::Holder;
use uuid::Uuid;

/// Who held a partition at a position, and of which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding {
    /// Nobody, where none had claimed it yet.
    pub holder: Option<Holder>,
    /// None in positions from before logs had identities.
    pub log: Option<Uuid>,
}

impl Holding {
    /// Reads a stored text; what cannot be read of it is none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (holder, log) =
            text.split_once('@').map_or((text, None), |(holder, log)| (holder, Some(log)));
        let read = |holder: &str| {
            let (epoch, writer) = holder.split_once('/')?;
            Some(Holder { epoch: epoch.parse().ok()?, writer: Uuid::parse_str(writer).ok()? })
        };
        Self { holder: read(holder), log: log.and_then(|log| Uuid::parse_str(log).ok()) }
    }

    /// Whether it was stored in this very log, or before logs had identities.
    #[must_use]
    pub fn is_of(&self, lineage: &Lineage) -> bool {
        lineage.is_current(self.log) || (self.log.is_none() && lineage.adopted())
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Holder { epoch, writer }) = self.holder {
            write!(f, "{epoch}/{writer}")?;
        }
        self.log.map_or(Ok(()), |log| write!(f, "@{log}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use schemas::records::operator::LogMade;

    proptest! {
        #[test]
        fn what_is_stored_is_read_back(
            holder in any::<Option<(i64, u128)>>(),
            log in any::<Option<u128>>(),
        ) {
            let holder = holder.map(|(epoch, writer)| Holder { epoch, writer: Uuid::from_u128(writer) });
            let holding = Holding { holder, log: log.map(Uuid::from_u128) };
            prop_assert_eq!(Holding::parse(&holding.to_string()), holding);
        }
    }

    #[test]
    fn a_text_that_names_no_holder_gives_none() {
        for text in ["", "1", "x/y", "1/not-a-uuid", "@", "x@y"] {
            assert_eq!(Holding::parse(text), Holding::default(), "{text}");
        }
    }

    #[test]
    fn a_position_counts_in_the_log_that_it_was_stored_in() {
        let id = Uuid::from_u128;
        let made = |log, adopted, from| LogMade {
            log_id: id(log),
            adopted,
            restored_from: from,
            ends: Vec::new(),
        };
        let counts = |lineage: &Lineage, log: Option<u128>| {
            Holding { holder: None, log: log.map(id) }.is_of(lineage)
        };
        let fresh = Lineage::new(made(5, false, None));
        assert_eq!([Some(5), Some(4), None].map(|log| counts(&fresh, log)), [true, false, false]);
        let mut adopted = Lineage::new(made(5, true, None));
        assert!(counts(&adopted, None), "from before logs had identities");
        assert!(adopted.restore(&made(6, false, Some(id(5)))));
        assert_eq!([Some(6), Some(5)].map(|log| counts(&adopted, log)), [true, false]);
    }
}
