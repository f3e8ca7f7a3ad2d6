//! Keeps fork servers warm between pools: the next pool that wants the same interpreter in the same
//! surroundings starts in a few milliseconds.
//!
//! A fork server dies with the *thread* that started it, so a thread that stays starts all of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Command, ForkServer};

/// How long the keeper waits for requests when it keeps nothing.
const FOREVER: Duration = Duration::from_secs(3600);

/// What a fork server has taken over from this process, and cannot change any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Surroundings {
    command: Command,
    directory: Option<PathBuf>,
    environment: BTreeMap<OsString, OsString>,
}

impl Surroundings {
    fn now(command: &Command) -> Self {
        Self {
            command: command.clone(),
            directory: std::env::current_dir().ok(),
            environment: std::env::vars_os().collect(),
        }
    }

    pub(super) fn command(&self) -> &Command {
        &self.command
    }
}

enum Request {
    Start(Surroundings, Sender<io::Result<ForkServer>>),
    Keep(ForkServer, Instant),
    End(Sender<()>),
}

struct Keeper {
    requests: Sender<Request>,
    /// The process whose thread it is: a fork of it has no such thread.
    owner: u32,
}

static KEEPER: Mutex<Option<Keeper>> = Mutex::new(None);

/// A fork server for `command`: one that is kept, or a new one.
pub(crate) fn start(command: &Command) -> io::Result<ForkServer> {
    let (answer, answers) = channel();
    send(Request::Start(Surroundings::now(command), answer))?;
    answers.recv().unwrap_or_else(|_| Err(io::Error::other("the keeper of fork servers has ended")))
}

/// Keeps a fork server without workers for a while.
pub(crate) fn keep(server: ForkServer, time: Duration) {
    // Without a keeper it is dropped, which ends it.
    let _ = send(Request::Keep(server, Instant::now() + time));
}

/// Ends all that is kept and waits for it: the last thing that a process with pools does.
pub fn end_kept() {
    let keeper = KEEPER.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(keeper) = keeper.as_ref().filter(|keeper| keeper.owner == std::process::id()) else {
        return;
    };
    let (answer, ended) = channel();
    if keeper.requests.send(Request::End(answer)).is_ok() {
        let _ = ended.recv();
    }
}

fn send(request: Request) -> io::Result<()> {
    let mut keeper = KEEPER.lock().unwrap_or_else(PoisonError::into_inner);
    let pid = std::process::id();
    if keeper.as_ref().is_none_or(|keeper| keeper.owner != pid) {
        let (requests, received) = channel();
        let thread = std::thread::Builder::new().name("windrow-keeper".to_owned());
        thread.spawn(move || serve(&received))?;
        // What a parent process keeps is on the stack of its thread, and not ours to end.
        *keeper = Some(Keeper { requests, owner: pid });
    }
    let sent = keeper.as_ref().map(|keeper| keeper.requests.send(request));
    match sent {
        Some(Ok(())) => Ok(()),
        _ => Err(io::Error::other("the keeper of fork servers has ended")),
    }
}

fn serve(requests: &std::sync::mpsc::Receiver<Request>) {
    let mut kept: Vec<(ForkServer, Instant)> = Vec::new();
    loop {
        let now = Instant::now();
        kept.retain(|(_, until)| *until > now);
        let next = kept.iter().map(|(_, until)| until.duration_since(now)).min();
        match requests.recv_timeout(next.unwrap_or(FOREVER)) {
            Ok(Request::Keep(server, until)) => kept.push((server, until)),
            Ok(Request::Start(surroundings, answer)) => {
                let position =
                    kept.iter().position(|(server, _)| *server.surroundings() == surroundings);
                let usable = position.map(|position| kept.swap_remove(position).0);
                let server = match usable.filter(ForkServer::is_alive) {
                    Some(server) => Ok(server),
                    None => ForkServer::start(surroundings),
                };
                // A pool that was stopped meanwhile does not want it any more.
                let _ = answer.send(server);
            }
            Ok(Request::End(answer)) => {
                kept.clear();
                let _ = answer.send(());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
