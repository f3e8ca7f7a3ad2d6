//! The JSON of a program.

use serde::{Deserialize, Serialize};
use windrow_functions::Function;

use crate::source::FileSource;

/// All of a program but its blobs. Things refer to one another by their places in these lists.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) functions: Vec<FunctionCode>,
    pub(super) uses: Vec<UseCode>,
    /// Each step comes after what it reads; the last one is the dataset.
    pub(super) steps: Vec<StepCode>,
    /// The lengths of the blobs.
    pub(super) blobs: Vec<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FunctionCode {
    pub(super) function: Function,
    /// The blob of its pickle.
    pub(super) pickled: usize,
}

/// One use of a row function; its place is its identity.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UseCode {
    pub(super) function: usize,
    pub(super) args: Vec<ExprCode>,
    pub(super) names: Vec<String>,
    /// The type of its results, found before it travels.
    pub(super) result: String,
    pub(super) nanos_a_row: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExprCode {
    Column(String),
    Literal(String),
    Binary(String, Box<ExprCode>, Box<ExprCode>),
    Unary(String, Box<ExprCode>),
    Cast(Box<ExprCode>, String),
    Call(String, Vec<ExprCode>),
    Aggregate(String, Box<ExprCode>),
    Apply(usize),
    Subquery(usize),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeyCode {
    pub(super) expr: ExprCode,
    pub(super) descending: bool,
    pub(super) missing_last: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FilePin {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) rows: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepCode {
    Files {
        name: String,
        source: Box<FileSource>,
        partitions: usize,
        schema: String,
        files: Vec<FilePin>,
    },
    Rows {
        name: String,
        /// The blob of each partition: an IPC stream.
        partitions: Vec<usize>,
        divisions: Option<Vec<i64>>,
    },
    Select {
        input: usize,
        columns: Vec<(String, ExprCode)>,
    },
    Filter {
        input: usize,
        predicate: ExprCode,
    },
    Aggregate {
        input: usize,
        keys: Vec<(String, ExprCode)>,
        aggregates: Vec<(String, ExprCode)>,
    },
    Sort {
        input: usize,
        keys: Vec<KeyCode>,
    },
    Limit {
        input: usize,
        skip: usize,
        count: usize,
    },
    Distinct {
        input: usize,
    },
    Join {
        left: usize,
        right: usize,
        kind: String,
        left_on: Vec<String>,
        right_on: Vec<String>,
        suffixes: (String, String),
        indicator: Option<String>,
    },
    Union {
        inputs: Vec<usize>,
    },
    MapPartitions {
        input: usize,
        function: usize,
        schema: String,
        /// How many first columns are the keys of groups, and whether missing keys are keys; `None`:
        /// the function is of partitions.
        groups: Option<(usize, bool)>,
    },
    Repartition {
        input: usize,
        partitions: usize,
    },
    Sql {
        inputs: Vec<(String, usize)>,
        query: String,
    },
}
