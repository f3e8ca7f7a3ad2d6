//! Dates, datetimes and timedeltas: making them, their attributes and methods, `strftime`.

use std::fmt::Write;

use crate::row::civil::{
    DAY, MAX_DATE, MAX_DELTA, MIN_DATE, clock, date_of, day_of_year, days_of, is_leap,
    iso_calendar, month_length, weekday,
};
use crate::row::exec::Runner;
use crate::row::names::{Attribute, Known, Method};
use crate::row::trouble::{Eval, Exc, leave, raise, type_error};
use crate::row::value::{Val, tuple};
use crate::row::{repr, strptime};

const OTHER: &str = "this call of a method of a date";
const NO_DATE: &str = "there is no such date or time";

/// The days of a date or of the date of a datetime.
fn days(value: &Val<'_>) -> Option<i64> {
    match value {
        Val::Date(days) => Some(*days),
        Val::DateTime(micros) => Some(micros.div_euclid(DAY)),
        _ => None,
    }
}

/// `value.attribute`
pub(crate) fn attribute<'a>(value: Val<'a>, attribute: Attribute) -> Eval<Val<'a>> {
    let number = match (value, attribute) {
        (Val::Date(_) | Val::DateTime(_), Attribute::Year | Attribute::Month | Attribute::Day) => {
            let (year, month, day) = date_of(days(&value).unwrap_or(0));
            match attribute {
                Attribute::Year => year,
                Attribute::Month => month,
                _ => day,
            }
        }
        (Val::DateTime(micros), _) => {
            let (hour, minute, second, micro) = clock(micros);
            match attribute {
                Attribute::Hour => hour,
                Attribute::Minute => minute,
                Attribute::Second => second,
                Attribute::Microsecond => micro,
                _ => return raise(Exc::Attribute, "a datetime has no such attribute"),
            }
        }
        (Val::Delta(micros), Attribute::Days) => micros.div_euclid(DAY),
        (Val::Delta(micros), Attribute::Seconds) => micros.rem_euclid(DAY) / 1_000_000,
        (Val::Delta(micros), Attribute::Microseconds) => micros.rem_euclid(1_000_000),
        (Val::Tuple([_, Val::Int(week), _]), Attribute::Week) => *week,
        (Val::Tuple(_) | Val::Match(_) | Val::Pattern(_), _) => return leave("this attribute"),
        _ => return raise(Exc::Attribute, "the value has no such attribute"),
    };
    Ok(Val::Int(number))
}

/// `date(...)`, `datetime(...)` or `timedelta(...)`.
pub(crate) fn construct<'a>(
    known: Known,
    args: &[Val<'a>],
    named: &[(&str, Val<'a>)],
) -> Eval<Val<'a>> {
    let names: &[&str] = match known {
        Known::Date => &["year", "month", "day"],
        Known::DateTime => &["year", "month", "day", "hour", "minute", "second", "microsecond"],
        _ => &["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"],
    };
    let mut parts: Vec<Option<Val<'a>>> = args.iter().copied().map(Some).collect();
    if parts.len() > names.len() {
        return leave("more arguments than a date has parts");
    }
    parts.resize(names.len(), None);
    for (name, value) in named {
        match names.iter().position(|known| known == name) {
            Some(at) if parts[at].is_none() => parts[at] = Some(*value),
            _ => return leave("these arguments of a date"),
        }
    }
    if known == Known::Delta {
        return delta(&parts);
    }
    let mut numbers = [0; 7];
    for (index, part) in parts.iter().enumerate() {
        numbers[index] = match part {
            None if index < 3 => return type_error("a date without year, month or day"),
            None => 0,
            Some(value) => match value.int() {
                Some(number) => number,
                None => return type_error("a part of a date that is no integer"),
            },
        };
    }
    made(known == Known::Date, numbers)
}

/// The date or datetime of those parts.
pub(crate) fn made<'v>(is_date: bool, parts: [i64; 7]) -> Eval<Val<'v>> {
    let [year, month, day, hour, minute, second, micro] = parts;
    if parts.iter().any(|part| i32::try_from(*part).is_err()) {
        return leave("a part of a date beyond 32 bits");
    }
    let valid = (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && (0..1_000_000).contains(&micro);
    match days_of(year, month, day).filter(|_| valid) {
        None => raise(Exc::Value, NO_DATE),
        Some(days) if is_date => Ok(Val::Date(days)),
        Some(days) => {
            let seconds = hour * 3600 + minute * 60 + second;
            Ok(Val::DateTime(days * DAY + seconds * 1_000_000 + micro))
        }
    }
}

fn delta<'v>(parts: &[Option<Val<'_>>]) -> Eval<Val<'v>> {
    let units = [DAY, 1_000_000, 1, 1_000, 60_000_000, 3_600_000_000, 7 * DAY];
    let mut total: i64 = 0;
    for (part, unit) in parts.iter().zip(units) {
        let micros = match part {
            None => Some(0),
            Some(Val::Float(x)) => {
                // Whole numbers are exact; CPython carries the rest of others in its own way.
                match crate::kernel::number::whole(*x) {
                    Some(count) => count.checked_mul(unit),
                    None if x.is_nan() => return raise(Exc::Value, "NaN as a time"),
                    None if x.is_infinite() => return raise(Exc::Overflow, "an endless time"),
                    None => return leave("a fraction of a time"),
                }
            }
            Some(value) => match value.int() {
                Some(count) => count.checked_mul(unit),
                None => return type_error("a part of a timedelta that is no number"),
            },
        };
        let Some(sum) = micros.and_then(|micros| total.checked_add(micros)) else {
            return leave("a very long time");
        };
        total = sum;
    }
    if total.abs() > MAX_DELTA {
        return leave("a very long time");
    }
    Ok(Val::Delta(total))
}

/// Functions that make dates from texts, and those of `calendar`.
pub(crate) fn parse<'a>(runner: &mut Runner<'a>, known: Known, args: &[Val<'a>]) -> Eval<Val<'a>> {
    match (known, args) {
        (Known::Strptime, [Val::Str(text), Val::Str(format)]) => strptime::parse(text, format),
        (Known::FromIso, [Val::Str(text)]) => strptime::iso(text, false),
        (Known::DateFromIso, [Val::Str(text)]) => strptime::iso(text, true),
        (Known::Strptime | Known::FromIso | Known::DateFromIso, _) => {
            type_error("a date is read from a text")
        }
        (Known::IsLeap, [year]) => match year.int() {
            Some(year) => Ok(Val::Bool(is_leap(year))),
            None => leave("this call"),
        },
        (Known::Monthrange, [year, month]) => match (year.int(), month.int()) {
            (Some(year), Some(month))
                if (1..=9999).contains(&year) && (1..=12).contains(&month) =>
            {
                let first = days_of(year, month, 1).unwrap_or(0);
                let length = Val::Int(month_length(year, month));
                Ok(tuple(runner.arena, &[Val::Int(weekday(first)), length]))
            }
            _ => leave("this call"),
        },
        (Known::FromOrdinal, [days]) => match days.int() {
            Some(number) if (1..=MAX_DATE - MIN_DATE + 1).contains(&number) => {
                Ok(Val::Date(number - 1 + MIN_DATE))
            }
            Some(_) => raise(Exc::Value, NO_DATE),
            None => type_error("an ordinal that is no integer"),
        },
        _ => leave("this call"),
    }
}

/// `value.method(args)`
pub(crate) fn method<'a>(
    runner: &mut Runner<'a>,
    value: Val<'a>,
    method: Method,
    args: &[Val<'a>],
) -> Eval<Val<'a>> {
    if let Val::Delta(micros) = value {
        return match method {
            Method::TotalSeconds if args.is_empty() => total_seconds(micros),
            Method::TotalSeconds => type_error(OTHER),
            _ => leave(OTHER),
        };
    }
    let days = days(&value).unwrap_or(0);
    match (method, args) {
        (Method::Weekday, []) => Ok(Val::Int(weekday(days))),
        (Method::Isoweekday, []) => Ok(Val::Int(weekday(days) + 1)),
        (Method::Isocalendar, []) => {
            let (year, week, day) = iso_calendar(days);
            Ok(tuple(runner.arena, &[year, week, day].map(Val::Int)))
        }
        (Method::Toordinal, []) => Ok(Val::Int(days - MIN_DATE + 1)),
        (Method::Date, []) if matches!(value, Val::DateTime(_)) => Ok(Val::Date(days)),
        (Method::Date, []) => raise(Exc::Attribute, "a date has no such method"),
        (Method::Isoformat, []) => {
            let mut out = String::new();
            match value {
                Val::DateTime(micros) => repr::datetime(micros, 'T', &mut out),
                _ => repr::date(days, &mut out),
            }
            Ok(Val::Str(runner.arena.alloc_str(&out)))
        }
        (Method::Strftime, [Val::Str(format)]) => {
            let mut out = String::new();
            strftime(&value, format, &mut out)?;
            Ok(Val::Str(runner.arena.alloc_str(&out)))
        }
        (Method::Strftime, [_]) => type_error("a format that is no text"),
        (Method::Replace, parts) => replaced(&value, parts),
        _ => leave(OTHER),
    }
}

/// Microseconds over a million, rounded once.
#[allow(clippy::cast_precision_loss)]
fn total_seconds<'v>(micros: i64) -> Eval<Val<'v>> {
    match crate::kernel::number::true_div(micros, 1_000_000) {
        Some(seconds) => Ok(Val::Float(seconds)),
        None => leave("a very long time"),
    }
}

fn replaced<'a>(value: &Val<'a>, parts: &[Val<'a>]) -> Eval<Val<'a>> {
    let is_date = matches!(value, Val::Date(_));
    let micros = match value {
        Val::DateTime(micros) => *micros,
        _ => days(value).unwrap_or(0) * DAY,
    };
    let (year, month, day) = date_of(micros.div_euclid(DAY));
    let (hour, minute, second, micro) = clock(micros);
    let mut numbers = [year, month, day, hour, minute, second, micro];
    if parts.len() > if is_date { 3 } else { 7 } {
        return leave(OTHER);
    }
    for (number, part) in numbers.iter_mut().zip(parts) {
        match part {
            Val::None => {}
            _ => match part.int() {
                Some(given) => *number = given,
                None => return type_error("a part of a date that is no integer"),
            },
        }
    }
    made(is_date, numbers)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The number of a month or weekday (from 0) by its name, long or short, in any case.
pub(crate) fn named(name: &str, month: bool, short: bool) -> Option<i64> {
    let names: &[&str] = if month { &MONTHS } else { &WEEKDAYS };
    let at = names.iter().position(|known| {
        let known = if short { &known[..3] } else { known };
        known.eq_ignore_ascii_case(name)
    });
    at.and_then(|at| i64::try_from(at).ok())
}

/// The names of months or weekdays, as alternatives of a regular expression.
pub(crate) fn alternatives(month: bool, short: bool) -> String {
    let names: &[&str] = if month { &MONTHS } else { &WEEKDAYS };
    let mut names: Vec<&str> = names.iter().map(|n| if short { &n[..3] } else { n }).collect();
    // The longest first, as CPython has them.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.join("|")
}

/// Appends `value.strftime(format)`.
pub(crate) fn strftime(value: &Val<'_>, format: &str, out: &mut String) -> Eval<()> {
    let days = days(value).unwrap_or(0);
    let (hour, minute, second, micro) = match value {
        Val::DateTime(micros) => clock(*micros),
        _ => (0, 0, 0, 0),
    };
    let (year, month, day) = date_of(days);
    let name = |names: &'static [&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or("")
    };
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            if !c.is_ascii() || c == '\0' {
                return leave("a format beyond ASCII");
            }
            out.push(c);
            continue;
        }
        let _ = match chars.next() {
            Some('Y') if year >= 1000 => write!(out, "{year}"),
            Some('y') if year >= 1000 => write!(out, "{:02}", year % 100),
            Some('m') => write!(out, "{month:02}"),
            Some('d') => write!(out, "{day:02}"),
            Some('e') => write!(out, "{day:2}"),
            Some('H') => write!(out, "{hour:02}"),
            Some('I') => write!(out, "{:02}", (hour + 11) % 12 + 1),
            Some('M') => write!(out, "{minute:02}"),
            Some('S') => write!(out, "{second:02}"),
            Some('f') => write!(out, "{micro:06}"),
            Some('p') => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
            Some('j') => write!(out, "{:03}", day_of_year(days)),
            Some('u') => write!(out, "{}", weekday(days) + 1),
            Some('w') => write!(out, "{}", (weekday(days) + 1) % 7),
            Some('B') => write!(out, "{}", name(&MONTHS, month - 1)),
            Some('b' | 'h') => write!(out, "{}", &name(&MONTHS, month - 1)[..3]),
            Some('A') => write!(out, "{}", name(&WEEKDAYS, weekday(days))),
            Some('a') => write!(out, "{}", &name(&WEEKDAYS, weekday(days))[..3]),
            Some('F') if year >= 1000 => write!(out, "{year}-{month:02}-{day:02}"),
            Some('T') => write!(out, "{hour:02}:{minute:02}:{second:02}"),
            Some('V') => write!(out, "{:02}", iso_calendar(days).1),
            Some('G') if year >= 1001 => write!(out, "{}", iso_calendar(days).0),
            // Weeks that begin with Sunday or Monday, the days before the first being week 0.
            Some('U') => {
                let sunday_based = (weekday(days) + 1) % 7;
                write!(out, "{:02}", (day_of_year(days) + 6 - sunday_based) / 7)
            }
            Some('W') => {
                write!(out, "{:02}", (day_of_year(days) + 6 - weekday(days)) / 7)
            }
            Some('%') => write!(out, "%"),
            _ => return leave("a format that is special"),
        };
    }
    Ok(())
}
