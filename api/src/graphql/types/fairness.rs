//! Who gave how much.

use async_graphql::{ID, SimpleObject};

use crate::store::history::past::FairnessRow;

/// How evenly what was wanted was served, over the devices that wanted something.
///
/// Jain's index: R. Jain, D. Chiu, W. Hawe, A quantitative measure of fairness and discrimination for resource allocation in
/// shared computer systems, DEC TR-301, 1984. Over the fraction of its want that each device was served.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Fairness {
    feeder_id: ID,
    /// From 1/n, one device has all, to 1, all have the same fraction.
    jain: f64,
    /// The mean fraction of the tenth of devices that was served worst.
    worst_decile_share: f64,
    per_device: Vec<FairnessDevice>,
}

/// What a device wanted and was given.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct FairnessDevice {
    device_id: ID,
    wanted_kwh: f64,
    served_kwh: f64,
    curtailed_kwh: f64,
}

/// Less than this is no want: a watt-hour.
const WANT_MIN_KWH: f64 = 0.001;

impl Fairness {
    /// From what each device wanted and was given.
    pub(crate) fn of(feeder_id: ID, rows: Vec<FairnessRow>) -> Self {
        let wanting = rows.iter().filter(|row| row.wanted_kwh.abs() >= WANT_MIN_KWH);
        let mut shares: Vec<f64> = wanting
            .map(|row| (1.0 - row.curtailed_kwh / row.wanted_kwh.abs()).clamp(0.0, 1.0))
            .collect();
        shares.sort_by(f64::total_cmp);
        Self {
            feeder_id,
            jain: jain(&shares),
            worst_decile_share: mean(&shares[..shares.len().div_ceil(10)]),
            per_device: rows
                .into_iter()
                .map(|row| FairnessDevice {
                    device_id: row.device_id.into(),
                    wanted_kwh: row.wanted_kwh,
                    served_kwh: row.served_kwh,
                    curtailed_kwh: row.curtailed_kwh,
                })
                .collect(),
        }
    }
}

/// The mean; 1 of nobody, who lacks nothing.
#[expect(clippy::cast_precision_loss, reason = "a number of devices")]
fn mean(shares: &[f64]) -> f64 {
    if shares.is_empty() { 1.0 } else { shares.iter().sum::<f64>() / shares.len() as f64 }
}

/// Jain's index; 1 where nobody is served, or nobody wants anything: all have the same.
#[expect(clippy::cast_precision_loss, reason = "a number of devices")]
fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    if squares == 0.0 { 1.0 } else { sum * sum / (shares.len() as f64 * squares) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(device: &str, wanted: f64, curtailed: f64) -> FairnessRow {
        FairnessRow {
            device_id: device.to_owned(),
            wanted_kwh: wanted,
            served_kwh: wanted - curtailed,
            curtailed_kwh: curtailed,
        }
    }

    #[test]
    fn equal_fractions_are_fair_whatever_their_size_and_one_who_has_all_is_not() {
        let fair = Fairness::of("f".into(), vec![row("a", 10.0, 5.0), row("b", 2.0, 1.0)]);
        assert!((fair.jain - 1.0).abs() < 1e-9);
        assert!((fair.worst_decile_share - 0.5).abs() < 1e-9);
        let rows = vec![row("a", 10.0, 0.0), row("b", 10.0, 10.0), row("idle", 0.0, 0.0)];
        let unfair = Fairness::of("f".into(), rows);
        assert!((unfair.jain - 0.5).abs() < 1e-9);
        assert!(unfair.worst_decile_share.abs() < 1e-9);
        let nobody = Fairness::of("f".into(), Vec::new());
        assert!((nobody.jain - 1.0).abs() < 1e-9);
    }
}
