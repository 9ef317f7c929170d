use super::*;

const WINDOW_MS: i64 = 5_000;

/// A window: what the meter says, what is known, and what of that has moved, all in kW; commanded is all that is known.
type Window = (i64, i64, i64);

fn reading(index: usize, (watts, known, moved): Window, known_before: i64) -> Reading {
    Reading {
        watts: Some(Watts(watts * 1_000)),
        is_new: true,
        known_w: Watts(known * 1_000),
        controlled_w: Watts(known * 1_000),
        outdated: false,
        unsure_w: Watts::ZERO,
        begins: false,
        moved_w: Watts(moved * 1_000),
        came_w: Watts((known - known_before - moved) * 1_000),
        slow_windows: 0,
        now: Timestamp(WINDOW_MS * i64::try_from(index).expect("few")),
    }
}

/// What is known of a meter after some windows.
fn after(windows: &[Window]) -> MeterSnapshot {
    let mut known_before = 0;
    let mut state = MeterSnapshot::default();
    for (index, window) in windows.iter().enumerate() {
        state = weigh(&state, &reading(index, *window, known_before));
        known_before = window.1;
    }
    state
}

#[track_caller]
fn check(windows: &[Window], expected: Option<MeterDoubt>) {
    assert_eq!(after(windows).doubted, expected, "{windows:?}");
}

/// A meter that says the same while what is known moves in the fourth window, for so many windows after that.
fn frozen(moved: i64, windows: usize) -> Vec<Window> {
    let mut all = vec![(40, 30, 0); 3];
    all.push((40, 30 + moved, moved));
    all.extend(vec![(40, 30 + moved, 0); windows]);
    all
}

#[test]
fn a_meter_that_stands_still_while_load_moves_is_doubted() {
    check(&frozen(5, 2), None);
    check(&frozen(5, 3), Some(MeterDoubt::StandsStill));
    check(&frozen(-5, 3), Some(MeterDoubt::StandsStill));
    // Less than it takes to tell.
    check(&frozen(2, 9), None);
    // It goes as it comes.
    let drifts = |index: i64| (40, 30 - index, if index == 0 { 0 } else { -1 });
    check(&(0..10).map(drifts).collect::<Vec<_>>(), Some(MeterDoubt::StandsStill));
    // The meter moves too, in its next reading or later.
    let follows = |later| {
        let mut all = frozen(5, later);
        all.extend(vec![(45, 35, 0); 5]);
        all
    };
    (0..3).for_each(|later| check(&follows(later), None));
    // What goes and comes back a meter may have missed.
    let mut dips = frozen(-5, 1);
    dips.push((40, 30, 5));
    dips.extend(vec![(40, 30, 0); 9]);
    check(&dips, None);
}

#[test]
fn what_devices_say_a_window_later_does_not_make_a_meter_stand_still() {
    let mut later = vec![(57, 47, 0), (40, 45, -2), (40, 30, -15)];
    later.extend([(40, 30, 0); 9]);
    check(&later, None);
}

#[test]
fn where_devices_speak_seldom_it_takes_their_period_until_a_meter_stands_still() {
    let slow = |before: usize| {
        let mut state = MeterSnapshot::default();
        for index in 0..20 {
            let known = if index < before { 30 } else { 25 };
            let moved = if index == before { -5 } else { 0 };
            let slow = Reading { slow_windows: 4, ..reading(index, (40, known, moved), known) };
            state = weigh(&state, &slow);
        }
        state.doubted
    };
    assert_eq!(slow(5), None);
    assert_eq!(slow(8), Some(MeterDoubt::StandsStill));
}

#[test]
fn what_is_heard_for_the_first_time_has_not_moved() {
    let join = |index: i64| (40, (10 * (index - 2)).clamp(0, 30), 0);
    check(&(0..12).map(join).collect::<Vec<_>>(), None);
    // Neither has what is not heard any more.
    let leave = |index: i64| (40, (30 - 10 * (index - 2)).clamp(0, 30), 0);
    check(&(0..12).map(leave).collect::<Vec<_>>(), None);
    // What moves beside it has.
    let mut moves = vec![(40, 10, 0), (40, 10, 0), (40, 20, 0), (40, 35, 5)];
    moves.extend([(40, 35, 0); 3]);
    check(&moves, Some(MeterDoubt::StandsStill));
}

#[test]
fn joining_neither_proves_nor_refutes() {
    let joined = after(&[
        (40, 0, 0),
        (40, 10, 0),
        (40, 10, 0),
        (40, 10, 0),
        (40, 20, 0),
        (40, 20, 0),
        (40, 20, 0),
        (40, 30, 0),
        (40, 30, 0),
        (40, 30, 0),
    ]);
    assert_eq!((joined.agreed, joined.disagreed), (0, 0));
}

#[test]
fn raises_that_show_prove_a_meter_and_those_that_do_not_refute_it() {
    // Of raises of 5 kW the meter shows so much, in parts of 100.
    let raises = |shown: &[i64]| {
        let (mut says, mut known) = (50, 10);
        let mut windows = vec![(says, known, 0)];
        for shown in shown {
            (says, known) = (says + 5 * shown / 100, known + 5);
            windows.extend([(says, known, 5), (says, known, 0), (says, known, 0)]);
        }
        after(&windows)
    };
    // What agrees, what says nothing, what disagrees.
    for (shown, agreed, disagreed) in
        [(100, 4, 0), (80, 4, 0), (120, 4, 0), (40, 0, 4), (0, 0, 4), (-100, 0, 4), (200, 0, 4)]
    {
        let state = raises(&[shown; 4]);
        assert_eq!((state.agreed, state.disagreed), (agreed, disagreed), "{shown} %");
        let doubted = (disagreed > 0).then_some(MeterDoubt::Disagrees);
        assert_eq!(state.doubted, doubted, "{shown} %");
    }
    // One speaks against one.
    for (shown, agreed, disagreed) in [([0, 0, 0, 100], 1, 2), ([100, 100, 100, 0], 2, 1)] {
        let state = raises(&shown);
        assert_eq!((state.agreed, state.disagreed), (agreed, disagreed), "{shown:?}");
    }
    // What was long ago is not held against it for ever.
    assert_eq!(raises(&[0; 9]).disagreed, COUNTED_MAX);
    assert_eq!(raises(&[100; 9]).agreed, COUNTED_MAX);
}

#[test]
fn a_meter_below_what_is_known_is_doubted_unless_it_has_proved_itself() {
    let low = Some(MeterDoubt::BelowKnown);
    check(&[(10, 20, 0), (11, 20, 0), (10, 20, 0)], low);
    // Within a tenth, or only once.
    check(&[(19, 20, 0), (18, 19, 0), (19, 20, 0)], None);
    check(&[(40, 20, 0), (10, 20, 0), (40, 20, 0), (41, 20, 0)], None);
}

#[test]
fn a_doubt_keeps_its_name_until_it_is_over() {
    let frozen = after(&frozen(-5, 5));
    assert_eq!(frozen.doubted, Some(MeterDoubt::StandsStill));
    let mut state = frozen.clone();
    for step in 0..frozen.doubt {
        assert_eq!(state.doubted, Some(MeterDoubt::StandsStill), "after {step} good windows");
        // From one window to the next it moves again, and says enough.
        let good = (41 - i64::from(step % 2), 25, 0);
        state = weigh(&state, &reading(10, good, 25));
    }
    assert_eq!(state.doubted, None);
}

#[test]
fn what_counts_of_a_doubted_meter_depends_on_the_doubt() {
    let shown = vec![Shown { start: Timestamp(0), most_w: Watts(12_000) }];
    let said = |watts: i64| Reading { watts: Some(Watts(watts)), ..reading(0, (0, 20, 0), 20) };
    let counts = |doubted, agreed, watts: i64, before: i64, holds| {
        let state = MeterSnapshot { shown: shown.clone(), doubted, agreed, ..Default::default() };
        unexplained(&state, Some(Watts(before)), &said(watts), holds).0
    };
    // Believed: what it says beyond the known; a fall not where times differ.
    assert_eq!(counts(None, 0, 35_000, 5_000, false), 15_000);
    assert_eq!(counts(None, 0, 25_000, 15_000, false), 5_000);
    assert_eq!(counts(None, 0, 25_000, 15_000, true), 15_000);
    assert_eq!(counts(None, 0, 35_000, 5_000, true), 15_000);
    // Generation that nobody knows of: only of one that has proved itself, and slowly.
    assert_eq!(counts(None, 0, 10_000, 0, false), 0);
    assert_eq!(counts(None, PROVEN, 10_000, 0, false), -157);
    // Doubted: what it has shown, and where it says less than is known also what it says.
    assert_eq!(counts(Some(MeterDoubt::Disagrees), 0, 90_000, 0, false), 12_000);
    assert_eq!(counts(Some(MeterDoubt::StandsStill), 0, 90_000, 0, false), 12_000);
    assert_eq!(counts(Some(MeterDoubt::BelowKnown), 0, 15_000, 0, false), 15_000);
    assert_eq!(counts(Some(MeterDoubt::BelowKnown), 0, -50_000, 0, false), 30_000);
    // Silent: what it has shown.
    let state = MeterSnapshot { shown, ..Default::default() };
    let silent = Reading { watts: None, ..said(0) };
    assert_eq!(unexplained(&state, Some(Watts(3_000)), &silent, false), Watts(12_000));
}

#[test]
fn what_was_shown_lasts_for_two_windows_and_is_remembered_for_an_hour() {
    let most = |state: &MeterSnapshot| state.shown.iter().map(|shown| shown.most_w.0).max();
    // One high window shows nothing; two show the lower of both.
    assert_eq!(most(&after(&[(30, 20, 0), (60, 20, 0), (30, 20, 0)])), Some(10_000));
    assert_eq!(most(&after(&[(30, 20, 0), (60, 20, 0), (50, 20, 0)])), Some(30_000));
    let state = after(&[(50, 20, 0), (50, 20, 0)]);
    let later = |ms: i64| Reading { now: Timestamp(ms), ..reading(0, (30, 20, 0), 20) };
    let within = weigh(&weigh(&state, &later(3_500_000)), &later(3_505_000));
    assert_eq!(most(&within), Some(30_000));
    let beyond = weigh(&weigh(&state, &later(3_905_000)), &later(3_910_000));
    assert_eq!(most(&beyond), Some(10_000));
}

#[test]
fn generation_that_nobody_knows_of_is_believed_by_and_by_and_only_of_a_proven_meter() {
    let proven = MeterSnapshot { agreed: PROVEN, ..MeterSnapshot::default() };
    let measured = |watts: i64| Reading { watts: Some(Watts(watts)), ..reading(0, (0, 0, 0), 0) };
    let of = |before: Option<i64>, watts: i64, holds: bool| {
        unexplained(&proven, before.map(Watts), &measured(watts), holds).0
    };
    assert_eq!(of(None, -6_400, false), -100, "a part of 64 in each window");
    assert_eq!(of(None, -1, false), -1);
    assert_eq!(of(Some(-100), -6_400, false), -199);
    assert_eq!(of(None, -6_400, true), 0);
    assert_eq!(of(Some(700), -6_400, false), 0, "first what was taken is over");
    assert_eq!(of(Some(700), 300, false), 300);
    assert_eq!(of(Some(700), 300, true), 700);
    assert_eq!(of(Some(-700), -300, true), -300, "a rise is believed at once");
    let unproven = MeterSnapshot { agreed: PROVEN - 1, ..MeterSnapshot::default() };
    assert_eq!(unexplained(&unproven, None, &measured(-6_400), false), Watts::ZERO);
    assert_eq!(unexplained(&unproven, Some(Watts(-700)), &measured(-6_400), false), Watts::ZERO);
}

#[test]
fn a_meter_may_say_a_little_less_than_what_is_known() {
    // By a kilowatt, or by a tenth of what is known where that is more.
    check(&[(2, 3, 0); 10], None);
    check(&[(1, 3, 0); 10], Some(MeterDoubt::BelowKnown));
    check(&[(36, 40, 0); 10], None);
    check(&[(35, 40, 0); 10], Some(MeterDoubt::BelowKnown));
}

#[test]
fn a_proven_meter_that_falls_at_once_below_what_is_known_has_to_prove_itself_again() {
    let proven = MeterSnapshot {
        agreed: PROVEN,
        reading_w: Some(Watts(7_500)),
        known_w: Watts(10_000),
        ..MeterSnapshot::default()
    };
    let agreed = |watts: i64| {
        let now = Reading { watts: Some(Watts(watts)), ..reading(0, (0, 10, 0), 10) };
        weigh(&proven, &now).agreed
    };
    assert_eq!(agreed(7_000), PROVEN, "it comes with the sun");
    assert_eq!(agreed(5_500), PROVEN);
    assert_eq!(agreed(5_499), 0);
    assert_eq!(agreed(2_000), 0);
}
