//! Calls on pickled arguments: one call, or the items of a chunk.

use std::sync::Arc;
use std::time::Instant;

use arrow::buffer::Buffer;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use serde::{Deserialize, Serialize};
use windrow_workers::wire::shared::SlabPool;
use windrow_workers::wire::socket::{Body, Frame};
use windrow_workers::wire::status::StatusPage;
use windrow_workers::{Failure, RaisedException};

use super::{SharedBytes, pickled};
use crate::rows::failure::{raised, short_repr};

/// How the arguments of a call are to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// `(args, kwargs)`: one call.
    Apply,
    /// A list of items: a call with each.
    Map,
    /// A list of tuples: a call with each as arguments.
    Starmap,
}

/// What goes with the arguments of a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CallHead {
    pub(crate) mode: Mode,
    /// Go on after an item that raised.
    pub(crate) collect: bool,
    /// The function is `async def`.
    pub(crate) is_async: bool,
    /// Most coroutines at once, when the function is `async def`.
    pub(crate) concurrency: usize,
    /// How long one item of an `async def` function may take, in seconds.
    pub(crate) timeout: Option<f64>,
}

/// What goes with the results of a call.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ResultsHead {
    pub(crate) nanos: u64,
    /// Items that failed, by number.
    pub(crate) failures: Vec<(u32, Failure)>,
}

/// Carries a call out and gives the body of its answer.
pub(super) fn call(
    py: Python<'_>,
    callable: &Py<PyAny>,
    frame: Frame,
    status: &StatusPage,
    slabs: &Arc<SlabPool>,
) -> Result<Body, Failure> {
    let header = frame.header;
    let [head, pickled, buffers @ ..] = frame.buffers.as_slice() else {
        return Err(Failure::Worker("worker protocol broken: a call without arguments".to_owned()));
    };
    let head: CallHead = serde_json::from_slice(head)
        .map_err(|_| Failure::Worker("worker protocol broken: a call of a new kind".to_owned()))?;
    let arguments = loads(py, pickled, buffers).map_err(|error| {
        let mut raised = raised(py, &error);
        raised.notes.push("raised while the arguments were loaded in a worker process".to_owned());
        Failure::Raised(raised)
    })?;
    drop(frame);
    let mut run = Run {
        callable: callable.bind(py),
        head,
        status,
        task: header.task,
        items: header.start..header.stop,
        results: ResultsHead::default(),
    };
    let start = Instant::now();
    let values = run.run(&arguments)?;
    drop(arguments);
    run.results.nanos = start.elapsed().as_nanos() as u64;
    status.set_task(header.task);
    run.pack(&values, slabs)
}

struct Run<'py, 'a> {
    callable: &'a Bound<'py, PyAny>,
    head: CallHead,
    status: &'a StatusPage,
    task: u64,
    items: std::ops::Range<u32>,
    results: ResultsHead,
}

impl<'py> Run<'py, '_> {
    fn run(&mut self, arguments: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>, Failure> {
        if self.head.is_async {
            return self.run_async(arguments);
        }
        match self.head.mode {
            Mode::Apply => self.apply(arguments),
            Mode::Map | Mode::Starmap => self.each(arguments),
        }
    }

    fn apply(&mut self, arguments: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>, Failure> {
        self.status.set_item(u64::from(self.items.start));
        let call = || -> PyResult<Bound<'py, PyAny>> {
            let (args, kwargs): (Bound<'py, PyTuple>, Bound<'py, PyDict>) = arguments.extract()?;
            self.callable.call(args, Some(&kwargs))
        };
        call().map_err(|error| self.raised(&error, None, None))
    }

    fn each(&mut self, arguments: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>, Failure> {
        let py = self.callable.py();
        let list = arguments.cast::<PyList>().map_err(|error| {
            Failure::Worker(format!("worker protocol broken: items are not a list: {error}"))
        })?;
        let mut values = Vec::with_capacity(self.items.len());
        for item in self.items.clone() {
            self.status.set_item(u64::from(item));
            if self.status.is_cancelled(self.task) {
                return Err(Failure::Cancelled);
            }
            match self.call_item(list, item) {
                Ok(value) => values.push(value),
                Err(error) => {
                    let argument = list.get_item(item as usize).ok();
                    let failure = self.raised(&error, Some(item), argument.as_ref());
                    if !self.head.collect {
                        return Err(failure);
                    }
                    self.results.failures.push((item, failure));
                    values.push(py.None().into_bound(py));
                }
            }
        }
        let values = PyList::new(py, values).map_err(|error| self.raised(&error, None, None))?;
        Ok(values.into_any())
    }

    fn call_item(&self, list: &Bound<'py, PyList>, item: u32) -> PyResult<Bound<'py, PyAny>> {
        let argument = list.get_item(item as usize)?;
        match self.head.mode {
            Mode::Starmap => {
                let arguments = PyTuple::new(
                    self.callable.py(),
                    argument.try_iter()?.collect::<PyResult<Vec<_>>>()?,
                )?;
                self.callable.call1(arguments)
            }
            _ => self.callable.call1((argument,)),
        }
    }

    /// All items in the worker's event loop.
    fn run_async(&mut self, arguments: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>, Failure> {
        let py = self.callable.py();
        let mode = match self.head.mode {
            Mode::Apply => "apply",
            Mode::Map => "map",
            Mode::Starmap => "starmap",
        };
        let options = (
            mode,
            self.items.start,
            self.items.end,
            self.head.concurrency,
            self.head.timeout,
            self.head.collect,
        );
        let outcome = py
            .import("windrow._worker.tasks")
            .and_then(|tasks| tasks.call_method1("run_async", (self.callable, arguments, options)))
            .and_then(|outcome| outcome.extract());
        let (values, failures): (Bound<'py, PyAny>, Vec<(u32, Bound<'py, PyAny>)>) =
            outcome.map_err(|error| self.raised(&error, None, None))?;
        for (item, exception) in failures {
            let argument = arguments.get_item(item).ok().filter(|_| self.head.mode != Mode::Apply);
            let failure = self.async_failure(&exception, item, argument.as_ref());
            if !self.head.collect {
                return Err(failure);
            }
            self.results.failures.push((item, failure));
        }
        Ok(values)
    }

    /// The body of the answer: its head, the pickle of the values, their large buffers.
    fn pack(&mut self, values: &Bound<'py, PyAny>, slabs: &Arc<SlabPool>) -> Result<Body, Failure> {
        let py = values.py();
        let (pickled, buffers) = match pickled::result(values) {
            Ok(pickled) => pickled,
            Err(error) if self.head.mode == Mode::Apply => {
                return Err(self.unpicklable(&error, None));
            }
            Err(_) => {
                self.leave_out_unpicklable(values)?;
                pickled::result(values).map_err(|error| self.unpicklable(&error, None))?
            }
        };
        let head = serde_json::to_vec(&self.results)
            .map_err(|error| Failure::Worker(error.to_string()))?;
        body(py, &head, &pickled, &buffers, slabs)
            .map_err(|error| Failure::Worker(format!("could not send a result: {error}")))
    }

    /// Finds the results that cannot be pickled: the first is the outcome, or with `collect` each of
    /// them is that of its item.
    fn leave_out_unpicklable(&mut self, values: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let broken = |_| Failure::Worker("results are not a list".to_owned());
        let list = values.cast::<PyList>().map_err(broken)?;
        for (place, value) in list.iter().enumerate() {
            let Err(error) = pickled::result(&value) else { continue };
            let item = self.items.start + place as u32;
            let failure = self.unpicklable(&error, Some(item));
            if !self.head.collect {
                return Err(failure);
            }
            self.results.failures.push((item, failure));
            let _ = list.set_item(place, values.py().None());
        }
        self.results.failures.sort_by_key(|failure| failure.0);
        Ok(())
    }

    fn unpicklable(&self, error: &PyErr, item: Option<u32>) -> Failure {
        let mut raised = raised(self.callable.py(), error);
        raised.row = item.map(u64::from);
        raised.notes.push("raised while the result was pickled in a worker process".to_owned());
        Failure::Raised(raised)
    }

    fn async_failure(
        &self,
        exception: &Bound<'py, PyAny>,
        item: u32,
        argument: Option<&Bound<'py, PyAny>>,
    ) -> Failure {
        if exception.is_none() {
            return Failure::TimedOut {
                seconds: self.head.timeout.unwrap_or_default(),
                item: argument.map(short_repr),
            };
        }
        self.raised(&PyErr::from_value(exception.clone()), Some(item), argument)
    }

    fn raised(
        &self,
        error: &PyErr,
        item: Option<u32>,
        argument: Option<&Bound<'py, PyAny>>,
    ) -> Failure {
        let values = argument.map(|argument| ("item".to_owned(), short_repr(argument)));
        Failure::Raised(RaisedException {
            row: item.map(u64::from),
            values: values.into_iter().collect(),
            ..raised(self.callable.py(), error)
        })
    }
}

/// Loads a pickle whose large buffers came apart from it. The module is that behind `pickle`, which
/// itself loads much that a worker's first task would wait for.
pub(crate) fn loads<'py>(
    py: Python<'py>,
    pickled: &Buffer,
    buffers: &[Buffer],
) -> PyResult<Bound<'py, PyAny>> {
    let pickled = SharedBytes::new(pickled.clone());
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let loads = LOADS.import(py, "_pickle", "loads")?;
    if buffers.is_empty() {
        return loads.call1((pickled,));
    }
    let buffers: Vec<SharedBytes> = buffers.iter().cloned().map(SharedBytes::new).collect();
    let options = PyDict::new(py);
    options.set_item(intern!(py, "buffers"), buffers)?;
    loads.call((pickled,), Some(&options))
}

/// The body of a frame of a head, a pickle and its buffers.
pub(crate) fn body(
    py: Python<'_>,
    head: &[u8],
    pickled: &Bound<'_, PyBytes>,
    buffers: &[PyBuffer<u8>],
    slabs: &Arc<SlabPool>,
) -> PyResult<Body> {
    let mut parts: Vec<Vec<&[u8]>> = vec![vec![head], vec![pickled.as_bytes()]];
    for buffer in buffers {
        parts.push(vec![bytes_of(py, buffer)?]);
    }
    Ok(Body::new(&parts, slabs)?)
}

fn bytes_of<'a>(py: Python<'a>, buffer: &'a PyBuffer<u8>) -> PyResult<&'a [u8]> {
    let cells = buffer.as_slice(py);
    let cells = cells.ok_or_else(|| PyValueError::new_err("a buffer is not contiguous"))?;
    Ok(super::cells::bytes(cells))
}
