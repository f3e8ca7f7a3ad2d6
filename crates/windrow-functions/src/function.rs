//! What a Python function is to the engine: how it is called, with what, and where it runs.

use serde::{Deserialize, Serialize};

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallForm {
    /// One argument per column: a lifted row function, or the function of `Series.map`.
    Positional,
    /// One row object over all columns.
    Row,
    /// A pandas `DataFrame` in; a `DataFrame`, `Series` or array out (`map_partitions`).
    Batch,
}

/// What a missing value looks like to the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// A float NaN, whatever the column type: what pandas gives.
    #[default]
    Nan,
    /// `None`.
    None,
}

/// How much of a function runs natively.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All of it.
    Native,
    /// Some of it; the rest runs in the interpreter.
    PartlyNative,
    /// None of it: the interpreter runs it.
    #[default]
    Python,
}

/// Why a piece of a function runs in the interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reason {
    /// Line in the file of the function, counted from 1.
    pub line: Option<u32>,
    /// Character in that line, counted from 1.
    pub column: Option<u32>,
    /// The source text that the reason is about.
    pub snippet: String,
    /// The reason, in words for the user.
    pub text: String,
}

/// A Python function in a plan, as `windrow.functions.describe` made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Hexadecimal content hash over the pickled callable, the call form, the columns and the nulls.
    pub id: String,
    /// The name that the user gave it, or `<lambda>`.
    pub name: String,
    /// The file of its source.
    pub file: Option<String>,
    /// The first line of its source.
    pub line: Option<u32>,
    /// How it is called.
    pub call: CallForm,
    /// Positional: the columns in argument order. Row and batch: `None` means all columns, in order.
    pub columns: Option<Vec<String>>,
    /// What a missing value looks like to it.
    #[serde(default)]
    pub nulls: Nulls,
    /// The pickled callable that a worker must call (lifted already for [`CallForm::Positional`]).
    #[serde(skip)]
    pub pickled: Vec<u8>,
    /// The function as data ([`crate::FnSpec`] in JSON), from which native code is made; absent
    /// where the interpreter has to run it.
    #[serde(default)]
    pub spec: Option<String>,
    /// How much of it runs natively, once that was found out for columns of certain types.
    #[serde(default)]
    pub verdict: Verdict,
    /// Why the rest does not.
    #[serde(default)]
    pub reasons: Vec<Reason>,
}

/// The description of a function could not be read; a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error(
    "the description of a function cannot be read: {0}\nhint: this is a bug in windrow; the Python package and the native module may be of different versions"
)]
pub struct DescriptionError(#[from] serde_json::Error);

impl Function {
    /// Reads what `Description.to_json` wrote; `pickled` travels beside it.
    ///
    /// # Errors
    /// If `json` is not such a description.
    pub fn from_json(json: &str, pickled: Vec<u8>) -> Result<Self, DescriptionError> {
        let mut function: Self = serde_json::from_str(json)?;
        function.pickled = pickled;
        Ok(function)
    }
}
