//! What is not well in this process, in words, for whoever tells a person: one board, as there is one registry of
//! metrics. Who watches a part posts here; health reads it. It must not know parts or watchers.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use schemas::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::{Clock as _, SystemClock};

/// What of the system a notice is about, as health shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Area {
    /// The log.
    Log,
    /// ClickHouse and the way into it.
    ClickHouse,
    /// Decisions.
    Control,
    /// MQTT, and the way between it and the log.
    Mqtt,
}

/// Something that is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What is not well, in a word or two that anybody may read.
    pub what: String,
    /// Where health shows it.
    pub area: Area,
    /// What a person who has logged in should know. No secrets.
    pub words: String,
    /// Since when.
    pub since: Timestamp,
}

static BOARD: LazyLock<Mutex<BTreeMap<String, Notice>>> = LazyLock::new(Mutex::default);

fn board() -> MutexGuard<'static, BTreeMap<String, Notice>> {
    BOARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says that `what` is not well, in the place of what was said of it before.
pub fn post(what: &str, area: Area, words: String) {
    let mut board = board();
    let since = board.get(what).map_or_else(|| SystemClock.now(), |before| before.since);
    let what = what.to_owned();
    board.insert(what.clone(), Notice { what, area, words, since });
}

/// Says that `what` is well again.
pub fn clear(what: &str) {
    board().remove(what);
}

/// Everything that is not well now.
#[must_use]
pub fn all() -> Vec<Notice> {
    board().values().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_stands_since_its_first_word_until_it_is_cleared() {
        post("a test part", Area::Log, "it does not answer".to_owned());
        let find = |words: &str| all().into_iter().find(|notice| notice.words == words);
        let first = find("it does not answer").expect("posted");
        post("a test part", Area::Log, "it is started again".to_owned());
        let second = find("it is started again").expect("posted");
        assert_eq!((first.since, find("it does not answer")), (second.since, None));
        clear("a test part");
        assert_eq!(find("it is started again"), None);
    }
}
