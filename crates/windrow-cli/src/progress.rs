//! The bar on the terminal.
//!
//! ```text
//!  emitting threads ──observe──► RunView ◄──five times a second── a thread of the bar's own ──► stderr
//! ```
//!
//! Emitters only fold events into the view, so a slow terminal never holds up a run.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use windrow_events::display::{count, seconds, size};
use windrow_events::{Event, Measure, Observer, RunView, StageView, Stream};

/// A run that is over sooner shows no bar.
const DELAY: Duration = Duration::from_secs(1);
/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(200);
/// How often a line is written where there is no terminal.
const LINE_TICK: Duration = Duration::from_secs(10);
/// Positions of the bar.
const STEPS: f64 = 1000.0;

/// Where lines that the user's code wrote go; it must not wait for a thread that emits events.
pub type Lines = Box<dyn Fn(Stream, &str) + Send + Sync>;

/// Shows the run of a session on standard error while it lasts: the stage, what is done, the rate
/// and the time left. It comes by itself after a second and leaves nothing behind. What the user's
/// code writes in workers is printed above it.
pub struct TerminalBar {
    shared: Arc<Shared>,
}

impl TerminalBar {
    /// A bar if `progress` says so; `None`: if standard error is a terminal. With `Some(true)` and
    /// no terminal, a line every ten seconds. Workers' lines are passed on in any case.
    #[must_use]
    pub fn new(progress: Option<bool>) -> Self {
        Self::with_lines(progress, Box::new(print))
    }

    /// As [`TerminalBar::new`]; workers' lines go to `lines`.
    #[must_use]
    pub fn with_lines(progress: Option<bool>, lines: Lines) -> Self {
        let look = match (progress, io::stderr().is_terminal()) {
            (Some(false), _) | (None, false) => Look::Nothing,
            (_, true) => Look::Bar(Box::new(ProgressDrawTarget::stderr)),
            (Some(true), false) => Look::Lines,
        };
        Self { shared: Arc::new(Shared::new(look, lines)) }
    }

    /// Calls `print` with the bar out of its way, for those who collect lines and print them later.
    /// It must not wait for a thread that emits events.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.shared.above(print);
    }
}

impl fmt::Debug for TerminalBar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TerminalBar").field("look", &self.shared.look).finish()
    }
}

impl Observer for TerminalBar {
    fn observe(&self, event: &Event) {
        let Some(turn) = self.shared.observe(event) else { return };
        let shared = Arc::clone(&self.shared);
        // Without a thread there is no bar; the run does not depend on it.
        let _ = thread::Builder::new()
            .name("windrow-progress".to_owned())
            .spawn(move || shared.show(turn));
    }
}

impl Drop for TerminalBar {
    fn drop(&mut self) {
        self.shared.end();
    }
}

fn print(stream: Stream, line: &str) {
    // A closed output is the reader's wish.
    let _ = match stream {
        Stream::Stdout => writeln!(io::stdout(), "{line}"),
        Stream::Stderr => writeln!(io::stderr(), "{line}"),
    };
}

enum Look {
    Nothing,
    Bar(Box<dyn Fn() -> ProgressDrawTarget + Send + Sync>),
    Lines,
}

impl fmt::Debug for Look {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Bar(_) => "Bar",
            Self::Lines => "Lines",
        })
    }
}

struct Shared {
    look: Look,
    lines: Lines,
    /// Which run is shown, counted; changes when it ends, so that its thread ends too.
    turn: AtomicU64,
    watched: Mutex<Option<Watched>>,
    ended: Condvar,
    /// What is on the screen. Held while anything is printed.
    screen: Mutex<Screen>,
}

struct Watched {
    view: RunView,
    since: Instant,
}

#[derive(Default)]
struct Screen {
    bar: Option<ProgressBar>,
    said: HashSet<String>,
}

impl Shared {
    fn new(look: Look, lines: Lines) -> Self {
        Self {
            look,
            lines,
            turn: AtomicU64::new(0),
            watched: Mutex::new(None),
            ended: Condvar::new(),
            screen: Mutex::default(),
        }
    }

    /// Takes notice of `event`; gives the turn of a run that began and is to be shown.
    fn observe(&self, event: &Event) -> Option<u64> {
        match event {
            Event::Output { stream, line, .. } => self.above(|| (self.lines)(*stream, line)),
            Event::Note { text, .. } => self.say(format!("note: {text}")),
            Event::WorkerDied { pid, cause, .. } => {
                self.say(format!("warning: worker process {pid} {cause}"));
            }
            _ => {}
        }
        if matches!(self.look, Look::Nothing) {
            return None;
        }
        let mut watched = self.watched();
        match (event, watched.as_mut()) {
            (Event::RunStarted { .. }, None) => {
                *watched = Some(Watched { view: RunView::of([event]), since: Instant::now() });
                Some(self.turn.load(Ordering::SeqCst))
            }
            (Event::RunFinished { run, .. }, Some(shown))
                if shown.view.run.as_ref() == Some(run) =>
            {
                drop(watched);
                self.end();
                None
            }
            (_, Some(shown)) => {
                shown.view.observe(event);
                None
            }
            // Of a run that began before we were there, or beside the one that is shown.
            (_, None) => None,
        }
    }

    /// Shows the run of `turn` until it ends.
    fn show(&self, turn: u64) {
        let mut wait = DELAY;
        loop {
            let watched = self.watched();
            let going_on = |_: &mut Option<Watched>| self.turn.load(Ordering::SeqCst) == turn;
            let woken = self.ended.wait_timeout_while(watched, wait, going_on);
            drop(woken);
            if !self.draw(turn) {
                return;
            }
            wait = if matches!(self.look, Look::Lines) { LINE_TICK } else { TICK };
        }
    }

    /// Draws the run of `turn` as it is now; false when it has ended.
    fn draw(&self, turn: u64) -> bool {
        let drawn = self.watched().as_ref().map(Drawn::of);
        let mut screen = self.screen();
        // Whoever ends the run changes the turn before clearing the screen.
        if self.turn.load(Ordering::SeqCst) != turn {
            return false;
        }
        let Some(drawn) = drawn else { return false };
        match &self.look {
            Look::Nothing => return false,
            Look::Lines => {
                let _ = writeln!(io::stderr(), "{}", drawn.line());
            }
            Look::Bar(target) => {
                drawn.on(screen
                    .bar
                    .get_or_insert_with(|| ProgressBar::with_draw_target(None, target())));
            }
        }
        true
    }

    /// Ends the run that is shown and clears the screen.
    fn end(&self) {
        *self.watched() = None;
        self.turn.fetch_add(1, Ordering::SeqCst);
        self.ended.notify_all();
        if let Some(bar) = self.screen().bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Prints above the bar.
    fn above(&self, print: impl FnOnce()) {
        match &self.screen().bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Says something once, where progress is shown.
    fn say(&self, text: String) {
        if matches!(self.look, Look::Nothing) || self.screen().said.contains(&text) {
            return;
        }
        self.above(|| (self.lines)(Stream::Stderr, &text));
        self.screen().said.insert(text);
    }

    fn watched(&self) -> MutexGuard<'_, Option<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run as it is drawn.
#[derive(Debug, Clone, PartialEq)]
struct Drawn {
    stage: String,
    fraction: Option<f64>,
    text: String,
}

impl Drawn {
    fn of(watched: &Watched) -> Self {
        let elapsed = watched.since.elapsed().as_secs_f64();
        let stage = watched.view.stage();
        let name = stage.map_or(watched.view.name.as_str(), |stage| stage.name.as_str());
        Self {
            stage: name.chars().filter(|letter| !letter.is_control()).take(20).collect(),
            fraction: stage.and_then(StageView::fraction),
            text: describe(stage, elapsed),
        }
    }

    fn line(&self) -> String {
        match self.fraction {
            Some(part) => format!("{} {:.0} %  {}", self.stage, part * 100.0, self.text),
            None => format!("{}  {}", self.stage, self.text),
        }
    }

    fn on(&self, bar: &ProgressBar) {
        let template = if self.fraction.is_some() {
            "{prefix} {wide_bar} {percent:>3} %  {msg}"
        } else {
            "{prefix} {spinner}  {wide_msg}"
        };
        // Both templates are ours and well-formed; indicatif's own would do, too.
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━╸ ");
        bar.set_style(style);
        bar.set_prefix(self.stage.clone());
        bar.set_message(self.text.clone());
        if let Some(part) = self.fraction {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // From 0 to 1000.
            bar.update(|state| {
                state.set_len(STEPS as u64);
                state.set_pos((part * STEPS) as u64);
            });
        }
        bar.tick();
    }
}

/// `2.25 M of 5.00 M rows · 1.20 M/s · 2.3 s left`
fn describe(stage: Option<&StageView>, elapsed: f64) -> String {
    let Some(stage) = stage else { return seconds(elapsed) };
    let rows = stage.unit.name();
    let (rate, show, unit) = match stage.measure() {
        Measure::Bytes => (stage.bytes_per_second(), size as fn(u64) -> String, String::new()),
        Measure::Rows => (stage.rows_per_second(), count as fn(u64) -> String, format!(" {rows}")),
        Measure::Tasks => (None, count as fn(u64) -> String, " tasks".to_owned()),
    };
    let (done, total) = stage.done();
    let mut parts = vec![match total {
        Some(total) if total >= done => format!("{} of {}{unit}", show(done), show(total)),
        _ => format!("{}{unit}", show(done)),
    }];
    parts.extend(rate.map(|rate| format!("{}/s", per_second(rate, show))));
    if stage.measure() == Measure::Tasks && stage.rows > 0 {
        parts.push(format!("{} {rows}", count(stage.rows)));
    }
    parts.push(match stage.seconds_left() {
        Some(left) => format!("{} left", seconds(left)),
        None => seconds(elapsed),
    });
    parts.join(" · ")
}

/// A rate: below ten, what counts is behind the point.
fn per_second(rate: f64, show: fn(u64) -> String) -> String {
    if rate > 0.0 && rate < 9.95 {
        return format!("{rate:.1}");
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Not negative; saturates.
    show(rate as u64)
}

#[cfg(test)]
mod tests;
