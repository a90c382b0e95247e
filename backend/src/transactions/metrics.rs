//! How transactions fared: counted from the journal, and from nothing else.

use shared::money::Units;
use shared::transaction::{AttemptKind, Status};
use shared::wire::transactions::{AgainstPaper, Purpose, TransactionMetrics};

use super::record::Record;
use crate::quantile::quantile;

/// The figures of these records.
pub fn count(records: &[Record]) -> TransactionMetrics {
    let mut metrics = TransactionMetrics::default();
    let mut fees = alloy_primitives::U256::ZERO;
    let mut retried = 0;
    let mut times: Vec<u64> = vec![];
    let mut apart: Vec<i64> = vec![];
    for record in records {
        // What our approvals and fillers cost is paid for swaps.
        fees = fees.saturating_add(record.fees_paid().0);
        if !matches!(record.purpose, Purpose::Swap(_)) {
            continue;
        }
        let transaction = &record.transaction;
        if transaction.intent.paper {
            continue;
        }
        apart.extend(record.twin.as_ref().map(|twin| twin.difference_ppm));
        let status = transaction.status();
        metrics.requests += 1;
        metrics.ended += u64::from(status.is_final());
        metrics.completed += u64::from(status == Status::Completed);
        metrics.failed += u64::from(status == Status::Failed);
        metrics.cancelled += u64::from(status == Status::Cancelled);
        metrics.replaced += u64::from(status == Status::Replaced);
        metrics.stuck += u64::from(record.history.iter().any(|step| step.status == Status::Stuck));
        let payloads = transaction.attempts.iter().filter(|attempt| attempt.kind == AttemptKind::Payload);
        retried += u64::from(payloads.count() > 1);
        if status == Status::Completed {
            times.push(record.since().since(transaction.created_at));
        }
    }
    times.sort_unstable();
    apart.sort_unstable();
    metrics.against_paper = against_paper(&apart);
    metrics.success_ppm = share(metrics.completed, metrics.completed + metrics.failed);
    metrics.retry_ppm = share(retried, metrics.requests);
    metrics.fees_paid = Units(fees);
    metrics.time_p50_ms = quantile(&times, 50);
    metrics.time_p95_ms = quantile(&times, 95);
    metrics
}

/// How sorted differences are spread.
fn against_paper(apart: &[i64]) -> Option<AgainstPaper> {
    let sum: i128 = apart.iter().copied().map(i128::from).sum();
    let mean_ppm = i64::try_from(sum.checked_div(apart.len() as i128)?).ok()?;
    let [p5_ppm, p50_ppm, p95_ppm] = [quantile(apart, 5)?, quantile(apart, 50)?, quantile(apart, 95)?];
    Some(AgainstPaper { count: apart.len() as u64, mean_ppm, p5_ppm, p50_ppm, p95_ppm })
}

fn share(part: u64, whole: u64) -> Option<u64> {
    (whole > 0).then(|| part.saturating_mul(1_000_000) / whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_as_they_are_spread_and_negatives_are_kept() {
        let spread = against_paper(&[-9, -2, -1, 0, 3]).unwrap();
        assert_eq!((spread.count, spread.mean_ppm), (5, -1));
        assert_eq!((spread.p5_ppm, spread.p50_ppm, spread.p95_ppm), (-9, -1, 3));
        assert_eq!(against_paper(&[]), None);
    }

    #[test]
    fn a_share_of_nothing_is_not_known() {
        assert_eq!((share(1, 3), share(0, 0)), (Some(333_333), None));
    }
}
