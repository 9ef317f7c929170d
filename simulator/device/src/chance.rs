//! Chance from a seed: the same seed and the same questions give the same answers on any machine.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schemas::ids::stable_hash;

/// A source of chance of one device.
#[derive(Debug, Clone)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The chance of one named thing under a seed.
    #[must_use]
    pub fn of(seed: u64, name: &str) -> Self {
        Self(ChaCha8Rng::seed_from_u64(stable_hash(&[&seed.to_le_bytes(), name.as_bytes()])))
    }

    /// Evenly spread from `low` to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// One of the values.
    pub fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.0.random_range(0..values.len())]
    }

    /// Bell-shaped around 0 with deviation 1, never beyond ±6: the sum of twelve even draws.
    pub fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.0.random::<f64>()).sum::<f64>() - 6.0
    }

    /// A waiting time with this mean, at most four times as long.
    pub fn wait(&mut self, mean: f64) -> f64 {
        let even: f64 = self.0.random();
        (-(1.0 - even).ln() * mean).clamp(mean * 0.05, mean * 4.0)
    }
}
