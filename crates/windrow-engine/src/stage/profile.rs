//! How plans are made that will be cut: without what partitions of one process tell each other.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;

use super::SafeJoins;

/// Sets what a plan needs to be cut. The options hold for planning and in every task.
pub(crate) fn set_options(options: &mut ConfigOptions) {
    // Partitions of a scan would share one queue of files: a task alone would read all of them.
    options.execution.enable_file_stream_work_stealing = false;
    let optimizer = &mut options.optimizer;
    // Filters found while running come from partitions that are elsewhere; joins would wait for all
    // of them.
    optimizer.enable_dynamic_filter_pushdown = false;
    optimizer.enable_join_dynamic_filter_pushdown = false;
    optimizer.enable_topk_dynamic_filter_pushdown = false;
    optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    // The value of a subquery would be kept in a node above the cut.
    optimizer.enable_physical_uncorrelated_scalar_subquery = false;
    // An exchange that keeps its input's order needs to merge while it distributes.
    optimizer.prefer_existing_sort = false;
}

/// The engine's physical rules, and the one that makes joins safe to cut before the distribution
/// that they ask for is made.
pub(crate) fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = crate::optimize::physical_rules();
    let place = rules.iter().position(|rule| {
        let name = rule.name();
        name.eq_ignore_ascii_case("EnforceDistribution")
            || name.eq_ignore_ascii_case("EnsureRequirements")
    });
    let joins = rules.iter().position(|rule| rule.name() == "build_aggregated_side");
    let place = place.or(joins.map(|place| place + 1)).unwrap_or(rules.len());
    rules.insert(place, Arc::new(SafeJoins));
    rules
}

#[cfg(test)]
mod tests {
    use super::physical_rules;

    #[test]
    fn joins_are_made_safe_before_rows_are_distributed() {
        let names: Vec<String> =
            physical_rules().iter().map(|rule| rule.name().to_owned()).collect();
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let distribution = names.iter().position(|name| {
            ["enforcedistribution", "ensurerequirements"].contains(&name.to_lowercase().as_str())
        });
        assert!(distribution.is_some(), "{names:?}");
        assert!(place("safe_joins") < distribution, "{names:?}");
        assert!(place("join_selection") < place("safe_joins"), "{names:?}");
    }
}
