//! A plan as text: what will be done, how, and where each function runs and why.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use datafusion::physical_plan::displayable;
use windrow_functions::{Function, Verdict};

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
        let functions = self.explained();
        if !functions.is_empty() {
            let _ = writeln!(text, "\n== Functions ==");
        }
        for function in functions {
            let _ = writeln!(text, "{}", function.trim_end());
        }
        Ok(text)
    }

    /// What of each function is native and why the rest is not; each said once.
    fn explained(&self) -> Vec<String> {
        let mut applies = Vec::new();
        self.applies(&mut applies);
        let mut texts: Vec<_> = applies
            .iter()
            .map(|apply| match apply.judged.get() {
                Some(judged) => judged.explain(&apply.function),
                None => apply.function.explain(),
            })
            .collect();
        let mut frames = Vec::new();
        self.add_frame_functions(&mut frames);
        texts.extend(frames.iter().map(|function| function.explain()));
        let mut seen = HashSet::new();
        texts.retain(|text| seen.insert(text.clone()));
        texts
    }

    /// The user's functions in the plan, each once, with what is known of where they run.
    #[must_use]
    pub fn functions(&self) -> Vec<(Arc<Function>, Verdict)> {
        let mut applies = Vec::new();
        self.applies(&mut applies);
        let mut found: Vec<_> = applies
            .iter()
            .map(|apply| {
                let verdict = apply.judged.get().map_or(Verdict::Python, |judged| judged.verdict());
                (Arc::clone(&apply.function), verdict)
            })
            .collect();
        let mut frames = Vec::new();
        self.add_frame_functions(&mut frames);
        found.extend(frames.into_iter().map(|function| (function, Verdict::Python)));
        let mut seen = HashSet::new();
        found.retain(|(function, _)| seen.insert(function.id.clone()));
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
