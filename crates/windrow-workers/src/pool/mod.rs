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
mod functions;
mod gate;
mod settings;

use std::fmt;
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
use crate::wire::socket::Body;

pub use calls::{CallDone, CallRequest, Describe, KnownFunction, PieceOutcome};
pub use gate::Gate;
pub use settings::PoolSettings;

use calls::describe_rows;
use functions::Functions;

/// What the I/O thread is asked to do.
enum Command {
    Submit(CallId, Box<CallRequest>, CallDone),
    Cancel(CallId),
    /// A result that was mapped from a worker's slab is no longer looked at.
    GiveBack {
        worker: u64,
        slab: u64,
    },
    /// Have the launcher ready, although no worker is wanted yet.
    Prepare,
    /// What every worker that is started from now on calls first.
    Initializer(Body),
    Warm,
    /// End when no call is left.
    Finish,
    Stop {
        graceful: bool,
    },
}

/// What the pool's users and its I/O thread share.
struct Shared {
    commands: Mutex<Commands>,
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

/// What the I/O thread has not looked at yet.
#[derive(Default)]
struct Commands {
    waiting: Vec<Command>,
    /// The I/O thread has ended: nobody will look.
    ended: bool,
}

impl Shared {
    /// Tells the I/O thread; gives the command back when that has ended.
    fn command(&self, command: Command) -> Result<(), Command> {
        let mut commands = lock(&self.commands);
        if commands.ended {
            return Err(command);
        }
        commands.waiting.push(command);
        let is_first = commands.waiting.len() == 1;
        drop(commands);
        if is_first {
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
        Ok(())
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

    /// Starts, in the background, what workers will be started by.
    pub fn prepare(&self) {
        let _ = self.shared.command(Command::Prepare);
    }

    /// Has every worker that is started from now on call something before its first task: the
    /// pickle of `(callable, arguments)`.
    pub fn set_initializer(&self, pickled: &[u8]) -> io::Result<()> {
        let body = Body::new(&[vec![pickled]], &self.shared.slabs)?;
        let _ = self.shared.command(Command::Initializer(body));
        Ok(())
    }

    /// Starts the workers in the background.
    pub fn warm(&self) {
        let _ = self.shared.command(Command::Warm);
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
        lock(&self.functions).by_id(&function.id, |number| {
            self.known(number, &Definition::of(function), &function.pickled)
        })
    }

    /// Makes a pickled callable known, once, for calls on pickled arguments.
    pub fn call_function(&self, name: &str, pickled: &[u8]) -> io::Result<Arc<KnownFunction>> {
        let definition = Definition {
            name: name.to_owned(),
            call: CallForm::Positional,
            columns: None,
            nulls: Nulls::None,
        };
        lock(&self.functions).by_pickle(pickled, |number| self.known(number, &definition, pickled))
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
        let submit = Command::Submit(id, Box::new(request), done);
        if let Err(Command::Submit(_, request, done)) = self.shared.command(submit) {
            self.shared.pending.fetch_sub(1, Ordering::AcqRel);
            self.shared.pending_bytes.fetch_sub(request.body.length(), Ordering::AcqRel);
            done(vec![PieceOutcome::failed(0..request.items, stopped())]);
        }
        id
    }

    /// Has the pool end when no call is left; workers then run their exit handlers. Does not wait.
    pub fn finish(&self) {
        if self.owner == std::process::id() {
            let _ = self.shared.command(Command::Finish);
        }
    }

    /// Ends the pool: what has no outcome gets [`Failure::Cancelled`]. With `graceful`, idle workers
    /// run their exit handlers. Gives whether it has ended within `timeout`.
    pub fn stop(&self, graceful: bool, timeout: Duration) -> bool {
        if self.owner != std::process::id() {
            return true;
        }
        if !self.shared.stopped.swap(true, Ordering::AcqRel) {
            let _ = self.shared.command(Command::Stop { graceful });
        }
        self.wait(timeout)
    }

    /// Waits for the end of the pool, which [`WorkerPool::stop`] or [`WorkerPool::finish`] brings
    /// about; gives whether it has ended within `timeout`.
    pub fn wait(&self, timeout: Duration) -> bool {
        if self.owner != std::process::id() {
            return true;
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
    #[allow(clippy::disallowed_methods, reason = "what is forgotten belongs to the parent process")]
    fn drop(&mut self) {
        if self.owner != std::process::id() {
            // In a fork the thread is not there: to let go of its handle is to touch memory that
            // is gone.
            std::mem::forget(lock(&self.thread).take());
            return;
        }
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
            describe: Some(describe_rows(call.batch, call.first_row)),
            gate: None,
        };
        self.call(request, Box::new(move |outcomes| done(row_outcome(outcomes))))
    }

    fn cancel(&self, call: CallId) {
        let _ = self.shared.command(Command::Cancel(call));
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
