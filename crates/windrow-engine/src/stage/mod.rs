//! A physical plan as stages: how it is planned, what may run apart, and where it is cut.
//!
//! ```text
//!     Aggregate (final)                         stage 1:  Aggregate (final)
//!       Repartition (hash, 4)        cut                    ExchangeRead (slots of stage 0)
//!         Aggregate (partial)      ──────►
//!           Scan (2 partitions)                 stage 0:  Aggregate (partial)  ──► hash, 4 slots
//!                                                           Scan
//! ```
//!
//! All of it is pure: the same plan is cut the same way in every process.

mod check;
mod cut;
mod profile;
mod safe_joins;

use std::sync::Arc;

use datafusion::physical_plan::{ExecutionPlan, displayable};
use windrow_tasks::{Determinism, StageInput};

pub(crate) use cut::cut;
pub(crate) use profile::{physical_rules, set_options};
pub use safe_joins::SafeJoins;

use crate::exchange::Layout;

/// A stage: what each of its tasks runs, and how what comes out is laid out.
#[derive(Debug, Clone)]
pub(crate) struct Fragment {
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) inputs: Vec<StageInput>,
    pub(crate) layout: Layout,
    pub(crate) determinism: Determinism,
}

impl Fragment {
    /// How many tasks it has.
    pub(crate) fn tasks(&self) -> u32 {
        let partitions = self.plan.properties().output_partitioning().partition_count();
        u32::try_from(partitions).unwrap_or(u32::MAX)
    }

    /// Whether it gives no more than it reads, more or less, and calls no function of the user's.
    pub(crate) fn only_reduces(&self) -> bool {
        check::only_reduces(&self.plan)
    }

    /// What it does, in a few words: its most telling operator and its source.
    pub(crate) fn name(&self) -> String {
        fn telling(plan: &Arc<dyn ExecutionPlan>) -> Option<&'static str> {
            let word = match plan.name() {
                "FunctionExec" | "PartitionsExec" => Some("apply"),
                "AggregateExec" => Some("aggregate"),
                "HashJoinExec" | "SortMergeJoinExec" | "NestedLoopJoinExec" | "CrossJoinExec" => {
                    Some("join")
                }
                "SortExec" => Some("sort"),
                "WindowAggExec" | "BoundedWindowAggExec" => Some("window"),
                "SortPreservingMergeExec" | "RangeReadExec" => Some("merge"),
                "UnionExec" | "InterleaveExec" => Some("union"),
                _ => None,
            };
            word.or_else(|| plan.children().into_iter().find_map(telling))
        }
        let word = telling(&self.plan);
        word.unwrap_or(if self.inputs.is_empty() { "read" } else { "gather" }).to_owned()
    }

    /// Its plan as text, for the digest and for people.
    pub(crate) fn text(&self) -> String {
        let plan = displayable(self.plan.as_ref()).indent(false);
        format!("{:?} {:?}\n{plan}", self.layout, self.inputs)
    }
}
