//! Chance that can be repeated (splitmix64): the same seed gives the same numbers, everywhere and for ever, so that a
//! world of a simulation, a test or a run of faults is its seed. Knows nothing of what it is asked for.

use crate::ids::stable_hash;

/// A stream of chance.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for one part of the world: what one part asks changes nothing for another.
    #[must_use]
    pub fn fork(&self, name: &str) -> Self {
        Self(stable_hash(&[&self.0.to_be_bytes(), name.as_bytes()]))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high - low + 1).expect("low is at most high");
        low + i64::try_from(self.bits() % width).expect("below an i64 width")
    }

    /// A place in a list of this length, which is not empty.
    pub fn below(&mut self, len: usize) -> usize {
        let last = i64::try_from(len).expect("lists are short") - 1;
        usize::try_from(self.between(0, last)).expect("at least 0")
    }

    /// True in so many of a thousand cases.
    pub fn chance(&mut self, permille: i64) -> bool {
        self.between(0, 999) < permille
    }

    /// One of the values.
    pub fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_these_numbers_for_ever() {
        let mut rng = Rng::new(7);
        assert_eq!([rng.bits(), rng.bits()], [0x63cb_e1e4_5932_0dd7, 0x044c_3cd7_f43c_661c]);
        let mut fork = Rng::new(7).fork("wind");
        assert!((0..20).all(|_| (3..=9).contains(&fork.between(3, 9))));
    }
}
