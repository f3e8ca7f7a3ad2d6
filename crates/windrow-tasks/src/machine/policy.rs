//! How patient the machine is.

/// How patient the machine is. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// Failures of one task, for whatever reason but a lost input, after which the job fails.
    pub attempts: u32,
    /// How often the output of one task may be lost, and how often one task may find its inputs
    /// lost, before the job fails.
    pub losses: u32,
    /// How long a task waits after its first failure that may pass by itself; doubled each time.
    pub pause: u64,
    /// When a slow task gets a second attempt; `None`: never.
    pub speculation: Option<Speculation>,
}

/// When a slow task gets a second attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speculation {
    /// The share of the stage's tasks that must be done, from 0 to 1.
    pub done: f64,
    /// How many times longer than the median it runs already.
    pub factor: f64,
    /// How long it runs at least.
    pub least: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { attempts: 4, losses: 8, pause: 200, speculation: Some(Speculation::default()) }
    }
}

impl Default for Speculation {
    fn default() -> Self {
        Self { done: 0.75, factor: 2.0, least: 5_000 }
    }
}
