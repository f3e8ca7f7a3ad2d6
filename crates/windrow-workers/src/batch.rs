//! Row calls and their answers as frames: Arrow IPC streams beside a line of JSON.

use std::io;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamEncoder;
use serde::{Deserialize, Serialize};
use windrow_functions::{CallForm, Function, Nulls};

use crate::failure::Failure;
use crate::host::{RowCall, RowReply};
use crate::wire::shared::SlabPool;
use crate::wire::socket::Body;

/// Name of the column that carries the result type of a row call, and the results.
pub const VALUE: &str = "value";

/// A function as a worker gets it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Definition {
    /// The user's name for it.
    pub name: String,
    /// How it is called over rows.
    pub call: CallForm,
    /// Names of the columns of a row, where the function fixes them.
    pub columns: Option<Vec<String>>,
    /// What a missing value looks like to it.
    pub nulls: Nulls,
}

/// What a worker says of itself when it is ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HelloHead {
    /// Its process.
    pub pid: u32,
}

/// What goes with the rows of a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RowsHead {
    /// Ordinal of the first row in its partition.
    pub first_row: u64,
}

/// What goes with the values of an answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ValuesHead {
    /// Time inside the user's function, in nanoseconds.
    pub nanos: u64,
}

impl Definition {
    /// What a worker needs to know of `function`.
    pub fn of(function: &Function) -> Self {
        Self {
            name: function.name.clone(),
            call: function.call,
            columns: function.columns.clone(),
            nulls: function.nulls,
        }
    }

    /// The body of the frame that defines it.
    pub fn body(&self, pickled: &[u8], slabs: &Arc<SlabPool>) -> io::Result<Body> {
        let head = serde_json::to_vec(self)?;
        Body::new(&[vec![&head], vec![pickled]], slabs)
    }
}

/// The body of a row call's frame.
pub fn encode_call(call: &RowCall, slabs: &Arc<SlabPool>) -> io::Result<Body> {
    let head = serde_json::to_vec(&RowsHead { first_row: call.first_row })?;
    let result = call.result.as_ref().map(encode_type).transpose().map_err(io::Error::other)?;
    let result = result.unwrap_or_default();
    let rows = encode_batch(&call.batch).map_err(io::Error::other)?;
    Body::new(&[vec![&head], slices(&result), slices(&rows)], slabs)
}

/// The rows of a call and the type of its result, out of the buffers of its frame.
pub fn decode_call(buffers: &[Buffer]) -> Result<RowsCall, Failure> {
    let [head, result, rows] = buffers else { return Err(broken("a call of rows")) };
    let head: RowsHead = serde_json::from_slice(head).map_err(|_| broken("a call of rows"))?;
    let result = if result.is_empty() { None } else { Some(decode_type(result)?) };
    let batch = decode_batch(rows)?;
    Ok(RowsCall { batch, result, first_row: head.first_row })
}

/// A row call as the worker sees it.
#[derive(Debug)]
pub struct RowsCall {
    /// The rows.
    pub batch: RecordBatch,
    /// The type of the result; `None` to infer it.
    pub result: Option<DataType>,
    /// Ordinal of the first row in its partition.
    pub first_row: u64,
}

/// The body of the answer to a row call.
pub fn encode_reply(reply: &RowReply, slabs: &Arc<SlabPool>) -> io::Result<Body> {
    let head = serde_json::to_vec(&ValuesHead { nanos: reply.nanos })?;
    let values = encode_batch(&reply.values).map_err(io::Error::other)?;
    Body::new(&[vec![&head], slices(&values)], slabs)
}

/// The answer to a row call, out of the buffers of its frame.
pub fn decode_reply(buffers: &[Buffer]) -> Result<RowReply, Failure> {
    let [head, values] = buffers else { return Err(broken("an answer")) };
    let head: ValuesHead = serde_json::from_slice(head).map_err(|_| broken("an answer"))?;
    Ok(RowReply { values: decode_batch(values)?, nanos: head.nanos })
}

fn encode_type(data_type: &DataType) -> Result<Vec<Buffer>, ArrowError> {
    let schema = Schema::new(vec![Field::new(VALUE, data_type.clone(), true)]);
    StreamEncoder::try_new(&schema)?.finish()
}

fn decode_type(bytes: &Buffer) -> Result<DataType, Failure> {
    let mut decoder = StreamDecoder::new();
    decoder.decode(&mut bytes.clone()).map_err(|error| undecodable(&error))?;
    let schema = decoder.schema().ok_or_else(|| broken("a result type"))?;
    Ok(schema.field(0).data_type().clone())
}

fn encode_batch(batch: &RecordBatch) -> Result<Vec<Buffer>, ArrowError> {
    let mut encoder = StreamEncoder::try_new(&batch.schema())?;
    let mut buffers = encoder.encode(batch)?;
    // The end marker also makes the decoder finish a batch whose body is empty.
    buffers.extend(encoder.finish()?);
    Ok(buffers)
}

fn decode_batch(bytes: &Buffer) -> Result<RecordBatch, Failure> {
    let mut decoder = StreamDecoder::new();
    let batch = decoder.decode(&mut bytes.clone()).map_err(|error| undecodable(&error))?;
    batch.ok_or_else(|| broken("a batch of rows"))
}

fn slices(buffers: &[Buffer]) -> Vec<&[u8]> {
    buffers.iter().map(Buffer::as_slice).collect()
}

fn broken(what: &str) -> Failure {
    Failure::Worker(format!("worker protocol broken: {what} is incomplete"))
}

fn undecodable(error: &ArrowError) -> Failure {
    Failure::Worker(format!("worker protocol broken: {error}"))
}
