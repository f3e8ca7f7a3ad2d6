//! CSV files: pandas' options, types by sample, exact values, and cutting at record borders.

mod convert;
mod decoder;
mod header;
mod infer;
mod missing;
mod options;
mod parse;
mod split;
mod tokenize;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use object_store::path::Path;
use tokio::sync::OnceCell;

pub(crate) use options::compression;
pub use options::{
    BadLines, ColumnRef, CsvOptions, Encoding, EncodingErrors, Header, NaList, NaValue, NaValues,
};

use convert::{Column, Values};
use decoder::{CsvDecoder, Layout};
use header::{Head, Selected};
use infer::Sample;
use missing::Missing;
use parse::Kind;
use split::{State, Transfer, first_record};
use tokenize::Dialect;

use super::bytes::StoredFile;
use super::fault::ReadError;
use super::scan::{Bounds, RowDecoder, RowFormat};

/// At most this many files are sampled for types; the headers of the others are checked when they are read.
const SAMPLED_FILES: usize = 8;

/// Some files of one layout.
#[derive(Debug)]
pub(crate) struct CsvFormat {
    options: CsvOptions,
    layout: Arc<Layout>,
    /// The file whose header the others must have.
    first: Arc<str>,
    names: Vec<String>,
    states: HashMap<Path, FileState>,
}

/// What is found out about a file while it is read, shared by the partitions that read it.
#[derive(Debug, Default)]
struct FileState {
    head: OnceCell<Head>,
    /// Where the file is cut, and what the bytes from one cut to the next do to the quoting state.
    cuts: Vec<u64>,
    transfers: Vec<OnceCell<Transfer>>,
}

/// Reads what the schema needs of `files`.
pub(crate) async fn open(
    options: &CsvOptions,
    files: &[StoredFile],
) -> Result<(CsvFormat, SchemaRef), ReadError> {
    let dialect = Dialect::new(options);
    let first = &files[0];
    let head = header::read(first, options, &dialect).await?;
    let names = header::names(&head, options, &first.file.name)?;
    let selected = header::select(&names, options)?;
    let mut sample = Sample::new(options, &dialect, &names);
    let step = files.len().div_ceil(SAMPLED_FILES).max(1);
    let mut sampled: Vec<usize> = (0..files.len()).step_by(step).collect();
    if options.nrows.is_none() && sampled.last() != Some(&(files.len() - 1)) {
        sampled.push(files.len() - 1);
    }
    for number in sampled {
        let file = &files[number];
        let head =
            if number == 0 { head.clone() } else { header::read(file, options, &dialect).await? };
        same_header(
            &names,
            &first.file.name,
            &header::names(&head, options, &file.file.name)?,
            file,
        )?;
        sample.add(file, &head).await?;
        if options.nrows.is_some() {
            break;
        }
    }
    let columns = columns(options, &names, selected, &sample)?;
    let schema = Arc::new(Schema::new(
        columns.iter().map(|column| Arc::clone(&column.field)).collect::<Vec<_>>(),
    ));
    let layout = Layout {
        values: Values::new(options),
        width: names.len(),
        bad_lines: options.on_bad_lines,
        columns,
        dialect: dialect.clone(),
    };
    let format = CsvFormat {
        options: options.clone(),
        layout: Arc::new(layout),
        first: Arc::clone(&first.file.name),
        names,
        states: HashMap::new(),
    };
    Ok((format, schema))
}

fn same_header(
    names: &[String],
    first: &str,
    other: &[String],
    file: &StoredFile,
) -> Result<(), ReadError> {
    if names == other {
        return Ok(());
    }
    let name = &file.file.name;
    let list = |names: &[String]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    Err(ReadError::data(format!(
        "the files have different columns: `{first}` has {}, but `{name}` has {}",
        list(names),
        list(other)
    ))
    .hint(
        "read them one by one and join them with `concat`, or choose files of one kind by a glob",
    ))
}

/// The columns to read, with their types: declared, dates, or as sampled.
fn columns(
    options: &CsvOptions,
    names: &[String],
    selected: Vec<Selected>,
    sample: &Sample<'_>,
) -> Result<Vec<Column>, ReadError> {
    let known = |name: &str| names.iter().any(|known| known == name);
    for (option, used) in [
        ("dtype", options.dtype.names().collect::<Vec<_>>()),
        ("na_values", options.na_values.names()),
    ] {
        if let Some(name) = used.into_iter().find(|name| !known(name)) {
            return Err(header::unknown(name, names.iter().map(String::as_str), option));
        }
    }
    let dates = header::positions(&options.parse_dates, names, "parse_dates")?;
    let column = |Selected { position, name }: Selected| {
        let declared = options.dtype.of(&name).cloned();
        let inferred = declared.is_none() && !dates.contains(&position);
        let data_type = match declared {
            Some(declared) => declared,
            None if dates.contains(&position) => DataType::Timestamp(TimeUnit::Microsecond, None),
            None => data_type(sample.kinds[position]),
        };
        let missing = Missing::new(options, &name);
        Column { position, field: Arc::new(Field::new(name, data_type, true)), missing, inferred }
    };
    Ok(selected.into_iter().map(column).collect())
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Bool => DataType::Boolean,
        Kind::Int => DataType::Int64,
        Kind::UInt => DataType::UInt64,
        Kind::Float | Kind::Missing => DataType::Float64,
        Kind::Text => DataType::Utf8,
    }
}

impl CsvFormat {
    /// Whether `file` may be read in pieces: its bytes must be here (finding borders reads them twice), and quotes alone
    /// must tell where records start.
    pub(crate) fn divisible(&self, file: &StoredFile) -> bool {
        let unquoted = self.layout.dialect.quote.is_none();
        file.file.is_plain()
            && self.layout.dialect.divisible()
            && (file.file.local.is_some() || unquoted)
    }

    /// Says where files will be cut, so that partitions share the work of finding borders.
    pub(crate) fn set_cuts(&mut self, cuts: HashMap<Path, Vec<u64>>) {
        self.states = cuts
            .into_iter()
            .map(|(path, cuts)| {
                let transfers = cuts.iter().map(|_| OnceCell::new()).collect();
                (path, FileState { head: OnceCell::new(), cuts, transfers })
            })
            .collect();
    }

    async fn head(&self, file: &StoredFile, state: Option<&FileState>) -> Result<Head, ReadError> {
        let read = async || {
            let head = header::read(file, &self.options, &self.layout.dialect).await?;
            let names = header::names(&head, &self.options, &file.file.name)?;
            same_header(&self.names, &self.first, &names, file)?;
            Ok(head)
        };
        match state {
            Some(state) => state.head.get_or_try_init(read).await.cloned(),
            None => read().await,
        }
    }

    /// The first record that starts at or after `offset`.
    async fn border(&self, file: &StoredFile, offset: u64, body: u64) -> Result<u64, ReadError> {
        let size = file.file.meta.size;
        if offset <= body || offset >= size {
            return Ok(offset.clamp(body, size.max(body)));
        }
        let mut state = self.state_at(file, offset, body).await?;
        let mut before = file.range(offset - 1..offset).await?.first().copied().unwrap_or(b'\n');
        let mut at = offset;
        let mut window = 4 * 1024;
        while at < size {
            let bytes = file.range(at..(at + window).min(size)).await?;
            let Some(last) = bytes.last() else { break };
            match first_record(&self.layout.dialect, before, &bytes, state) {
                Ok(found) => return Ok(at + found as u64),
                Err(end) => state = end,
            }
            before = *last;
            at += bytes.len() as u64;
            window = (window * 4).min(8 << 20);
        }
        Ok(size)
    }

    /// The quoting state at `offset`.
    async fn state_at(
        &self,
        file: &StoredFile,
        offset: u64,
        body: u64,
    ) -> Result<State, ReadError> {
        if self.layout.dialect.quote.is_none() {
            return Ok(State::Unquoted);
        }
        let mut state = State::Unquoted;
        let mut at = body;
        if let Some(shared) = self.states.get(&file.file.meta.location) {
            for (cut, transfer) in shared.cuts.iter().zip(&shared.transfers) {
                if *cut > offset {
                    break;
                }
                if *cut <= body {
                    continue;
                }
                let from = at;
                let transfer =
                    transfer.get_or_try_init(|| self.transfer(file, from..*cut, body)).await?;
                state = transfer.apply(state);
                at = *cut;
            }
        }
        if at < offset {
            state = self.transfer(file, at..offset, body).await?.apply(state);
        }
        Ok(state)
    }

    async fn transfer(
        &self,
        file: &StoredFile,
        range: Range<u64>,
        body: u64,
    ) -> Result<Transfer, ReadError> {
        let mut transfer = Transfer::IDENTITY;
        let mut before = b'\n';
        let mut start = range.start;
        if start > body {
            start -= 1;
        }
        let mut skip = (range.start - start) as usize;
        let mut stream = file.open(start..range.end).await?;
        while let Some(chunk) = stream.next().await? {
            if skip == 1 {
                before = chunk.first().copied().unwrap_or(before);
            }
            transfer.extend(&self.layout.dialect, before, &chunk[skip.min(chunk.len())..]);
            skip = 0;
            before = chunk.last().copied().unwrap_or(before);
        }
        Ok(transfer)
    }
}

#[async_trait]
impl RowFormat for CsvFormat {
    fn name(&self) -> &'static str {
        "csv"
    }

    async fn bounds(&self, file: &StoredFile, range: Range<u64>) -> Result<Bounds, ReadError> {
        let state = self.states.get(&file.file.meta.location);
        let Head { body, lines, .. } = self.head(file, state).await?;
        let range = if file.file.is_plain() {
            self.border(file, range.start, body).await?..self.border(file, range.end, body).await?
        } else {
            body..u64::MAX
        };
        Ok(Bounds { range, body, header_lines: lines })
    }

    fn decoder(
        &self,
        projection: &[usize],
        batch_size: usize,
    ) -> datafusion::error::Result<Box<dyn RowDecoder>> {
        Ok(Box::new(CsvDecoder::new(Arc::clone(&self.layout), projection, batch_size)))
    }
}
