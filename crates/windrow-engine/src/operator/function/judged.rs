//! What compiling a function for columns of certain types has shown, and how it has run since.
//!
//! A verdict follows from the function and the types alone, so it is kept for the whole process:
//! planning, running and explaining look at the same one.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arrow::datatypes::{DataType, Field, Schema};
use windrow_functions::{FnSpec, Function, Program, Reason, Verdict, compile};

/// Verdicts that are kept; when there are more, all are forgotten.
const MOST: usize = 512;

/// A function judged for columns of certain types.
#[derive(Debug)]
pub struct Judged {
    reasons: Vec<Reason>,
    program: Option<Program>,
    /// The types that the program takes; a dictionary counts as its values.
    types: Vec<DataType>,
    pub(super) figures: Figures,
}

/// How a function has run in this process.
#[derive(Debug, Default)]
pub(super) struct Figures {
    rows: AtomicU64,
    nanos: AtomicU64,
    left: AtomicU64,
    left_nanos: AtomicU64,
    gave_up: AtomicBool,
}

/// Function, specification, and names and types of its columns.
type Key = (String, u64, Vec<(String, DataType)>);

static KNOWN: LazyLock<Mutex<HashMap<Key, Arc<Judged>>>> = LazyLock::new(Mutex::default);

impl Judged {
    /// The verdict on `function` for rows with the columns `row`, in the order of its arguments.
    #[must_use]
    pub fn of(function: &Function, row: &Schema) -> Arc<Self> {
        let mut hasher = DefaultHasher::new();
        function.spec.hash(&mut hasher);
        let columns = row.fields().iter();
        let columns = columns.map(|field| (field.name().clone(), field.data_type().clone()));
        let key = (function.id.clone(), hasher.finish(), columns.collect());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(judged) = known.get(&key) {
            return Arc::clone(judged);
        }
        if known.len() >= MOST {
            known.clear();
        }
        let judged = Arc::new(Self::judge(function, row));
        known.insert(key, Arc::clone(&judged));
        judged
    }

    /// A function that is called in the interpreter whatever it looks like.
    #[must_use]
    pub fn in_the_interpreter(why: &str) -> Self {
        let reason =
            Reason { line: None, column: None, snippet: String::new(), text: why.to_owned() };
        Self {
            reasons: vec![reason],
            program: None,
            types: Vec::new(),
            figures: Figures::default(),
        }
    }

    fn judge(function: &Function, row: &Schema) -> Self {
        let row = plain(row);
        let types = row.fields().iter().map(|field| field.data_type().clone()).collect();
        let figures = Figures::default();
        let program = match &function.spec {
            None => Err(function.reasons.clone()),
            Some(text) => match FnSpec::from_json(text) {
                Ok(spec) => compile(&spec, &row, function.nulls).map_err(|reason| vec![reason]),
                // Nested more deeply than is read.
                Err(error) => Err(Self::in_the_interpreter(&error.to_string()).reasons),
            },
        };
        match program {
            Ok(program) => Self {
                reasons: program.left_out().to_vec(),
                program: Some(program),
                types,
                figures,
            },
            Err(reasons) => Self { reasons, program: None, types, figures },
        }
    }

    /// How much of it runs natively.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.program.as_ref().map_or(Verdict::Python, Program::verdict)
    }

    pub(crate) fn program(&self) -> Option<&Program> {
        self.program.as_ref()
    }

    pub(crate) fn types(&self) -> &[DataType] {
        &self.types
    }

    /// `function`, which this is about, in words: first `native`, `partly native` or `python` in a
    /// line of its own; then what is not native and why, and when a row goes to the interpreter.
    #[must_use]
    pub fn explain(&self, function: &Function) -> String {
        let mut text = function.headline(self.verdict());
        // Writing to a String cannot fail.
        for reason in &self.reasons {
            let place = if self.program.is_some() { "in the interpreter: " } else { "" };
            let _ = write!(text, "\n  {place}{reason}");
        }
        let exits = self.program.as_ref().map_or(&[][..], Program::exits);
        let mut told = Vec::new();
        for exit in exits.iter().filter(|exit| !self.reasons.contains(&exit.reason)) {
            if !told.contains(&&exit.reason) {
                told.push(&exit.reason);
            }
        }
        if !told.is_empty() {
            text.push_str("\n  a row goes to the interpreter at");
        }
        for reason in told {
            let _ = write!(text, "\n    {reason}");
        }
        self.figures.explain(&mut text);
        text
    }
}

/// The columns as native code reads them: a dictionary is its values.
fn plain(row: &Schema) -> Schema {
    let fields = row.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Dictionary(_, values) => values.as_ref().clone(),
            other => other.clone(),
        };
        Field::new(field.name(), data_type, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

impl Figures {
    pub(super) fn ran(&self, rows: usize, left: usize, nanos: u64) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.left.fetch_add(left as u64, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(super) fn left_took(&self, nanos: u64) {
        self.left_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(super) fn gave_up(&self) {
        self.gave_up.store(true, Ordering::Relaxed);
    }

    #[allow(clippy::cast_precision_loss)]
    fn explain(&self, text: &mut String) {
        let [rows, nanos, left, left_nanos] =
            [&self.rows, &self.nanos, &self.left, &self.left_nanos]
                .map(|counter| counter.load(Ordering::Relaxed));
        if rows == 0 {
            return;
        }
        let each = nanos as f64 / rows as f64;
        let _ = write!(text, "\n  ran natively: {each:.1} ns a row over {}", grouped(rows));
        text.push_str(if rows == 1 { " row" } else { " rows" });
        if left > 0 {
            let share = 100.0 * left as f64 / rows as f64;
            let each = left_nanos as f64 / left as f64;
            let left = grouped(left);
            let _ = write!(text, "; {left} of them ({share:.2} %) went to the interpreter");
            if left_nanos > 0 {
                let _ = write!(text, " and took {each:.0} ns each");
            }
        }
        if self.gave_up.load(Ordering::Relaxed) {
            text.push_str("\n  too many rows left: the rest of a run went to the interpreter");
        }
    }
}

/// `5,000,000`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(5_123_456), "5,123,456");
    }
}
