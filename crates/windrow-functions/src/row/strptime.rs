//! `datetime.strptime` and `fromisoformat`: CPython's own grammar of each directive.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock, Mutex};

use regex::Regex;

use crate::row::civil::days_of;
use crate::row::dates::{alternatives, made, named};
use crate::row::trouble::{Eval, Exc, NON_ASCII, leave, raise};
use crate::row::value::Val;

const WRONG: &str = "the text does not have the format of the date";

/// A format as a regular expression; the letters of its directives in order.
#[derive(Debug)]
struct Grammar {
    regex: Regex,
    letters: Vec<char>,
}

/// The grammars that were used; None for a format that is not compiled.
type Known = HashMap<String, Option<Arc<Grammar>>>;
static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
const MAX_KNOWN: usize = 200;

fn grammar(format: &str) -> Option<Arc<Grammar>> {
    let Ok(mut known) = KNOWN.lock() else { return None };
    if let Some(found) = known.get(format) {
        return found.clone();
    }
    if known.len() >= MAX_KNOWN {
        known.clear();
    }
    let made = Grammar::new(format).map(Arc::new);
    known.insert(format.to_owned(), made.clone());
    made
}

impl Grammar {
    fn new(format: &str) -> Option<Self> {
        if !format.is_ascii() {
            return None;
        }
        let mut pattern = String::from("(?i-u)^(?:");
        let mut letters = Vec::new();
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c.is_ascii_whitespace() || ('\x1c'..='\x1f').contains(&c) {
                while chars.peek().is_some_and(|c| c.is_ascii_whitespace()) {
                    chars.next();
                }
                pattern.push_str(r"[\t-\r\x1c- ]+");
                continue;
            }
            if c != '%' {
                let _ = write!(pattern, r"\x{:02x}", u32::from(c));
                continue;
            }
            let letter = chars.next()?;
            if letter == '%' {
                pattern.push('%');
                continue;
            }
            if letters.contains(&letter) {
                return None;
            }
            letters.push(letter);
            let _ = write!(pattern, "({})", directive(letter)?);
        }
        pattern.push(')');
        Regex::new(&pattern).ok().map(|regex| Self { regex, letters })
    }
}

/// What CPython's `_strptime` matches for a directive.
fn directive(letter: char) -> Option<String> {
    let plain = match letter {
        'd' => "3[0-1]|[1-2][0-9]|0[1-9]|[1-9]| [1-9]",
        'f' => "[0-9]{1,6}",
        'H' => "2[0-3]|[0-1][0-9]|[0-9]",
        'I' => "1[0-2]|0[1-9]|[1-9]",
        'm' => "1[0-2]|0[1-9]|[1-9]",
        'M' => "[0-5][0-9]|[0-9]",
        'S' => "6[0-1]|[0-5][0-9]|[0-9]",
        'y' => "[0-9][0-9]",
        'Y' => "[0-9][0-9][0-9][0-9]",
        'p' => "am|pm",
        'B' | 'b' => return Some(alternatives(true, letter == 'b')),
        'A' | 'a' => return Some(alternatives(false, letter == 'a')),
        _ => return None,
    };
    Some(plain.to_owned())
}

/// `datetime.strptime(text, format)`
pub(crate) fn parse<'v>(text: &str, format: &str) -> Eval<Val<'v>> {
    if !text.is_ascii() {
        return leave(NON_ASCII);
    }
    let Some(grammar) = grammar(format) else { return leave("a format that is special") };
    let Some(found) = grammar.regex.captures(text) else {
        // Newer versions also take a space before the hour.
        let hours = grammar.letters.contains(&'I');
        return if hours { leave(WRONG) } else { raise(Exc::Value, WRONG) };
    };
    if found.get(0).is_none_or(|whole| whole.end() != text.len()) {
        return raise(Exc::Value, "text is left behind the date");
    }
    // Year, month, day, hour, minute, second, microsecond.
    let mut parts = [1900, 1, 1, 0, 0, 0, 0];
    let (mut hour12, mut half) = (None, None);
    for (index, letter) in grammar.letters.iter().enumerate() {
        let part = found.get(index + 1).map_or("", |part| part.as_str());
        let number: i64 = part.trim().parse().unwrap_or(0);
        match letter {
            'Y' => parts[0] = number,
            'y' => parts[0] = if number <= 68 { 2000 + number } else { 1900 + number },
            'm' => parts[1] = number,
            'B' | 'b' => parts[1] = named(part, true, *letter == 'b').unwrap_or(0) + 1,
            'd' => parts[2] = number,
            'H' => parts[3] = number,
            'I' => hour12 = Some(number),
            'p' => half = Some(part.eq_ignore_ascii_case("pm")),
            'M' => parts[4] = number,
            'S' => parts[5] = number,
            'f' => parts[6] = format!("{part:0<6}").parse().unwrap_or(0),
            _ => {}
        }
    }
    if let Some(hour) = hour12 {
        if grammar.letters.contains(&'H') {
            return leave("a format with two hours");
        }
        parts[3] = hour % 12 + if half == Some(true) { 12 } else { 0 };
    }
    if parts[0] == 0 {
        return leave("a year before the calendar");
    }
    made(false, parts)
}

/// `datetime.fromisoformat(text)` or `date.fromisoformat(text)` of the common forms.
pub(crate) fn iso<'v>(text: &str, is_date: bool) -> Eval<Val<'v>> {
    if !text.is_ascii() {
        return leave(NON_ASCII);
    }
    let uncommon = || leave("a date in a form that is not common");
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let separated = |at: usize, by: &str| text.get(at..=at).is_some_and(|c| by.contains(c));
    let date = (number(0, 4), number(5, 7), number(8, 10));
    let (Some(year), Some(month), Some(day)) = date else { return uncommon() };
    if !separated(4, "-") || !separated(7, "-") || days_of(year, month, day).is_none() {
        return uncommon();
    }
    let mut parts = [year, month, day, 0, 0, 0, 0];
    if text.len() > 10 {
        if is_date || !separated(10, "T ") || !separated(13, ":") {
            return uncommon();
        }
        let (Some(hour), Some(minute)) = (number(11, 13), number(14, 16)) else {
            return uncommon();
        };
        (parts[3], parts[4]) = (hour, minute);
        if text.len() > 16 {
            let Some(second) = number(17, 19).filter(|_| separated(16, ":")) else {
                return uncommon();
            };
            parts[5] = second;
            if text.len() > 19 {
                let micros = number(20, 26).filter(|_| separated(19, ".") && text.len() == 26);
                let Some(micros) = micros else { return uncommon() };
                parts[6] = micros;
            }
        }
    }
    if parts[3] > 23 || parts[4] > 59 || parts[5] > 59 {
        return uncommon();
    }
    made(is_date, parts)
}
