//! Random cases that replay: a seed from the environment or a fresh one, printed when a test fails.
//!
//! `FOOLSCAP_SEED` replays a failure, `FOOLSCAP_CASES` says how many cases to try.

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
    ops::{Deref, DerefMut},
    thread,
};

use alloy::primitives::U256;
pub use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A random source that prints its seed if the test that holds it fails.
#[derive(Debug)]
pub struct Replayable {
    seed: u64,
    random: ChaCha8Rng,
}

impl Replayable {
    /// A source seeded by `FOOLSCAP_SEED`, or by chance.
    ///
    /// # Panics
    /// When the variable is set to something that is not a whole number.
    pub fn from_env() -> Self {
        let seed = number("FOOLSCAP_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
        Self { seed, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The seed, for programs that draw for themselves.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A whole number below `end`; the bias is below 2⁻³² for the small ends of a test.
    pub fn below(&mut self, end: u32) -> u32 {
        ((u64::from(self.random.next_u32()) * u64::from(end)) >> 32) as u32
    }

    /// A number of `1..2^bits`, every length in bits as likely as any other.
    pub fn amount(&mut self, bits: u32) -> U256 {
        let length = self.below(bits) + 1;
        let limbs = [(); 4].map(|()| self.random.next_u64());
        // The leading bit makes it exactly that long.
        let lead = U256::ONE << (length - 1);
        lead | (U256::from_limbs(limbs) & (lead - U256::ONE))
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u32) as usize]
    }
}

impl Deref for Replayable {
    type Target = ChaCha8Rng;

    fn deref(&self) -> &ChaCha8Rng {
        &self.random
    }
}

impl DerefMut for Replayable {
    fn deref_mut(&mut self) -> &mut ChaCha8Rng {
        &mut self.random
    }
}

impl Drop for Replayable {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("To replay: FOOLSCAP_SEED={}", self.seed);
        }
    }
}

/// How many cases to try: `FOOLSCAP_CASES`, but no more than `most`, or the usual number.
///
/// # Panics
/// When the variable is set to something that is not a whole number.
pub fn cases(usual: u64, most: u64) -> u64 {
    number("FOOLSCAP_CASES").map_or(usual, |cases| cases.min(most))
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text:?} is not a whole number: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_every_length_and_stay_below_their_end() {
        let mut random = Replayable { seed: 1, random: ChaCha8Rng::seed_from_u64(1) };
        let mut lengths = [0; 113];
        for _ in 0..10_000 {
            lengths[random.amount(112).bit_len()] += 1;
        }
        assert_eq!(lengths[0], 0);
        assert!(lengths[1..].iter().all(|seen| (40..160).contains(seen)), "{lengths:?}");
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = || {
            let mut random = Replayable { seed: 7, random: ChaCha8Rng::seed_from_u64(7) };
            (random.amount(112), random.below(1000))
        };
        assert_eq!(draw(), draw());
    }
}
