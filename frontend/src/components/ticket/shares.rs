//! Shares of what there is, rounded down so that they are always there.

use shared::money::{Rounding, Units, Usd};

/// `percent` of a dollar amount, rounded down to the cent, as text.
pub fn of_usd(usd: Usd, percent: u8) -> Option<String> {
    const CENT: i128 = 10_000_000_000;
    let atoms = usd.atoms().checked_mul(i128::from(percent))? / 100;
    Usd::from_atoms(atoms / CENT * CENT).ok().map(|usd| usd.to_string())
}

/// `percent` of a token amount, rounded down.
pub fn of_units(units: Units, percent: u8) -> Option<Units> {
    let percent = percent.to_string().parse::<Units>().ok()?;
    let hundred = "100".parse::<Units>().ok()?;
    units.portion(percent.0, hundred.0, Rounding::Down).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_down_so_that_they_are_always_there() {
        assert_eq!(of_usd("9999.99".parse().unwrap(), 25).unwrap(), "2499.99");
        assert_eq!(of_usd("0.03".parse().unwrap(), 50).unwrap(), "0.01");
        assert_eq!(of_units("7".parse().unwrap(), 50).unwrap().to_string(), "3");
    }
}
