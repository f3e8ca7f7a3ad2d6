//! Running the row interpreter over the rows of a batch that the machine has not answered.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use bumpalo::Bump;

use crate::Nulls;
use crate::ir::Exit;
use crate::machine::UNKNOWN_EXIT;
use crate::nested::Nested;
use crate::result::{Cell, Collected};
use crate::row::{Answer, LIMIT, Reader, Runner, Tree, Trouble, Val};

/// How many rows share an arena for what they make, and how many bytes of it.
const CHUNK: usize = 512;
const CHUNK_BYTES: usize = 16 << 20;

/// The exits of a run, those of the machine first.
pub(crate) struct Exits {
    all: Vec<Exit>,
    known: HashMap<(u32, Trouble), u8>,
}

impl Exits {
    pub(crate) fn new(machine: &[Exit]) -> Self {
        Self { all: machine.to_vec(), known: HashMap::new() }
    }

    /// Whether the row interpreter could find out more about a row than the exit it has taken.
    fn is_open(&self, exit: u8) -> bool {
        let found = usize::from(exit).checked_sub(1).and_then(|at| self.all.get(at));
        !found.is_some_and(|exit| exit.raises.is_some() || exit.is_final)
    }

    fn of(&mut self, tree: &Tree, place: u32, trouble: Trouble) -> u8 {
        if let Some(code) = self.known.get(&(place, trouble)) {
            return *code;
        }
        let code = match u8::try_from(self.all.len() + 1) {
            Ok(code) if code < UNKNOWN_EXIT => {
                self.all.push(tree.exit(place, trouble));
                code
            }
            _ => UNKNOWN_EXIT,
        };
        self.known.insert((place, trouble), code);
        code
    }

    pub(crate) fn into_reasons(self) -> Arc<[Exit]> {
        self.all.into()
    }
}

/// Answers the rows that are pending: all of them, or those that have left the machine.
pub(crate) fn run<'a>(
    tree: &Tree,
    readers: &[Reader<'_>],
    collected: &mut Collected<'a>,
    exits: &mut Exits,
    (rows, kept): (&[usize], &'a Bump),
) {
    let (mut arena, mut limit) = (Bump::new(), LIMIT);
    let mut rest = rows;
    while !rest.is_empty() {
        let keep = &mut |row, answer: Answer<'_>| match answer {
            Answer::Value(value) => collected.set(row, cell(&value, kept)),
            Answer::Trouble(place, trouble) => {
                let exit = exits.of(tree, place, trouble);
                collected.leave_by(row, exit);
            }
        };
        let done;
        (done, limit) = run_chunk(tree, readers, (&arena, limit), rest, keep);
        rest = rest.get(done..).unwrap_or(&[]);
        arena.reset();
        if arena.allocated_bytes() > CHUNK_BYTES {
            arena = Bump::new();
        }
    }
}

/// The rows for the row interpreter, given that the machine has run (or not).
pub(crate) fn pending(
    collected: &Collected<'_>,
    exits: &Exits,
    rows: usize,
    ran: bool,
) -> Vec<usize> {
    if !ran {
        return (0..rows).collect();
    }
    let mut is_open = [false; 256];
    for (code, is_open) in (0..=u8::MAX).zip(&mut is_open) {
        *is_open = exits.is_open(code);
    }
    left(collected.exits(), |exit| is_open[usize::from(exit)])
}

/// The rows that have left by an exit for which `counts` holds.
pub(crate) fn left(exits: &[u8], counts: impl Fn(u8) -> bool) -> Vec<usize> {
    let mut rows = Vec::new();
    // Most rows have not: eight are passed over at once.
    for (place, eight) in exits.chunks(8).enumerate() {
        if eight == [0; 8] {
            continue;
        }
        for (lane, &exit) in eight.iter().enumerate() {
            if exit != 0 && counts(exit) {
                rows.push(8 * place + lane);
            }
        }
    }
    rows
}

/// Runs the first rows, which may have `limit` loops and calls; how many these were, and how many
/// loops and calls the next may have.
fn run_chunk<'s>(
    tree: &'s Tree,
    readers: &'s [Reader<'s>],
    (arena, limit): (&'s Bump, u64),
    rows: &[usize],
    keep: &mut dyn FnMut(usize, Answer<'s>),
) -> (usize, u64) {
    let mut done = 0;
    let mut runner = Runner::new(tree, arena, limit);
    let mut params = Vec::with_capacity(readers.len());
    for &row in rows.iter().take(CHUNK) {
        params.clear();
        let mut unread = None;
        for reader in readers {
            match reader.get(row) {
                Ok(value) => params.push(value),
                Err(trouble) => unread = Some(trouble),
            }
        }
        let answer = match unread {
            Some(trouble) => Answer::Trouble(0, trouble),
            None => runner.run(params.iter().copied()),
        };
        keep(row, answer);
        done += 1;
        if arena.allocated_bytes() > CHUNK_BYTES {
            break;
        }
    }
    (done, runner.limit())
}

/// An answer with its texts in `kept`.
fn cell<'a>(value: &Val<'_>, kept: &'a Bump) -> Cell<'a> {
    match value {
        Val::None => Cell::None,
        Val::Bool(value) => Cell::Bool(*value),
        Val::Int(value) => Cell::Int(*value),
        Val::Float(value) => Cell::Float(*value),
        Val::Str(text) => Cell::Str(kept.alloc_str(text)),
        Val::Date(days) => Cell::Date(*days),
        Val::DateTime(micros) => Cell::DateTime(*micros),
        other => Cell::Other(nested(other)),
    }
}

fn nested(value: &Val<'_>) -> Nested {
    match value {
        Val::None => Nested::None,
        Val::Bool(value) => Nested::Bool(*value),
        Val::Int(value) => Nested::Int(*value),
        Val::Float(value) => Nested::Float(*value),
        Val::Str(text) => Nested::Str((*text).to_owned()),
        Val::Date(days) => Nested::Date(*days),
        Val::DateTime(micros) => Nested::DateTime(*micros),
        Val::Delta(micros) => Nested::Delta(*micros),
        Val::Tuple(items) => Nested::List(items.iter().map(nested).collect()),
        Val::List(cells) => {
            Nested::List(cells.with(|items| items.to_vec()).iter().map(nested).collect())
        }
        Val::Frozen(frozen) if frozen.is_list() => {
            Nested::List(frozen.items.iter().map(|item| nested(&item.val())).collect())
        }
        Val::Dict(pairs) => {
            let mut items = Vec::new();
            for (key, value) in pairs.with(|pairs| pairs.to_vec()) {
                let Val::Str(key) = key else { return Nested::Unfit };
                items.push((key.to_owned(), nested(&value)));
            }
            Nested::Struct(items)
        }
        _ => Nested::Unfit,
    }
}

/// The batch with its dictionaries replaced by what they stand for.
pub(crate) fn unpacked(batch: &RecordBatch) -> Option<Vec<ArrayRef>> {
    batch
        .columns()
        .iter()
        .map(|column| match column.as_any_dictionary_opt() {
            None => Some(Arc::clone(column)),
            Some(dictionary) => {
                arrow::compute::take(dictionary.values(), dictionary.keys(), None).ok()
            }
        })
        .collect()
}

/// A reader for each column; None if a column is of a type that is not read.
pub(crate) fn readers(columns: &[ArrayRef], nulls: Nulls) -> Option<Vec<Reader<'_>>> {
    columns.iter().map(|column| Reader::new(column, nulls)).collect()
}
