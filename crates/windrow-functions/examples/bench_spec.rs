//! Measures a specification: nanoseconds a row over five million rows, the best of a few runs.
//!
//! `bench_spec spec.json rows.arrow [nan|none]`: the file is an Arrow IPC stream with the columns
//! of the function; its rows are repeated in batches of 8,192 until there are enough of them.
//! The answer is one line of JSON on standard output.

use std::io::Write;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::ipc::reader::StreamReader;
use windrow_functions::{FnSpec, Nulls, compile};

type AnyError = Box<dyn std::error::Error>;

const ROWS: usize = 5_000_000;
const BATCH: usize = 8_192;
const RUNS: usize = 5;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, spec, rows, rest @ ..] = arguments.as_slice() else {
        return Err("usage: bench_spec spec.json rows.arrow [nan|none]".into());
    };
    let nulls = match rest.first().map(String::as_str) {
        Some("none") => Nulls::None,
        _ => Nulls::Nan,
    };
    let spec = FnSpec::from_json(&std::fs::read_to_string(spec)?)?;
    let reader = StreamReader::try_new(std::fs::File::open(rows)?, None)?;
    let schema = reader.schema();
    let read: Vec<RecordBatch> = reader.collect::<Result<_, _>>()?;
    let all = concat_batches(&schema, &read)?;
    let batches: Vec<RecordBatch> = (0..all.num_rows())
        .step_by(BATCH)
        .map(|start| all.slice(start, BATCH.min(all.num_rows() - start)))
        .collect();
    let started = Instant::now();
    let program = compile(&spec, &schema, nulls).map_err(|reason| reason.to_string())?;
    let compile_micros = started.elapsed().as_secs_f64() * 1e6;
    let (mut best, mut left, mut count) = (f64::INFINITY, 0, 0);
    for _ in 0..RUNS {
        (left, count) = (0, 0);
        let started = Instant::now();
        for batch in batches.iter().cycle() {
            let outcome = program.run(batch, None).map_err(|reason| reason.to_string())?;
            left += outcome.left().len();
            count += batch.num_rows();
            if count >= ROWS {
                break;
            }
        }
        #[allow(clippy::cast_precision_loss)]
        let nanos = started.elapsed().as_secs_f64() * 1e9 / count as f64;
        best = best.min(nanos);
    }
    let answer = serde_json::json!({
        "verdict": program.verdict().as_str(),
        "ns_per_row": best,
        "compile_us": compile_micros,
        "rows": count,
        "left": left,
    });
    writeln!(std::io::stdout(), "{answer}")?;
    Ok(())
}
