//! A head meter held against what is known under it. It has to move with what is commanded and seen to move, with sign and
//! size; it cannot say less than what is known to flow through it; it does not repeat itself to the watt while that moves.
//! Until it has agreed a few times it is believed only where it says more. Must not know devices or limits.

#[cfg(test)]
mod tests;

use schemas::records::snapshot::{CalmPoint, KnownRange, MeterDoubt, MeterSnapshot, Shown};
use schemas::{Timestamp, Watts};

/// Moves below this, and below a twentieth of what is known, prove nothing.
const MOVE: Watts = Watts(2_000);
/// What is commanded rests when it moves by less in a window.
const STILL: Watts = Watts(300);
/// So many windows of rest, and a reading belongs to what is known at the same time; more where something under the meter
/// speaks seldom.
const CALM_WINDOWS: i32 = 2;
const CALM_WINDOWS_SLOW: i32 = 14;
/// A move that shows in the reading between these parts of 100 agrees; outside of the wider bounds it does not.
const AGREES: std::ops::RangeInclusive<i64> = 60..=140;
const MAY_AGREE: std::ops::RangeInclusive<i64> = 45..=155;
/// So many agreements prove a meter; so many more disagreements than agreements end the belief in it.
const PROVEN: i32 = 3;
const DISAGREED: i32 = 3;
const COUNTED_MAX: i32 = 6;
/// Of equal readings the first may belong to what is known of a window later: what moves after so many counts against the
/// meter, where something under it speaks seldom after as many more as its period has windows.
const FLAT_READINGS: i32 = 3;
/// What one window adds to the doubt, from where on it is one, and its most; each good window takes one away.
const DOUBT_STEP: i32 = 6;
const DOUBTED: i32 = 12;
const DOUBT_MAX: i32 = 24;
/// What a meter has shown is remembered in slices, for so many of them.
const SLICE_MS: i64 = 300_000;
const SLICES: usize = 12;

/// What came of the meters of a node in a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// What they say together; none where one of them is silent.
    pub(super) watts: Option<Watts>,
    /// Said in this window.
    pub(super) is_new: bool,
    /// What is known under the node, and what of it is commanded.
    pub(super) known_w: Watts,
    pub(super) controlled_w: Watts,
    /// Something under it is known from longer ago than it should be.
    pub(super) outdated: bool,
    /// What was last known of those that did not speak in this window, W.
    pub(super) unsure_w: Watts,
    /// What is decided under the node has begun a moment ago: what devices took before is not all known yet.
    pub(super) begins: bool,
    /// What of the known was seen to move since the window before; all else has only become known.
    pub(super) moved_w: Watts,
    /// What is controlled now and was not before, or was not heard, W; negative where it is not any more.
    pub(super) came_w: Watts,
    /// Windows in the period of the one that speaks most seldom.
    pub(super) slow_windows: i64,
    pub(super) now: Timestamp,
}

impl Reading {
    fn unexplained(&self, watts: Watts) -> Watts {
        watts - self.known_w
    }
}

/// What is known of the meter after a window.
pub(super) fn weigh(before: &MeterSnapshot, reading: &Reading) -> MeterSnapshot {
    let mut state = before.clone();
    forget(&mut state, reading.now);
    let Some(watts) = reading.watts else {
        (state.calm, state.calm_windows, state.flat_known, state.flat_readings) =
            (None, 0, None, 0);
        return state;
    };
    note_new(&mut state, before, reading);
    if !reading.is_new {
        return state;
    }
    note_calm(&mut state, reading, watts);
    let stands_still = note_flat(&mut state, before, reading, watts);
    let is_low = note_low(&mut state, before, reading, watts);
    state.doubted = match () {
        () if state.disagreed >= DISAGREED => Some(MeterDoubt::Disagrees),
        () if stands_still => Some(MeterDoubt::StandsStill),
        () if is_low && state.doubt >= DOUBTED => Some(MeterDoubt::BelowKnown),
        // What it was doubted for stays until it is believed again.
        () => before.doubted.filter(|_| state.doubt > 0 || state.disagreed > 0),
    };
    if state.doubted.is_none() && !reading.outdated && !reading.begins {
        // What lasted for two windows has been shown; but what is seen to have moved by now may have been in the reading
        // before.
        let moved = reading.moved_w.max(Watts::ZERO);
        let last = before.reading_w.map(|last| last - before.known_w - moved);
        let lasting = last.map_or(Watts::ZERO, |last| last.min(reading.unexplained(watts)));
        show(&mut state, reading.now, lasting);
    }
    state.reading_w = Some(watts);
    state
}

/// Load under a node that only its meter knows of.
pub(super) fn unexplained(
    state: &MeterSnapshot,
    before: Option<Watts>,
    reading: &Reading,
    holds: bool,
) -> Watts {
    let known = before.unwrap_or_default();
    let shown = state.shown.iter().map(|shown| shown.most_w).max();
    let shown = shown.unwrap_or(known).max(Watts::ZERO);
    let Some(watts) = reading.watts else { return shown };
    match state.doubted {
        // Turned round it would say just that; or it sees another place, and that comes on top.
        Some(MeterDoubt::BelowKnown) => shown.max(-watts - reading.known_w).max(watts),
        Some(MeterDoubt::StandsStill | MeterDoubt::Disagrees) => shown,
        None => follow(before, reading.unexplained(watts), holds, state.agreed >= PROVEN),
    }
}

/// Samples of meter and devices are not of one moment: where it `holds`, a fall is not believed at all. Generation that
/// nobody knows of is believed only of a meter that has proved itself, and only when it stays for minutes.
fn follow(before: Option<Watts>, measured: Watts, holds: bool, proven: bool) -> Watts {
    let before = before.unwrap_or_default();
    let followed = match () {
        () if measured >= before => measured,
        () if holds => before,
        () if measured >= Watts::ZERO => measured,
        () if before > Watts::ZERO => Watts::ZERO,
        () => before - (before - measured + Watts(63)) / 64,
    };
    if proven { followed } else { followed.max(Watts::ZERO) }
}

/// What has only become known, or is not heard any more, has not moved: the meter need not show it.
fn note_new(state: &mut MeterSnapshot, before: &MeterSnapshot, reading: &Reading) {
    let new = reading.known_w - before.known_w - reading.moved_w;
    let came = reading.came_w;
    if let Some(range) = &mut state.flat_known {
        (range.least_w, range.most_w) = (range.least_w + new, range.most_w + new);
    }
    if let Some(calm) = &mut state.calm {
        calm.known_w += came;
        calm.reading_w += came - new;
    }
    state.known_w = reading.known_w;
}

fn note_calm(state: &mut MeterSnapshot, reading: &Reading, watts: Watts) {
    let controlled = reading.controlled_w;
    let here = CalmPoint { reading_w: watts - reading.known_w + controlled, known_w: controlled };
    let Some(calm) = state.calm else {
        (state.calm, state.calm_windows) = (Some(here), 0);
        return;
    };
    let moved = (controlled - calm.known_w).abs();
    if moved <= STILL.max(controlled.abs() / 50) {
        // At rest where it was: what nobody commands has moved alone.
        (state.calm, state.calm_windows) = (Some(here), 0);
        return;
    }
    // On the way, or at rest elsewhere: the known of the last window tells.
    let on_the_way = reading.moved_w.abs() > STILL.max(controlled.abs() / 50);
    state.calm_windows = if on_the_way { 0 } else { state.calm_windows.saturating_add(1) };
    let needed = if reading.outdated || reading.unsure_w > Watts::ZERO {
        CALM_WINDOWS_SLOW
    } else {
        CALM_WINDOWS
    };
    if state.calm_windows < needed {
        return;
    }
    (state.calm, state.calm_windows) = (Some(here), 0);
    let (moved, shown) = (here.known_w - calm.known_w, here.reading_w - calm.reading_w);
    // What is lowered is lowered because something else rose: only raises prove anything.
    if moved < MOVE.max(controlled.abs() / 20) {
        return;
    }
    let percent = (shown * 100).0 / moved.0;
    if AGREES.contains(&percent) {
        state.agreed = (state.agreed + 1).min(COUNTED_MAX);
        state.disagreed = (state.disagreed - 1).max(0);
    } else if !MAY_AGREE.contains(&percent) {
        state.disagreed = (state.disagreed + 1).min(COUNTED_MAX);
        state.agreed = (state.agreed - 1).max(0);
    }
}

/// Says whether it has stood still for some windows while what is known moved.
fn note_flat(
    state: &mut MeterSnapshot,
    before: &MeterSnapshot,
    reading: &Reading,
    watts: Watts,
) -> bool {
    // What moves after the meter has spoken shows in its next reading: what was known a window ago counts.
    let known = reading.known_w - reading.moved_w;
    let same = before.reading_w == Some(watts);
    state.flat_readings = if same { before.flat_readings.saturating_add(1) } else { 1 };
    let settled = i64::from(state.flat_readings) > i64::from(FLAT_READINGS) + reading.slow_windows;
    // Held against where it was then: what goes and comes back between two readings a meter may have missed.
    let then = state.flat_known.filter(|_| settled).map_or(known, |then| then.least_w);
    state.flat_known = Some(KnownRange { least_w: then, most_w: then });
    let stands_still = (known - then).abs() > MOVE.max(watts.abs() / 20);
    if stands_still {
        state.doubt = (state.doubt + DOUBT_STEP).min(DOUBT_MAX);
    }
    stands_still && state.doubt >= DOUBTED
}

/// Says whether it is less than what is known.
fn note_low(
    state: &mut MeterSnapshot,
    before: &MeterSnapshot,
    reading: &Reading,
    watts: Watts,
) -> bool {
    let moved = (reading.known_w - before.known_w).abs();
    let tolerance = (MOVE / 2).max(reading.known_w.abs() / 10) + moved + reading.unsure_w;
    let unexplained = reading.unexplained(watts);
    let is_low = unexplained < -tolerance;
    let last = before.reading_w.map_or(Watts::ZERO, |last| last - before.known_w);
    // One that has proved itself may know of generation that nobody has registered; but that comes with the sun.
    let falls = unexplained < last - MOVE.max(tolerance * 2);
    if is_low && state.agreed >= PROVEN && falls {
        state.agreed = 0;
    }
    let counts = is_low && state.agreed < PROVEN && !reading.outdated;
    if counts {
        state.doubt = (state.doubt + DOUBT_STEP).min(DOUBT_MAX);
    } else if !is_low {
        state.doubt = (state.doubt - 1).max(0);
    }
    counts
}

fn show(state: &mut MeterSnapshot, now: Timestamp, watts: Watts) {
    let start = now.window_start(SLICE_MS);
    match state.shown.last_mut().filter(|slice| slice.start == start) {
        Some(slice) => slice.most_w = slice.most_w.max(watts),
        None => state.shown.push(Shown { start, most_w: watts }),
    }
}

/// What was shown long ago counts no more, as long as there is something newer.
fn forget(state: &mut MeterSnapshot, now: Timestamp) {
    let is_over = |slice: &Shown| now.since(slice.start) > SLICE_MS * 12;
    if state.doubted.is_none() && state.shown.len() > 1 {
        state.shown.retain(|slice| !is_over(slice));
    }
    let many = state.shown.len().saturating_sub(SLICES);
    state.shown.drain(..many);
}
