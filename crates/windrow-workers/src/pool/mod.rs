//! The pool of workers as its users see it.
//!
//! ```text
//!   any thread                        one I/O thread                       processes
//!   WorkerPool::submit ──commands──►  machine + connections  ══frames══►   workers
//!        done(outcome)  ◄───────────  (never takes the interpreter's lock)
//! ```

mod calls;
mod connection;
mod driver;
mod settings;

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrow::buffer::Buffer;
use rustix::event::EventfdFlags;
use windrow_functions::{CallForm, Function, Nulls};

use crate::batch::{self, Definition};
use crate::failure::Failure;
use crate::host::{CallId, Done, FunctionHost, RowCall};
use crate::launch::environment;
use crate::wire::frame::Kind;
use crate::wire::shared::SlabPool;

pub use calls::{CallDone, CallRequest, Describe, KnownFunction, PieceOutcome};
pub use settings::PoolSettings;

use calls::describe_rows;

/// What the I/O thread is asked to do.
enum Command {
    Submit(CallId, Box<CallRequest>, CallDone),
    Cancel(CallId),
    /// A result that was mapped from a worker's slab is no longer looked at.
    GiveBack {
        worker: u64,
        slab: u64,
    },
    Warm,
    Stop {
        graceful: bool,
    },
}

/// What the pool's users and its I/O thread share.
struct Shared {
    commands: Mutex<Vec<Command>>,
    wake: OwnedFd,
    slabs: Arc<SlabPool>,
    next_call: AtomicU64,
    /// Calls, and bytes of theirs, that have no outcome yet.
    pending: AtomicUsize,
    pending_bytes: AtomicUsize,
    /// Processes of the workers that are ready.
    pids: Mutex<Vec<u32>>,
    stopped: std::sync::atomic::AtomicBool,
}

impl Shared {
    fn command(&self, command: Command) {
        let mut commands = lock(&self.commands);
        commands.push(command);
        let is_first = commands.len() == 1;
        drop(commands);
        if is_first {
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Worker processes that run Python functions.
pub struct WorkerPool {
    shared: Arc<Shared>,
    settings: PoolSettings,
    thread: Mutex<Option<JoinHandle<()>>>,
    functions: Mutex<Functions>,
    owner: u32,
}

/// The functions that the pool knows, by what they are named by.
#[derive(Default)]
struct Functions {
    by_id: HashMap<String, Arc<KnownFunction>>,
    by_pickle: HashMap<Fingerprint, Arc<KnownFunction>>,
}

/// Two independent hashes and the length: pickles may be large, and are not kept to compare.
type Fingerprint = (u64, u64, usize);

fn fingerprint(bytes: &[u8]) -> Fingerprint {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(bytes);
        hasher.finish()
    };
    (hash(1), hash(2), bytes.len())
}

impl Functions {
    fn next_number(&self) -> u64 {
        (self.by_id.len() + self.by_pickle.len()) as u64 + 1
    }
}

impl WorkerPool {
    /// Makes a pool. No process is started before the first call or [`WorkerPool::warm`].
    pub fn new(mut settings: PoolSettings) -> io::Result<Self> {
        let is_set = |name: &str| std::env::var_os(name).is_some();
        let caps = environment::capped(settings.processors, settings.workers, is_set);
        settings.command.environment.extend(caps);
        let wake = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let shared = Arc::new(Shared {
            commands: Mutex::default(),
            wake,
            slabs: SlabPool::new(settings.keep_shared),
            next_call: AtomicU64::new(1),
            pending: AtomicUsize::new(0),
            pending_bytes: AtomicUsize::new(0),
            pids: Mutex::default(),
            stopped: std::sync::atomic::AtomicBool::new(false),
        });
        let driver = driver::Driver::new(Arc::clone(&shared), settings.clone())?;
        let thread = std::thread::Builder::new()
            .name("windrow-workers".to_owned())
            .spawn(move || driver.run())?;
        Ok(Self {
            shared,
            settings,
            thread: Mutex::new(Some(thread)),
            functions: Mutex::default(),
            owner: std::process::id(),
        })
    }

    /// Its settings.
    pub fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    /// Starts the workers in the background.
    pub fn warm(&self) {
        self.shared.command(Command::Warm);
    }

    /// Processes of the workers that are ready.
    pub fn pids(&self) -> Vec<u32> {
        lock(&self.shared.pids).clone()
    }

    /// Calls that have no outcome yet, and their bytes: what callers that produce without end must
    /// keep within bounds.
    pub fn pending(&self) -> (usize, usize) {
        let calls = self.shared.pending.load(Ordering::Acquire);
        (calls, self.shared.pending_bytes.load(Ordering::Acquire))
    }

    /// Shared memory for the bodies of calls.
    pub fn slabs(&self) -> &Arc<SlabPool> {
        &self.shared.slabs
    }

    /// Makes a row function known, once.
    pub fn row_function(&self, function: &Function) -> io::Result<Arc<KnownFunction>> {
        let mut functions = lock(&self.functions);
        if let Some(known) = functions.by_id.get(&function.id) {
            return Ok(Arc::clone(known));
        }
        let definition = Definition::of(function);
        let known = self.known(functions.next_number(), &definition, &function.pickled)?;
        functions.by_id.insert(function.id.clone(), Arc::clone(&known));
        Ok(known)
    }

    /// Makes a pickled callable known, once, for calls on pickled arguments.
    pub fn call_function(&self, name: &str, pickled: &[u8]) -> io::Result<Arc<KnownFunction>> {
        let key = fingerprint(pickled);
        let mut functions = lock(&self.functions);
        if let Some(known) = functions.by_pickle.get(&key) {
            return Ok(Arc::clone(known));
        }
        let definition = Definition {
            name: name.to_owned(),
            call: CallForm::Positional,
            columns: None,
            nulls: Nulls::None,
        };
        let known = self.known(functions.next_number(), &definition, pickled)?;
        functions.by_pickle.insert(key, Arc::clone(&known));
        Ok(known)
    }

    fn known(
        &self,
        number: u64,
        definition: &Definition,
        pickled: &[u8],
    ) -> io::Result<Arc<KnownFunction>> {
        let body = definition.body(pickled, &self.shared.slabs)?;
        Ok(Arc::new(KnownFunction { number, name: definition.name.clone(), body }))
    }

    /// Starts a call; `done` is called exactly once, on any thread.
    pub fn call(&self, request: CallRequest, done: CallDone) -> CallId {
        let id = CallId(self.shared.next_call.fetch_add(1, Ordering::Relaxed));
        if self.owner != std::process::id() {
            let message =
                "this pool of workers belongs to the process that made it, not to its fork";
            done(vec![PieceOutcome::failed(0..request.items, Failure::Worker(message.to_owned()))]);
            return id;
        }
        if self.shared.stopped.load(Ordering::Acquire) {
            done(vec![PieceOutcome::failed(0..request.items, stopped())]);
            return id;
        }
        self.shared.pending.fetch_add(1, Ordering::AcqRel);
        self.shared.pending_bytes.fetch_add(request.body.length(), Ordering::AcqRel);
        self.shared.command(Command::Submit(id, Box::new(request), done));
        id
    }

    /// Ends the pool: what has no outcome gets [`Failure::Cancelled`]. With `graceful`, idle workers
    /// run their exit handlers. Gives whether it has ended within `timeout`.
    pub fn stop(&self, graceful: bool, timeout: Duration) -> bool {
        if self.owner != std::process::id() {
            return true;
        }
        if !self.shared.stopped.swap(true, Ordering::AcqRel) {
            self.shared.command(Command::Stop { graceful });
        }
        let deadline = Instant::now() + timeout;
        loop {
            let mut thread = lock(&self.thread);
            if thread.as_ref().is_none_or(JoinHandle::is_finished) {
                if let Some(thread) = thread.take() {
                    let _ = thread.join();
                }
                return true;
            }
            drop(thread);
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn stopped() -> Failure {
    Failure::Worker("this pool of workers was closed".to_owned())
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.stop(false, Duration::from_secs(5));
    }
}

impl fmt::Debug for WorkerPool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("WorkerPool").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl FunctionHost for WorkerPool {
    fn submit(&self, call: RowCall, done: Done) -> CallId {
        let prepared = self
            .row_function(&call.function)
            .and_then(|function| Ok((function, batch::encode_call(&call, &self.shared.slabs)?)));
        let (function, body) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                done(Err(Failure::Worker(format!("could not send rows to a worker: {error}"))));
                return CallId(self.shared.next_call.fetch_add(1, Ordering::Relaxed));
            }
        };
        let request = CallRequest {
            function,
            kind: Kind::Rows,
            body,
            items: 1,
            max_attempts: self.settings.max_attempts,
            timeout: None,
            describe: Some(describe_rows(call.batch)),
        };
        self.call(request, Box::new(move |outcomes| done(row_outcome(outcomes))))
    }

    fn cancel(&self, call: CallId) {
        self.shared.command(Command::Cancel(call));
    }

    fn width(&self) -> usize {
        // One batch in work and one waiting for every worker.
        self.settings.workers * 2
    }
}

fn row_outcome(outcomes: Vec<PieceOutcome>) -> Result<crate::host::RowReply, Failure> {
    let outcome = outcomes.into_iter().next();
    let buffers: Vec<Buffer> = match outcome {
        Some(outcome) => outcome.outcome?,
        None => return Err(Failure::Worker("a call of rows got no answer".to_owned())),
    };
    batch::decode_reply(&buffers)
}
