//! Where sorted runs are cut so that every reader of a range gets about as many rows.

use crate::outcome::KeySample;

/// The keys at which `ranges` ranges meet: at most `ranges - 1`, ascending, each once. Range `i`
/// holds the keys from split `i - 1` (inclusive) to split `i` (exclusive).
///
/// A key that stands for many rows makes ranges empty rather than being cut: equal keys stay
/// together.
#[must_use]
pub fn split_points<'a>(
    samples: impl IntoIterator<Item = &'a KeySample>,
    ranges: u32,
) -> Vec<Vec<u8>> {
    let mut sorted: Vec<&KeySample> = samples.into_iter().collect();
    sorted.sort();
    let total: u128 = sorted.iter().map(|sample| u128::from(sample.rows)).sum();
    let mut splits: Vec<Vec<u8>> = Vec::new();
    let mut before: u128 = 0;
    let mut wanted: u128 = 1;
    for sample in sorted {
        // The sample starts where `before` rows are behind us.
        while wanted < u128::from(ranges) && before * u128::from(ranges) >= wanted * total {
            if before > 0 && splits.last() != Some(&sample.key) {
                splits.push(sample.key.clone());
            }
            wanted += 1;
        }
        before += u128::from(sample.rows);
    }
    splits
}

#[cfg(test)]
mod tests {
    use super::split_points;
    use crate::outcome::KeySample;

    fn samples(keys: &[(u8, u64)]) -> Vec<KeySample> {
        keys.iter().map(|(key, rows)| KeySample { key: vec![*key], rows: *rows }).collect()
    }

    #[test]
    fn ranges_hold_about_as_many_rows() {
        let runs =
            samples(&[(0, 10), (2, 10), (4, 10), (6, 10), (1, 10), (3, 10), (5, 10), (7, 10)]);
        assert_eq!(split_points(&runs, 4), [[2], [4], [6]]);
        assert!(split_points(&runs, 1).is_empty());
    }

    #[test]
    fn equal_keys_are_not_cut() {
        let runs = samples(&[(5, 10), (5, 10), (5, 10), (5, 10), (9, 1)]);
        assert!(split_points(&runs, 4).len() <= 2);
        assert!(split_points(&[], 4).is_empty());
    }
}
