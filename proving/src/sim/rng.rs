//! A small seeded generator (splitmix64): a world is its seed. Knows nothing of what it is asked for.

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
        Self(schemas::ids::stable_hash(&[&self.0.to_be_bytes(), name.as_bytes()]))
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
