//! Any text as a specification: reading, compiling and running it must not panic.
#![no_main]

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use libfuzzer_sys::fuzz_target;
use windrow_functions::{FnSpec, Nulls, compile};

fn column(kind: usize) -> ArrayRef {
    match kind % 4 {
        0 => Arc::new(StringArray::from(vec![Some("a,b"), None, Some("12"), Some("é")])),
        1 => Arc::new(Int64Array::from(vec![Some(0), None, Some(i64::MAX), Some(-7)])),
        2 => Arc::new(Float64Array::from(vec![Some(0.5), None, Some(f64::NAN), Some(-0.0)])),
        _ => Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])),
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(spec) = FnSpec::from_json(text) else { return };
    if spec.params.len() > 8 {
        return;
    }
    for shift in 0..4 {
        let columns: Vec<(String, ArrayRef)> =
            (0..spec.params.len()).map(|at| (format!("c{at}"), column(at + shift))).collect();
        let Ok(batch) = RecordBatch::try_from_iter(columns) else { return };
        for nulls in [Nulls::Nan, Nulls::None] {
            if let Ok(program) = compile(&spec, &batch.schema(), nulls) {
                let _ = program.explain();
                let _ = program.run(&batch, None);
            }
        }
    }
});
