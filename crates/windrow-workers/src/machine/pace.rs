//! How long a function's tasks take, and from that how many of them a worker is given ahead.

/// Work that a worker is given ahead, in nanoseconds: one round trip and some more.
const AHEAD_NANOS: f64 = 1e6;
/// Tasks of this length and more are given one by one: the round trip does not matter.
const LONG_NANOS: f64 = 2e7;
/// Weight of a new task in the mean.
const WEIGHT: f64 = 0.2;

/// Mean task time of a function.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    mean: Option<f64>,
}

impl Pace {
    /// Takes the time of one more task in.
    pub fn add(&mut self, nanos: u64) {
        let nanos = nanos as f64;
        self.mean = Some(self.mean.map_or(nanos, |mean| mean + WEIGHT * (nanos - mean)));
    }

    /// How many tasks a worker may have: `clamp(1 ms / mean, 2, 64)`, 1 for long or unknown ones.
    pub fn depth(&self) -> usize {
        match self.mean {
            None => 1,
            Some(mean) if mean >= LONG_NANOS => 1,
            Some(mean) => (AHEAD_NANOS / mean.max(1.0)).clamp(2.0, 64.0) as usize,
        }
    }
}
