//! How fast workers may be replaced: a bucket of tokens, so that a program whose workers die at
//! once does not become a storm of forks. One that has done some work is replaced for nothing.

use std::time::{Duration, Instant};

/// A bucket of tokens that fills with time.
#[derive(Debug)]
pub struct Limiter {
    tokens: f64,
    most: f64,
    per_second: f64,
    filled: Instant,
}

impl Limiter {
    /// A full bucket.
    pub fn new(most: u32, per_second: f64, now: Instant) -> Self {
        Self { tokens: f64::from(most), most: f64::from(most), per_second, filled: now }
    }

    /// Puts a token back: what it was taken for was worth it.
    pub fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(self.most);
    }

    /// Takes a token if there is one; otherwise tells how long until there is.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + passed * self.per_second).min(self.most);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / self.per_second))
    }
}
