//! Row functions in the interpreter that we are in: for jobs too small to be worth a process, and
//! for tasks that already run in a worker. Same converter, same failures.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use windrow_functions::Function;
use windrow_workers::batch::{Definition, RowsCall};
use windrow_workers::{CallId, Done, Failure, FunctionHost, RowCall, RowReply};

use super::failure::raised_at;
use super::{RowFunction, Watch};

/// How long the thread waits for calls before it ends; the next call starts another.
const IDLE: Duration = Duration::from_secs(5);

/// Runs row functions on a thread of its own, which takes the interpreter's lock.
#[derive(Default)]
pub(crate) struct InProcessHost {
    next: AtomicU64,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    queue: Option<Sender<Job>>,
    flags: HashMap<u64, Arc<AtomicBool>>,
}

struct Job {
    id: u64,
    call: RowCall,
    flag: Arc<AtomicBool>,
    /// Taken when the outcome is there.
    done: Option<Done>,
}

impl Drop for Job {
    /// Answers also when the job was lost.
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(Err(Failure::Worker("could not start a thread for row functions".to_owned())));
        }
    }
}

impl std::fmt::Debug for InProcessHost {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("InProcessHost")
    }
}

impl FunctionHost for InProcessHost {
    fn submit(&self, call: RowCall, done: Done) -> CallId {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let flag = Arc::new(AtomicBool::new(false));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.flags.insert(id, Arc::clone(&flag));
        let mut job = Job { id, call, flag, done: Some(done) };
        if let Some(queue) = &state.queue {
            match queue.send(job) {
                Ok(()) => return CallId(id),
                Err(unsent) => job = unsent.0,
            }
        }
        let (sender, receiver) = channel();
        // The receiver is ours: the first send cannot fail.
        let _ = sender.send(job);
        state.queue = Some(sender);
        let shared = Arc::clone(&self.state);
        let thread = std::thread::Builder::new().name("windrow-functions".to_owned());
        if thread.spawn(move || serve(&receiver, &shared)).is_err() {
            // The closure, the receiver and the job are gone with it; `Job::drop` answers.
            state.queue = None;
        }
        CallId(id)
    }

    fn cancel(&self, call: CallId) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flag) = state.flags.get(&call.0) {
            flag.store(true, Ordering::Release);
        }
    }

    fn width(&self) -> usize {
        1
    }
}

/// The thread: calls in the order of their submission, functions unpickled once.
fn serve(queue: &Receiver<Job>, shared: &Mutex<State>) {
    let mut functions: HashMap<String, RowFunction> = HashMap::new();
    loop {
        let Ok(job) = queue.recv_timeout(IDLE) else {
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            // What was sent while the time ran out is still served.
            if let Ok(job) = queue.try_recv() {
                drop(state);
                carry_out(job, &mut functions, shared);
                continue;
            }
            state.queue = None;
            drop(state);
            // Functions hold Python objects.
            Python::try_attach(|_| functions.clear());
            return;
        };
        carry_out(job, &mut functions, shared);
    }
}

fn carry_out(mut job: Job, functions: &mut HashMap<String, RowFunction>, shared: &Mutex<State>) {
    let (call, flag) = (&job.call, &job.flag);
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
        Python::try_attach(|py| call_here(py, call, flag, functions))
    }));
    let outcome = match outcome {
        Ok(Some(outcome)) => outcome,
        Ok(None) => Err(Failure::Cancelled),
        Err(_) => Err(Failure::Worker("a row function made the converter panic".to_owned())),
    };
    shared.lock().unwrap_or_else(PoisonError::into_inner).flags.remove(&job.id);
    if let Some(done) = job.done.take() {
        done(outcome);
    }
}

fn call_here(
    py: Python<'_>,
    call: &RowCall,
    flag: &AtomicBool,
    functions: &mut HashMap<String, RowFunction>,
) -> Result<RowReply, Failure> {
    let watch = Watch::Flag(flag);
    if watch.is_cancelled() {
        return Err(Failure::Cancelled);
    }
    let function = match functions.entry(call.function.id.clone()) {
        std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
        std::collections::hash_map::Entry::Vacant(place) => place.insert(load(py, &call.function)?),
    };
    let rows = RowsCall {
        batch: call.batch.clone(),
        result: call.result.clone(),
        first_row: call.first_row,
    };
    function.call(py, &rows, watch)
}

fn load(py: Python<'_>, function: &Function) -> Result<RowFunction, Failure> {
    let callable = py
        .import("windrow._worker.pickling")
        .and_then(|module| module.call_method1("loads", (PyBytes::new(py, &function.pickled),)));
    match callable {
        Ok(callable) => {
            Ok(RowFunction { callable: callable.unbind(), definition: Definition::of(function) })
        }
        Err(error) => Err(raised_at(py, &error, None, Vec::new())),
    }
}
