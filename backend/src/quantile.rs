//! Quantiles of what was measured.

/// The smallest value that `percent` of the sorted values do not exceed (nearest rank); nothing of nothing.
pub fn quantile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((quantile(&hundred, 50), quantile(&hundred, 99)), (Some(50), Some(99)));
        assert_eq!((quantile(&hundred[..10], 50), quantile(&hundred[..10], 95)), (Some(5), Some(10)));
        assert_eq!((quantile(&[7], 50), quantile(&[7], 99), quantile::<u64>(&[], 50)), (Some(7), Some(7), None));
    }
}
