//! What workers print, written to this process' `sys.stdout` and `sys.stderr`, from a thread of its
//! own: the pool's I/O thread must not wait for the interpreter's lock.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use windrow_workers::{Line, Observer, Stream, WorkerEvent};

/// Most bytes that wait to be written; what comes then is counted and dropped.
const MOST_BYTES: usize = 64 << 20;
/// How long the thread waits for lines before it ends.
const IDLE: Duration = Duration::from_secs(2);

/// Writes what workers print.
pub(crate) struct Echo {
    shared: Arc<Shared>,
    /// Puts the worker, and the function that it runs, in front of each line.
    names_workers: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<(Stream, String)>,
    bytes: usize,
    dropped: usize,
    /// The thread runs, or is writing.
    is_running: bool,
    is_writing: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Echo {
    fn event(&self, event: WorkerEvent) {
        let (stream, text) = match event {
            WorkerEvent::Line(line) if self.names_workers => (line.stream, named(&line)),
            WorkerEvent::Line(line) => (line.stream, line.text),
            WorkerEvent::Note(text) => (Stream::Stderr, format!("windrow: {text}\n")),
            WorkerEvent::Started { .. } | WorkerEvent::Died(_) => return,
        };
        let mut state = self.shared.lock();
        if state.bytes + text.len() > MOST_BYTES {
            state.dropped += 1;
            return;
        }
        state.bytes += text.len();
        state.lines.push_back((stream, text));
        self.shared.changed.notify_all();
        if !state.is_running {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("windrow-output".to_owned());
            state.is_running = thread.spawn(move || write_lines(&shared)).is_ok();
        }
    }
}

impl Echo {
    pub(crate) fn new(names_workers: bool) -> Self {
        Self { shared: Arc::default(), names_workers }
    }

    /// Waits until everything was written that was printed so far, at most for `timeout`.
    pub(crate) fn flush(&self, py: Python<'_>, timeout: Duration) {
        py.detach(|| {
            let deadline = Instant::now() + timeout;
            let mut state = self.shared.lock();
            while state.is_running && (state.is_writing || !state.lines.is_empty()) {
                let rest = deadline.saturating_duration_since(Instant::now());
                if rest.is_zero() {
                    return;
                }
                let waited = self.shared.changed.wait_timeout(state, rest);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        });
    }
}

/// `worker 3 (square): text`.
fn named(line: &Line) -> String {
    let end = if line.text.ends_with('\n') { "" } else { "\n" };
    match &line.function {
        Some(function) => format!("worker {} ({function}): {}{end}", line.worker, line.text),
        None => format!("worker {}: {}{end}", line.worker, line.text),
    }
}

fn write_lines(shared: &Shared) {
    loop {
        let mut state = shared.lock();
        if state.lines.is_empty() {
            let (waited, timeout) =
                shared.changed.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = waited;
            if state.lines.is_empty() && timeout.timed_out() {
                state.is_running = false;
                return;
            }
        }
        let lines = std::mem::take(&mut state.lines);
        let dropped = std::mem::take(&mut state.dropped);
        state.bytes = 0;
        state.is_writing = true;
        drop(state);
        // Without an interpreter there is nobody left to read them.
        let written = Python::try_attach(|py| write(py, &lines, dropped));
        let mut state = shared.lock();
        state.is_writing = false;
        state.is_running = written.is_some();
        shared.changed.notify_all();
        if written.is_none() {
            return;
        }
    }
}

/// Writes lines, those that follow each other on one stream at once.
fn write(py: Python<'_>, lines: &VecDeque<(Stream, String)>, dropped: usize) {
    let mut text = String::new();
    for (position, (stream, line)) in lines.iter().enumerate() {
        text.push_str(line);
        if lines.get(position + 1).is_none_or(|(next, _)| next != stream) {
            write_text(py, *stream, &text);
            text.clear();
        }
    }
    if dropped > 0 {
        let note = format!("windrow: {dropped} lines of workers were too many and were dropped\n");
        write_text(py, Stream::Stderr, &note);
    }
}

fn write_text(py: Python<'_>, stream: Stream, text: &str) {
    let name = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    // A closed or replaced stream must not hurt the computation.
    let _ = py.import("sys").and_then(|sys| sys.getattr(name)).and_then(|stream| {
        stream.call_method1("write", (text,))?;
        stream.call_method0("flush")
    });
}
