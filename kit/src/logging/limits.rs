//! How many lines each place in the code may write: a flood from one must not push the others' lines out of the log.

use std::collections::HashMap;
use std::fmt;
use std::time::Instant;

use tracing::Metadata;
use tracing::callsite::Identifier;

/// Lines that a place may write at once.
const BURST: f64 = 200.0;
/// Lines a second that it may write for ever.
const PER_SECOND: f64 = 20.0;

/// What each place has written.
#[derive(Debug, Default)]
pub(super) struct Limits(HashMap<Identifier, Place>);

#[derive(Debug)]
struct Place {
    file: &'static str,
    line: u32,
    tokens: f64,
    filled: Instant,
    left_out: u64,
}

/// Lines of one place that were left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftOut {
    file: &'static str,
    line: u32,
    lines: u64,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines of {}:{} were left out", self.lines, self.file, self.line)
    }
}

impl Limits {
    /// Whether a line may be written now; if so, with what was left out before and has not been said yet.
    pub(super) fn admit(&mut self, meta: &Metadata<'_>, now: Instant) -> Option<Vec<LeftOut>> {
        self.admit_at(meta.callsite(), (meta.file(), meta.line()), now)
    }

    fn admit_at(
        &mut self,
        site: Identifier,
        (file, line): (Option<&str>, Option<u32>),
        now: Instant,
    ) -> Option<Vec<LeftOut>> {
        let place = self.0.entry(site).or_insert_with(|| Place {
            // Places are as many as the program has, and live as long.
            file: file.unwrap_or("?").to_owned().leak(),
            line: line.unwrap_or(0),
            tokens: BURST,
            filled: now,
            left_out: 0,
        });
        place.fill(now);
        if place.tokens < 1.0 {
            place.left_out += 1;
            return None;
        }
        place.tokens -= 1.0;
        Some(self.0.values_mut().filter_map(|place| place.say(now)).collect())
    }
}

impl Place {
    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * PER_SECOND).min(BURST);
        self.filled = now;
    }

    /// What it left out, once its flood has let up for as long as a whole burst needs, or a line came through again.
    fn say(&mut self, now: Instant) -> Option<LeftOut> {
        if self.left_out == 0 {
            return None;
        }
        self.fill(now);
        // Said once a second at most while the flood goes on.
        if self.tokens < PER_SECOND.min(BURST) {
            return None;
        }
        let lines = std::mem::take(&mut self.left_out);
        Some(LeftOut { file: self.file, line: self.line, lines })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A place in the code; two of them must not share an address, so it has a size.
    struct Site(#[expect(dead_code, reason = "gives it a size")] u8);

    impl tracing::callsite::Callsite for Site {
        fn set_interest(&self, _: tracing::subscriber::Interest) {}

        fn metadata(&self) -> &Metadata<'_> {
            unreachable!("only its identity counts")
        }
    }

    static FLOOD: Site = Site(0);
    static OTHER: Site = Site(1);

    fn flood(limits: &mut Limits, lines: u32, from: Instant, every: Duration) -> u32 {
        let site = || Identifier(&FLOOD);
        let admitted = (0..lines).filter(|n| {
            limits.admit_at(site(), (Some("a.rs"), Some(7)), from + every * *n).is_some()
        });
        u32::try_from(admitted.count()).expect("few")
    }

    #[test]
    fn a_flood_is_cut_to_its_rate_and_what_was_left_out_is_said_once() {
        let (mut limits, start) = (Limits::default(), Instant::now());
        let admitted = flood(&mut limits, 10_000, start, Duration::from_millis(1));
        let allowed = BURST + PER_SECOND * 10.0;
        assert!(f64::from(admitted) <= allowed + 1.0, "{admitted} of 10000 in ten seconds");
        assert!(f64::from(admitted) >= allowed - 2.0, "{admitted} of 10000 in ten seconds");
        // Another place is not touched by it, and says what the flood left out when that is over.
        let later = start + Duration::from_secs(30);
        let other = || Identifier(&OTHER);
        let said = limits.admit_at(other(), (Some("b.rs"), Some(1)), later).expect("free");
        let words: Vec<_> = said.iter().map(ToString::to_string).collect();
        assert_eq!(words, [format!("{} lines of a.rs:7 were left out", 10_000 - admitted)]);
        let again = limits.admit_at(other(), (Some("b.rs"), Some(1)), later).expect("free");
        assert!(again.is_empty());
    }
}
