//! Cutting a CSV file at record borders although line ends may be inside quotes.
//!
//! Whether the byte at an offset is inside quotes depends on all bytes before it. But what a stretch of bytes *does*
//! to that state does not: for each state at its start there is one at its end. So every stretch is summed up once,
//! looking at quotes only (at memory speed, shared by all partitions), and the state at a border is the composition
//! of the stretches before it:
//!
//! ```text
//!   body        border 1      border 2
//!   ├─ f0: U→Q ──┼─ f1: Q→U ───┼─ ...        state at border 2 = f1(f0(U)) = U
//!       Q→U          U→Q
//! ```

use super::tokenize::Dialect;

/// Where a byte is, as far as quotes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Unquoted,
    Quoted,
    /// Right after a closing quote; another one makes both a quote inside the field.
    Closed,
}

/// What a stretch of bytes does to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transfer([State; 3]);

impl Transfer {
    /// No bytes yet.
    pub(crate) const IDENTITY: Self = Self([State::Unquoted, State::Quoted, State::Closed]);

    pub(crate) fn apply(&self, state: State) -> State {
        self.0[state as usize]
    }

    /// Adds `bytes`, which come after a byte `before`.
    pub(crate) fn extend(&mut self, dialect: &Dialect, before: u8, bytes: &[u8]) {
        let Some(quote) = dialect.quote else { return };
        let mut known: [Option<State>; 3] = [None; 3];
        for state in &mut self.0 {
            let end = match known[*state as usize] {
                Some(end) => end,
                None => run(dialect, quote, before, bytes, *state),
            };
            known[*state as usize] = Some(end);
            *state = end;
        }
    }
}

fn opens(dialect: &Dialect, before: u8) -> bool {
    before == dialect.sep || before == b'\n' || before == b'\r'
}

fn run(dialect: &Dialect, quote: u8, before: u8, bytes: &[u8], start: State) -> State {
    let mut state = start;
    let mut at = 0;
    while at < bytes.len() {
        if state == State::Closed {
            if dialect.doublequote && bytes[at] == quote {
                state = State::Quoted;
                at += 1;
            } else {
                state = State::Unquoted;
            }
            continue;
        }
        let Some(found) = memchr::memchr(quote, &bytes[at..]).map(|found| found + at) else {
            return state;
        };
        at = found + 1;
        state = match state {
            State::Quoted => State::Closed,
            _ if opens(dialect, if found == 0 { before } else { bytes[found - 1] }) => {
                State::Quoted
            }
            other => other,
        };
    }
    state
}

/// The first record start in `bytes` (an index, perhaps `bytes.len()`), which are in `state` after a byte `before`;
/// or the state at their end.
pub(crate) fn first_record(
    dialect: &Dialect,
    before: u8,
    bytes: &[u8],
    state: State,
) -> Result<usize, State> {
    let mut state = state;
    if state != State::Quoted && before == b'\n' {
        return Ok(0);
    }
    let quote = dialect.quote.unwrap_or(b'\n');
    let mut at = 0;
    while at < bytes.len() {
        match state {
            State::Closed if dialect.doublequote && bytes[at] == quote => {
                state = State::Quoted;
                at += 1;
            }
            State::Closed => state = State::Unquoted,
            State::Quoted => {
                let Some(found) = memchr::memchr(quote, &bytes[at..]) else { return Err(state) };
                at += found + 1;
                state = State::Closed;
            }
            State::Unquoted => {
                let Some(found) =
                    memchr::memchr2(b'\n', quote, &bytes[at..]).map(|found| found + at)
                else {
                    return Err(state);
                };
                if bytes[found] == b'\n' {
                    return Ok(found + 1);
                }
                if opens(dialect, if found == 0 { before } else { bytes[found - 1] }) {
                    state = State::Quoted;
                }
                at = found + 1;
            }
        }
    }
    Err(state)
}
