//! The calendar: days and microseconds since 1970-01-01, and what people call them.

/// Microseconds in a day.
pub(crate) const DAY: i64 = 86_400_000_000;
/// 0001-01-01 and 9999-12-31, the ends of Python's calendar.
pub(crate) const MIN_DATE: i64 = -719_162;
pub(crate) const MAX_DATE: i64 = 2_932_896;
/// `timedelta.max` in whole days is far beyond 64 bits of microseconds; this is within.
pub(crate) const MAX_DELTA: i64 = 100_000_000 * DAY;

/// The days of a date, if there is such a date.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let valid = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=month_length(year, month)).contains(&day);
    if !valid {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Year, month and day.
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Monday is 0.
pub(crate) fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

/// The day's number in its year, from 1.
pub(crate) fn day_of_year(days: i64) -> i64 {
    let (year, _, _) = date_of(days);
    days_of(year, 1, 1).map_or(1, |first| days - first + 1)
}

/// ISO year, week and weekday (Monday is 1).
pub(crate) fn iso_calendar(days: i64) -> (i64, i64, i64) {
    let weekday = weekday(days);
    // The week belongs to the year of its Thursday.
    let thursday = days - weekday + 3;
    let (year, _, _) = date_of(thursday);
    (year, (day_of_year(thursday) - 1) / 7 + 1, weekday + 1)
}

/// Hour, minute, second and microsecond.
pub(crate) fn clock(micros: i64) -> (i64, i64, i64, i64) {
    let rest = micros.rem_euclid(DAY);
    let seconds = rest / 1_000_000;
    (seconds / 3600, seconds / 60 % 60, seconds % 60, rest % 1_000_000)
}
