//! Chance, from a seed: the only source of it in the core.
//!
//! Bits come from a pinned ChaCha8, logarithms and cosines from a pinned `libm`, and every draw is
//! quantised to an integer before it touches money. So a seed gives the same trade in the browser and
//! on the server.

use chacha20::ChaCha8;
use chacha20::cipher::{KeyIvInit, StreamCipher};

/// One part per billion of one.
pub const BILLION: u64 = 1_000_000_000;

/// A stream of draws: the keystream of ChaCha8 under a key made of seed and domain, with a zero nonce,
/// taken eight little-endian bytes at a time.
pub struct Draws {
    cipher: ChaCha8,
    /// One block of the keystream, made when it is needed: a trade draws three numbers, not thirty.
    block: [u8; 64],
    used: u8,
}

impl Draws {
    /// The stream of `seed` in a named domain: two uses of one seed never share bits.
    pub fn new(seed: u64, domain: [u8; 8]) -> Draws {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&domain);
        Draws { cipher: ChaCha8::new(&key.into(), &[0; 12].into()), block: [0; 64], used: 64 }
    }

    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        if usize::from(self.used) == self.block.len() {
            self.block = [0; 64];
            self.cipher.apply_keystream(&mut self.block);
            self.used = 0;
        }
        let at = usize::from(self.used);
        self.used += 8;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.block[at..at + 8]);
        u64::from_le_bytes(bytes)
    }

    /// A uniform whole number below `bound` (multiply and shift; the bias is below bound ÷ 2⁶⁴).
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A standard normal number (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        // 53 bits each; the first is in (0, 1], so its logarithm is finite.
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        let u = ((self.bits() >> 11) + 1) as f64 * STEP;
        let v = (self.bits() >> 11) as f64 * STEP;
        libm::sqrt(-2.0 * libm::log(u)) * libm::cos(2.0 * std::f64::consts::PI * v)
    }

    /// By what factor a price moves within `spread`, in parts per billion: log-normal, at least one
    /// part, with an expectation of exactly one.
    pub fn factor(&mut self, spread: Spread) -> u64 {
        let z = self.normal();
        spread.factor(z)
    }
}

/// How far a price may move until a trade is executed: the standard deviation of its logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread(f64);

impl Spread {
    /// Half-width of the band that is shown, in standard deviations: about 95 of 100 draws fall inside.
    const BAND: f64 = 2.0;

    /// The spread over `millis` at a daily volatility in parts per billion: σ·√(t ÷ 1 day).
    pub fn over(sigma_day_ppb: u64, millis: u64) -> Spread {
        Spread(sigma_day_ppb as f64 / BILLION as f64 * libm::sqrt(millis as f64 / 86_400_000.0))
    }

    /// The spread of two independent moves together.
    pub fn and(self, other: Spread) -> Spread {
        Spread(libm::sqrt(self.0 * self.0 + other.0 * other.0))
    }

    /// The factor at the low end of the band, in parts per billion.
    pub fn low(self) -> u64 {
        self.factor(-Spread::BAND)
    }

    /// The factor at the high end of the band, in parts per billion.
    pub fn high(self) -> u64 {
        self.factor(Spread::BAND)
    }

    /// `exp(d·z − d²/2)` in parts per billion: the subtracted term makes the expectation one.
    fn factor(self, z: f64) -> u64 {
        let factor = libm::exp(self.0 * z - self.0 * self.0 / 2.0);
        // The cast saturates, so an absurd volatility cannot wrap.
        ((factor * BILLION as f64 + 0.5) as u64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_domain_always_give_the_same_draws() {
        let first: Vec<u64> = (0..4).map(|_| Draws::new(7, *b"test    ").bits()).collect();
        assert!(first.windows(2).all(|pair| pair[0] == pair[1]));
        assert_ne!(Draws::new(7, *b"test    ").bits(), Draws::new(7, *b"other   ").bits());
        assert_ne!(Draws::new(7, *b"test    ").bits(), Draws::new(8, *b"test    ").bits());
    }

    #[test]
    fn the_stream_is_the_keystream_of_chacha8() {
        // The first block for an all-zero 256-bit key and nonce: draft-strombergson-chacha-test-vectors-01, TC1.
        let mut draws = Draws::new(0, [0; 8]);
        assert_eq!(draws.bits().to_le_bytes(), [0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6]);
        assert_eq!(draws.bits().to_le_bytes(), [0x7f, 0x5b, 0xb8, 0xe8, 0x1f, 0x09, 0xa5, 0xa1]);
        let far: Vec<u64> = (0..20).map(|_| draws.bits()).collect();
        assert!(far.iter().enumerate().all(|(i, bits)| !far[..i].contains(bits)), "blocks go on");
    }

    #[test]
    fn normal_draws_have_mean_0_and_deviation_1() {
        let mut draws = Draws::new(1, *b"test    ");
        let n = 100_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..n {
            let z = draws.normal();
            sum += z;
            squares += z * z;
        }
        let mean = sum / f64::from(n);
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((squares / f64::from(n) - 1.0).abs() < 0.02);
    }

    #[test]
    fn the_factor_is_one_in_expectation_and_never_zero() {
        let mut draws = Draws::new(2, *b"test    ");
        let n = 100_000u64;
        let mean = (0..n).map(|_| draws.factor(Spread(0.2))).sum::<u64>() / n;
        assert!(mean.abs_diff(BILLION) < BILLION / 300, "{mean}");
        assert_eq!(Spread(0.0).factor(3.0), BILLION);
        assert_eq!(Spread(1e300).factor(-1e300), 1);
        let day = Spread::over(40_000_000, 86_400_000);
        assert!((day.0 - 0.04).abs() < 1e-12);
        assert!((day.and(Spread(0.03)).0 - 0.05).abs() < 1e-12);
        assert!(day.low() < BILLION && BILLION < day.high());
    }
}
