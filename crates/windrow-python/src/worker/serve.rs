//! The loop of a worker: frames in, answers out.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::buffer::Buffer;
use pyo3::exceptions::PyOSError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use windrow_workers::Failure;
use windrow_workers::batch::{Definition, HelloHead, decode_call, encode_reply};
use windrow_workers::wire::control::Control;
use windrow_workers::wire::frame::{Header, Kind};
use windrow_workers::wire::shared::{GiveBack, Slab, SlabPool};
use windrow_workers::wire::socket::{Body, Frame, Inbox, Outbox};
use windrow_workers::wire::status::StatusPage;

use crate::rows::failure::raised;
use crate::rows::{RowFunction, Watch};

/// How long answers may wait for others to be sent with them.
const HOLD: Duration = Duration::from_micros(200);
/// Bytes of answers past which they are sent.
const HELD_BYTES: usize = 64 * 1024;
/// Shared memory that a worker keeps for reuse.
const KEEP_SHARED: usize = 256 << 20;

/// A worker's side of its sockets.
pub(super) struct Session {
    task: OwnedFd,
    control: Arc<ControlEnd>,
    status: StatusPage,
    inbox: Inbox,
    outbox: Outbox,
    slabs: Arc<SlabPool>,
    lent: HashMap<u64, Vec<Arc<Slab>>>,
    give_back: Arc<dyn GiveBack>,
    functions: HashMap<u64, Known>,
    cancelled: HashSet<u64>,
    messages: u64,
    /// The driver took back what comes now, until it says that this ends.
    is_revoked: bool,
    /// The pool's initializer raised: this process is of no use.
    is_unfit: bool,
    held_since: Option<Instant>,
    /// The module `sys`.
    sys: Py<PyModule>,
}

/// A function that the driver sent: loaded when it is called first.
struct Known {
    definition: Definition,
    pickled: Buffer,
    loaded: Option<RowFunction>,
    /// Mean time of a task of it.
    mean: Duration,
}

/// The control socket, with what did not fit into it.
struct ControlEnd {
    socket: OwnedFd,
    unsent: Mutex<Vec<u64>>,
}

impl GiveBack for ControlEnd {
    fn give_back(&self, slab: u64) {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.push(slab);
        while let Some(slab) = unsent.last() {
            if Control::Dropped(*slab).send(&self.socket).is_err() {
                return;
            }
            unsent.pop();
        }
    }
}

impl Session {
    pub(super) fn new(
        py: Python<'_>,
        task: OwnedFd,
        control: OwnedFd,
        status: &OwnedFd,
    ) -> PyResult<Self> {
        let control = Arc::new(ControlEnd { socket: control, unsent: Mutex::default() });
        Ok(Self {
            task,
            give_back: Arc::<ControlEnd>::clone(&control),
            control,
            status: StatusPage::open(status)?,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            slabs: SlabPool::new(KEEP_SHARED),
            lent: HashMap::new(),
            functions: HashMap::new(),
            cancelled: HashSet::new(),
            messages: 0,
            is_revoked: false,
            is_unfit: false,
            held_since: None,
            sys: py.import("sys")?.unbind(),
        })
    }

    /// Serves until the driver closes its end.
    pub(super) fn run(mut self, py: Python<'_>) -> PyResult<()> {
        let head = serde_json::to_vec(&HelloHead { pid: std::process::id() }).unwrap_or_default();
        let body = Body::new(&[vec![&head]], &self.slabs).map_err(PyOSError::new_err)?;
        self.push(&body, Header::bare(Kind::Hello, 0, 0));
        loop {
            let next = self.inbox.next(&self.give_back);
            match next.map_err(|malformed| PyOSError::new_err(malformed.to_string()))? {
                _ if self.is_unfit => return self.flush(py),
                Some(frame) => self.handle(py, frame)?,
                None if self.inbox.is_closed() => return self.flush(py),
                None => {
                    self.flush(py)?;
                    let Self { inbox, task, .. } = &mut self;
                    py.detach(|| inbox.read(&*task)).map_err(PyOSError::new_err)?;
                    py.check_signals()?;
                }
            }
        }
    }

    fn handle(&mut self, py: Python<'_>, frame: Frame) -> PyResult<()> {
        match frame.header.kind {
            Kind::Define => self.define(&frame),
            Kind::Resume => {
                self.is_revoked = false;
                self.status.restore(frame.header.task);
            }
            Kind::Forget => {
                self.functions.remove(&frame.header.function);
            }
            Kind::Initialize => self.initialize(py, &frame),
            Kind::Rows | Kind::Call => return self.task(py, frame),
            Kind::Hello | Kind::Values | Kind::Failed => {}
        }
        Ok(())
    }

    fn define(&mut self, frame: &Frame) {
        if let [head, pickled] = frame.buffers.as_slice()
            && let Ok(definition) = serde_json::from_slice(head)
        {
            let pickled = pickled.clone();
            let known = Known { definition, pickled, loaded: None, mean: Duration::ZERO };
            self.functions.insert(frame.header.function, known);
        }
    }

    /// Calls the pool's initializer; the answer is about task 0.
    fn initialize(&mut self, py: Python<'_>, frame: &Frame) {
        let pickled = frame.buffers.first().cloned().unwrap_or_else(|| Vec::<u8>::new().into());
        let call = || -> PyResult<()> {
            let (initializer, arguments): (Bound<'_, PyAny>, Bound<'_, PyTuple>) =
                super::call::loads(py, &pickled, &[])?.extract()?;
            initializer.call1(arguments)?;
            Ok(())
        };
        let answer = match call() {
            Ok(()) => {
                Body::new(&[], &self.slabs).map_err(|error| Failure::Worker(error.to_string()))
            }
            Err(error) => {
                let mut raised = raised(py, &error);
                raised.notes.push("raised by the initializer of the pool".to_owned());
                self.is_unfit = true;
                Err(Failure::Raised(raised))
            }
        };
        self.answer(0, 0, answer);
    }

    fn task(&mut self, py: Python<'_>, frame: Frame) -> PyResult<()> {
        if self.is_revoked {
            return Ok(());
        }
        let (task, function) = (frame.header.task, frame.header.function);
        let is_slow = self.functions.get(&function).is_some_and(|known| known.mean > HOLD);
        if is_slow {
            self.flush(py)?;
        }
        if !self.status.claim() {
            self.is_revoked = true;
            return Ok(());
        }
        self.read_control();
        self.status.set_task(task);
        let start = Instant::now();
        let answer = if self.cancelled.remove(&task) {
            Err(Failure::Cancelled)
        } else {
            self.carry_out(py, frame)
        };
        if let Some(known) = self.functions.get_mut(&function) {
            known.mean = (known.mean * 4 + start.elapsed()) / 5;
        }
        self.answer(function, task, answer);
        self.status.set_task(0);
        let is_late = self.held_since.is_some_and(|since| since.elapsed() >= HOLD);
        if is_late || self.outbox.length() >= HELD_BYTES || !self.inbox.has_bytes() {
            self.flush(py)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, py: Python<'_>, frame: Frame) -> Result<Body, Failure> {
        let header = frame.header;
        let function = load(py, &mut self.functions, header.function)?;
        let watch = Watch::Driver(&self.status, header.task);
        match header.kind {
            Kind::Rows => {
                let rows = decode_call(&frame.buffers)?;
                drop(frame);
                let reply = function.call(py, &rows, watch)?;
                let body = encode_reply(&reply, &self.slabs);
                body.map_err(|error| Failure::Worker(format!("could not send results: {error}")))
            }
            _ => super::call::call(py, &function.callable, frame, &self.status, &self.slabs),
        }
    }

    fn answer(&mut self, function: u64, task: u64, answer: Result<Body, Failure>) {
        let (kind, body) = match answer {
            Ok(body) => (Kind::Values, Ok(body)),
            Err(failure) => (Kind::Failed, failure_body(&failure, &self.slabs)),
        };
        let header = Header::bare(kind, function, task);
        match body {
            Ok(body) => self.push(&body, header),
            // No memory for a large description of a failure.
            Err(error) => {
                let failure = Failure::Worker(format!("could not send a failure: {error}"));
                if let Ok(body) = failure_body(&failure, &self.slabs) {
                    let header = Header::bare(Kind::Failed, function, task);
                    self.push(&body, header);
                }
            }
        }
    }

    fn push(&mut self, body: &Body, header: Header) {
        if let Some(slab) = body.slab() {
            self.lent.entry(slab.number()).or_default().push(Arc::clone(slab));
        }
        self.outbox.push(body.frame(header));
        self.held_since.get_or_insert_with(Instant::now);
    }

    fn read_control(&mut self) {
        let announced = self.status.messages();
        if announced == self.messages && self.lent.is_empty() {
            return;
        }
        self.messages = announced;
        while let Ok(Some(message)) = Control::receive(&self.control.socket) {
            match message {
                Control::Cancel(task) => {
                    self.cancelled.insert(task);
                }
                Control::Dropped(slab) => {
                    if let Some(lent) = self.lent.get_mut(&slab) {
                        lent.pop();
                        if lent.is_empty() {
                            self.lent.remove(&slab);
                        }
                    }
                }
            }
        }
    }

    /// Sends what tasks printed before their answers. A user may have replaced the streams.
    fn flush_streams(&self, py: Python<'_>) {
        for name in [intern!(py, "stdout"), intern!(py, "stderr")] {
            let stream = self.sys.bind(py).getattr(name);
            let _ = stream.and_then(|stream| stream.call_method0(intern!(py, "flush")));
        }
    }

    fn flush(&mut self, py: Python<'_>) -> PyResult<()> {
        self.held_since = None;
        if self.outbox.is_empty() {
            return Ok(());
        }
        self.flush_streams(py);
        let Self { outbox, task, .. } = self;
        match py.detach(|| outbox.write(&*task)) {
            Ok(_) => Ok(()),
            // The driver is gone; the next read says so.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.outbox = Outbox::default();
                Ok(())
            }
            Err(error) => Err(PyOSError::new_err(error)),
        }
    }
}

fn failure_body(failure: &Failure, slabs: &Arc<SlabPool>) -> io::Result<Body> {
    let text = serde_json::to_vec(failure)?;
    Body::new(&[vec![&text]], slabs)
}

/// The function of this number, unpickled on its first use.
fn load<'a>(
    py: Python<'_>,
    functions: &'a mut HashMap<u64, Known>,
    number: u64,
) -> Result<&'a RowFunction, Failure> {
    let Some(known) = functions.get_mut(&number) else {
        let message = format!("worker protocol broken: function {number} was never sent");
        return Err(Failure::Worker(message));
    };
    if known.loaded.is_none() {
        let callable = super::call::loads(py, &known.pickled, &[]).map_err(|error| {
            let mut raised = raised(py, &error);
            let name = &known.definition.name;
            raised.notes.push(format!("raised while `{name}` was loaded in a worker process"));
            Failure::Raised(raised)
        })?;
        let definition = known.definition.clone();
        known.pickled = Buffer::from_vec(Vec::<u8>::new());
        known.loaded = Some(RowFunction { callable: callable.unbind(), definition });
    }
    known.loaded.as_ref().ok_or_else(|| Failure::Worker("a function vanished".to_owned()))
}
