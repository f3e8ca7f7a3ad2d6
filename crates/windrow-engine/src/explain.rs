//! A plan as text: what will be done, how, and where each function runs and why.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use datafusion::physical_plan::displayable;
use windrow_functions::Function;

use crate::error::Result;
use crate::plan::{Dataset, Node};

impl Dataset {
    /// The logical plan, the optimized physical plan, and each function's verdict with its reasons.
    ///
    /// # Errors
    /// A plan that does not fit its data.
    pub async fn explain(&self) -> Result<String> {
        let plan = self.logical_plan().await?;
        let optimized = self.session().optimized(&plan)?;
        let physical = self.session().physical_plan(&plan).await?;
        let mut text = String::new();
        let _ = writeln!(text, "== Logical plan ==\n{}\n", plan.display_indent());
        let _ = writeln!(text, "== Optimized logical plan ==\n{}\n", optimized.display_indent());
        let physical = displayable(physical.as_ref()).indent(false).to_string();
        let _ = writeln!(text, "== Physical plan ==\n{}", physical.trim_end());
        let functions = self.functions();
        if !functions.is_empty() {
            let _ = writeln!(text, "\n== Functions ==");
        }
        for function in functions {
            let _ = writeln!(text, "{}", function.explain().trim_end());
        }
        Ok(text)
    }

    /// The user's functions in the plan, each once.
    #[must_use]
    pub fn functions(&self) -> Vec<Arc<Function>> {
        let mut applies = Vec::new();
        self.applies(&mut applies);
        let mut found: Vec<_> = applies.iter().map(|apply| Arc::clone(&apply.function)).collect();
        self.add_frame_functions(&mut found);
        let mut seen = HashSet::new();
        found.retain(|function: &Arc<Function>| seen.insert(function.id.clone()));
        found
    }

    fn add_frame_functions(&self, found: &mut Vec<Arc<Function>>) {
        for input in self.inputs() {
            input.add_frame_functions(found);
        }
        if let Node::MapPartitions { function, .. } = self.node() {
            found.push(Arc::clone(function));
        }
    }
}
