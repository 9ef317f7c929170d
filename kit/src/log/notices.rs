//! Carries notices from process to process by the log: a service leaves its own as the text of a position of one group,
//! since what is not well is no record that anything is decided by. The position itself only counts up. Nothing is left
//! while all is well, and what is not renewed lapses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemas::topics::Topic;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{LogConfig, Positions, ReadError};
use crate::clock::{Clock as _, SystemClock};
use crate::notices::{self, Area, Notice};

const GROUP: &str = "notices";
/// How often notices are left, and looked for.
const EVERY: Duration = Duration::from_secs(5);
/// The log may take so long.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// What has not been renewed for so long is of a process that is gone.
const LAPSED_AFTER: Duration = Duration::from_secs(25);
/// Kafka keeps texts of up to 4 096 bytes.
const TEXT_BYTES_MAX: usize = 4_000;
const WORDS_CHARS_MAX: usize = 800;

/// Who leaves notices: each at the position of a topic that it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speaker {
    /// The bridge.
    Bridge,
    /// The processor with its sink.
    Processor,
}

impl Speaker {
    const ALL: [Self; 2] = [Self::Bridge, Self::Processor];

    fn place(self) -> (Topic, i32) {
        match self {
            Self::Bridge => (Topic::Acks, 0),
            Self::Processor => (Topic::Decisions, 0),
        }
    }
}

/// Leaves this process's notices in the log until `stop`. Where several processes of a kind have some, the latest word is
/// heard.
pub async fn tell(config: LogConfig, speaker: Speaker, stop: CancellationToken) {
    let (mut positions, mut told) = (None, false);
    while wait(&stop).await {
        let own = notices::all();
        if own.is_empty() && !told {
            continue;
        }
        match tokio::time::timeout(ANSWER_MAX, say(&mut positions, &config, speaker, &own)).await {
            Ok(Ok(())) => told = !own.is_empty(),
            Ok(Err(error)) => tracing::debug!(%error, "notices were not left in the log"),
            Err(_) => tracing::debug!("notices were not left in the log in time"),
        }
    }
}

async fn say(
    positions: &mut Option<Positions>,
    config: &LogConfig,
    speaker: Speaker,
    own: &[Notice],
) -> Result<(), ReadError> {
    let (topic, partition) = speaker.place();
    let position = (topic, partition, SystemClock.now().0, text(own));
    opened(positions, config)?.store(&[position]).await
}

/// Posts what others have left in the log as notices of this process, until `stop`.
pub async fn hear(config: LogConfig, stop: CancellationToken) {
    let (mut positions, mut heard) = (None, Heard::default());
    let mut posted = BTreeSet::new();
    while wait(&stop).await {
        let places = Speaker::ALL.map(Speaker::place);
        let asked = async { opened(&mut positions, &config)?.get(&places).await };
        match tokio::time::timeout(ANSWER_MAX, asked).await {
            Ok(Ok(found)) => heard.take(found, Instant::now()),
            // What the log does not give is not renewed.
            Ok(Err(error)) => tracing::debug!(%error, "notices of others cannot be read"),
            Err(_) => tracing::debug!("notices of others are not given in time"),
        }
        let mut now = BTreeSet::new();
        for (what, area, words) in heard.standing(Instant::now()) {
            notices::post(&what, area, words);
            now.insert(what);
        }
        posted.difference(&now).for_each(|what| notices::clear(what));
        posted = now;
    }
}

/// The group's positions; a client is made only when there is something to say or to hear.
fn opened<'a>(
    positions: &'a mut Option<Positions>,
    config: &LogConfig,
) -> Result<&'a Positions, ReadError> {
    if positions.is_none() {
        *positions = Some(Positions::of_group(config, GROUP)?);
    }
    Ok(positions.as_ref().expect("made above"))
}

async fn wait(stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(EVERY) => true,
    }
}

type Said = (String, Area, String);

/// What was left in the log, and when it was new last by this process's own clock.
#[derive(Debug, Default)]
struct Heard(BTreeMap<(Topic, i32), (i64, Instant, Vec<Said>)>);

impl Heard {
    fn take(&mut self, found: BTreeMap<(Topic, i32), (i64, String)>, now: Instant) {
        for (place, (at, text)) in found {
            if self.0.get(&place).is_none_or(|(before, _, _)| *before != at) {
                self.0.insert(place, (at, now, said(&text)));
            }
        }
    }

    fn standing(&self, now: Instant) -> Vec<Said> {
        let fresh =
            self.0.values().filter(|(_, since, _)| now.duration_since(*since) < LAPSED_AFTER);
        fresh.flat_map(|(_, _, said)| said.iter().cloned()).collect()
    }
}

fn text(own: &[Notice]) -> String {
    let cut = |words: &str| words.chars().take(WORDS_CHARS_MAX).collect::<String>();
    let mut all: Vec<Said> =
        own.iter().map(|one| (one.what.clone(), one.area, cut(&one.words))).collect();
    loop {
        let text = serde_json::to_string(&all).unwrap_or_default();
        if text.len() <= TEXT_BYTES_MAX {
            return text;
        }
        all.pop();
    }
}

/// What a text says; what is not understood, of a newer version, is left out.
fn said(text: &str) -> Vec<Said> {
    let all: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::Timestamp;

    fn notice(what: &str, words: &str) -> Notice {
        let (what, words) = (what.to_owned(), words.to_owned());
        Notice { what, area: Area::ClickHouse, words, since: Timestamp(0) }
    }

    fn found(at: i64, text: &str) -> BTreeMap<(Topic, i32), (i64, String)> {
        BTreeMap::from([(Speaker::Processor.place(), (at, text.to_owned()))])
    }

    #[test]
    fn what_was_said_is_heard_until_it_is_over_or_not_renewed() {
        let start = Instant::now();
        let said = text(&[notice("history", "no block could be stored: \"no room\"")]);
        let expected = (
            "history".to_owned(),
            Area::ClickHouse,
            "no block could be stored: \"no room\"".to_owned(),
        );
        let mut heard = Heard::default();
        heard.take(found(1, &said), start);
        assert_eq!(heard.standing(start), std::slice::from_ref(&expected));
        heard.take(found(1, &said), start + LAPSED_AFTER);
        assert_eq!(heard.standing(start + LAPSED_AFTER), [], "its process is gone");
        heard.take(found(2, &said), start + LAPSED_AFTER);
        assert_eq!(heard.standing(start + LAPSED_AFTER), [expected]);
        heard.take(found(3, &text(&[])), start + LAPSED_AFTER);
        assert_eq!(heard.standing(start + LAPSED_AFTER), [], "all is well");
    }

    #[test]
    fn a_text_is_never_longer_than_kafka_keeps_and_what_is_not_understood_is_left_out() {
        let long = "\u{1}\u{fc}".repeat(5_000);
        let all: Vec<_> = (0..20).map(|number| notice(&format!("part {number}"), &long)).collect();
        let text = text(&all);
        assert!(text.len() <= TEXT_BYTES_MAX, "{}", text.len());
        assert_eq!(said("nonsense"), []);
        assert_eq!(
            said(r#"[["a","Weather","x"],["b","Log","y"]]"#),
            [("b".to_owned(), Area::Log, "y".to_owned())]
        );
    }
}
