//! Runs specifications over Arrow batches for another process: what the differential tests,
//! which live in Python, talk to. Frames on standard input and output are a length of four
//! bytes (little-endian) and as many bytes.
//!
//! A request is a JSON frame `{"spec": ..., "nulls": "nan" | "none", "brief": false}` and a frame with an Arrow
//! IPC stream of one batch. The answer is a JSON frame and, if that has no `refused`, an IPC
//! stream with the columns `value` and `exit`.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt8Array};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use windrow_functions::{FnSpec, Nulls, compile};

type AnyError = Box<dyn std::error::Error>;

#[derive(serde::Deserialize)]
struct Request {
    spec: String,
    nulls: Nulls,
    /// Without a reason for each row that left: for millions of rows.
    #[serde(default)]
    brief: bool,
}

fn main() -> Result<(), AnyError> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    while let Some(header) = read_frame(&mut input)? {
        let Some(body) = read_frame(&mut input)? else { break };
        let (answer, batch) = serve(&header, &body)?;
        write_frame(&mut output, answer.to_string().as_bytes())?;
        if let Some(batch) = batch {
            let mut bytes = Vec::new();
            let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema())?;
            writer.write(&batch)?;
            writer.finish()?;
            drop(writer);
            write_frame(&mut output, &bytes)?;
        }
        output.flush()?;
    }
    Ok(())
}

fn serve(header: &[u8], body: &[u8]) -> Result<(serde_json::Value, Option<RecordBatch>), AnyError> {
    let request: Request = serde_json::from_slice(header)?;
    let spec = FnSpec::from_json(&request.spec)?;
    let mut reader = StreamReader::try_new(body, None)?;
    let batch = reader.next().ok_or("no batch")??;
    let started = std::time::Instant::now();
    let program = match compile(&spec, &batch.schema(), request.nulls) {
        Ok(program) => program,
        Err(reason) => return Ok((serde_json::json!({ "refused": reason.to_string() }), None)),
    };
    let compiled = started.elapsed();
    let started = std::time::Instant::now();
    let outcome = program.run(&batch, None).map_err(|reason| reason.to_string())?;
    let ran = started.elapsed();
    let exits = outcome.exits.clone().unwrap_or_else(|| vec![0; batch.num_rows()]);
    let told = if request.brief { 0 } else { batch.num_rows() };
    let reasons: Vec<_> = (0..told)
        .map(|row| outcome.reason(row).map(|exit| (exit.raises, exit.reason.to_string())))
        .collect();
    let columns: Vec<(&str, ArrayRef)> =
        vec![("value", outcome.values), ("exit", Arc::new(UInt8Array::from(exits)))];
    let answer = serde_json::json!({
        "verdict": program.verdict().as_str(),
        "left_out": program.left_out(),
        "reasons": reasons,
        "compile_nanos": u64::try_from(compiled.as_nanos())?,
        "run_nanos": u64::try_from(ran.as_nanos())?,
    });
    Ok((
        answer,
        Some(RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, array)| (name, array, true)),
        )?),
    ))
}

fn read_frame(input: &mut impl Read) -> Result<Option<Vec<u8>>, AnyError> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let mut bytes = vec![0; usize::try_from(u32::from_le_bytes(length))?];
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

fn write_frame(output: &mut impl Write, bytes: &[u8]) -> Result<(), AnyError> {
    output.write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
    output.write_all(bytes)?;
    Ok(())
}
