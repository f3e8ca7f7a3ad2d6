//! Our rules beside DataFusion's.

mod build_side;
mod large_top_k;
mod row_order;

use std::sync::Arc;

use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

pub use build_side::BuildAggregatedSide;
pub use large_top_k::LargeTopK;
pub use row_order::KeepRowOrder;

/// DataFusion's physical rules with ours in their places.
#[must_use]
pub fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    // Sides are chosen before filters are pushed from the build side to the probe side.
    let place = rules.iter().position(|rule| rule.name() == "join_selection");
    rules.insert(place.map_or(0, |place| place + 1), Arc::new(BuildAggregatedSide));
    rules.push(Arc::new(LargeTopK));
    rules.push(Arc::new(KeepRowOrder));
    rules
}
