//! Who gets what of a limit: a water-fill in whole watts, first on each feeder, then on the area over them.

/// A device that asks for a share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    /// W, load convention.
    pub(super) want_w: i64,
    /// Index of its feeder.
    pub(super) feeder: usize,
}

/// What binds a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Nothing,
    Feeder,
    Area,
}

/// A limit, and what counts against it besides the asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) limit_w: i64,
    pub(super) fixed_w: i64,
}

/// The shares of all asks, and the level at each limit that binds: feeders in order, then the area.
#[derive(Debug)]
pub(super) struct Shares {
    pub(super) of: Vec<(i64, Bound)>,
    pub(super) levels: Vec<Option<i64>>,
    pub(super) unmet_w: Vec<i64>,
}

/// Who takes gets no more than the level, who gives gives what it wants. Sums stay within every limit, or nobody takes anything.
pub(super) fn share(asks: &[Ask], feeders: &[Room], area: Room) -> Shares {
    let mut of: Vec<(i64, Bound)> = asks.iter().map(|ask| (ask.want_w, Bound::Nothing)).collect();
    let mut levels = Vec::new();
    let mut unmet_w = Vec::new();
    let own = |feeder: usize| move |at: &usize| asks[*at].feeder == feeder;
    for (feeder, room) in feeders.iter().enumerate() {
        let members: Vec<usize> = (0..asks.len()).filter(own(feeder)).collect();
        cut(&mut of, &members, *room, Bound::Feeder, &mut levels, &mut unmet_w);
    }
    let everybody: Vec<usize> = (0..asks.len()).collect();
    cut(&mut of, &everybody, area, Bound::Area, &mut levels, &mut unmet_w);
    Shares { of, levels, unmet_w }
}

fn cut(
    of: &mut [(i64, Bound)],
    members: &[usize],
    room: Room,
    bound: Bound,
    levels: &mut Vec<Option<i64>>,
    unmet_w: &mut Vec<i64>,
) {
    let giving: i64 = members.iter().map(|at| of[*at].0.min(0)).sum();
    let left = room.limit_w - room.fixed_w - giving;
    let mut takers: Vec<i64> =
        members.iter().map(|at| of[*at].0).filter(|want| *want > 0).collect();
    takers.sort_unstable();
    let level = (takers.iter().sum::<i64>() > left).then(|| level(&takers, left.max(0)));
    if let Some(level) = level {
        for at in members {
            if of[*at].0 > level {
                of[*at] = (level, bound);
            }
        }
    }
    levels.push(level);
    unmet_w.push((-left).max(0));
}

/// The greatest level at which all, each up to its want, fit in: wants in ascending order, their sum above `left`.
fn level(wants: &[i64], left: i64) -> i64 {
    let mut rest = left;
    for (at, want) in wants.iter().enumerate() {
        let others = i64::try_from(wants.len() - at).unwrap_or(i64::MAX);
        if want.saturating_mul(others) > rest {
            return rest / others;
        }
        rest -= want;
    }
    wants.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wants: &[(i64, usize)], limits: &[i64], area: i64, expected: &[(i64, Bound)]) {
        let asks: Vec<Ask> =
            wants.iter().map(|(want_w, feeder)| Ask { want_w: *want_w, feeder: *feeder }).collect();
        let room = |limit_w: &i64| Room { limit_w: *limit_w, fixed_w: 100 };
        let feeders: Vec<Room> = limits.iter().map(room).collect();
        let fixed_w = 100 * i64::try_from(limits.len()).expect("a few");
        assert_eq!(share(&asks, &feeders, Room { limit_w: area, fixed_w }).of, expected);
    }

    #[test]
    fn everybody_gets_what_fits_and_the_greedy_are_cut_to_one_level() {
        use Bound::{Area, Feeder, Nothing};
        check(&[(7_000, 0), (-2_000, 0)], &[6_000], 9_000, &[(7_000, Nothing), (-2_000, Nothing)]);
        check(
            &[(1_000, 0), (7_000, 0), (9_000, 0)],
            &[9_101],
            99_000,
            &[(1_000, Nothing), (4_000, Feeder), (4_000, Feeder)],
        );
        check(
            &[(7_000, 0), (2_000, 1)],
            &[5_100, 9_000],
            4_200,
            &[(2_000, Area), (2_000, Nothing)],
        );
        check(&[(7_000, 0)], &[50], 9_000, &[(0, Feeder)]);
    }
}
