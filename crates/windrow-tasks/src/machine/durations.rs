//! How long the tasks of a stage took: a histogram with buckets a quarter of a doubling wide.

/// Buckets up to 2^32 milliseconds.
const BUCKETS: usize = 129;

/// How long tasks took.
#[derive(Debug, Clone)]
pub(super) struct Durations {
    counts: Box<[u32; BUCKETS]>,
    total: u32,
}

impl Default for Durations {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), total: 0 }
    }
}

fn bucket(millis: u64) -> usize {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let place = (((millis + 1) as f64).log2() * 4.0) as usize;
    place.min(BUCKETS - 1)
}

impl Durations {
    pub(super) fn add(&mut self, millis: u64) {
        self.counts[bucket(millis)] += 1;
        self.total += 1;
    }

    /// About the median, rather too long than too short; `None` when nothing is known.
    pub(super) fn median(&self) -> Option<u64> {
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += count;
            seen * 2 >= self.total && seen > 0
        })?;
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        Some(((place + 1) as f64 / 4.0).exp2() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::Durations;

    #[test]
    fn the_median_is_near() {
        let mut durations = Durations::default();
        assert_eq!(durations.median(), None);
        (0..1000).for_each(|millis| durations.add(millis));
        assert!((500..=620).contains(&durations.median().unwrap_or(0)));
    }
}
