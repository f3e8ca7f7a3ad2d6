//! Numbers as people read them: counts, sizes, times.

/// A count in at most three digits and a unit: `999`, `12.3 k`, `5.00 M`.
#[must_use]
pub fn count(count: u64) -> String {
    scaled(count, 1000, &["", "k", "M", "G", "T", "P", "E"])
}

/// A size: `999 B`, `1.50 GiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    scaled(bytes, 1024, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

/// A time: `0.8 s`, `42 s`, `3:07`, `2:03:00`. Less than nothing and more than a century are `?`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    if !(0.0..3.2e9).contains(&seconds) {
        return "?".to_owned();
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // In range, by the above.
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, second) => format!("{second} s"),
        (0, minute, second) => format!("{minute}:{second:02}"),
        (hour, minute, second) => format!("{hour}:{minute:02}:{second:02}"),
    }
}

#[allow(clippy::cast_precision_loss)] // Three digits are shown.
fn scaled(number: u64, step: u64, units: &[&str]) -> String {
    if number < step {
        return format!("{number} {}", units[0]).trim_end().to_owned();
    }
    let mut unit = 0;
    let mut value = number as f64;
    // What would be rounded up to four digits goes to the next unit.
    while value >= step as f64 - 0.5 && unit + 1 < units.len() {
        value /= step as f64;
        unit += 1;
    }
    let digits = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::{count, seconds, size};

    #[test]
    fn counts_have_three_digits() {
        let shown = [0, 999, 1000, 12_345, 999_400, 999_600, 5_000_000].map(count);
        assert_eq!(shown, ["0", "999", "1.00 k", "12.3 k", "999 k", "1.00 M", "5.00 M"]);
    }

    #[test]
    fn sizes_have_binary_units() {
        let shown = [0, 1023, 1536, 1 << 30, u64::MAX].map(size);
        assert_eq!(shown, ["0 B", "1023 B", "1.50 KiB", "1.00 GiB", "16.0 EiB"]);
    }

    #[test]
    fn times_read_like_a_clock() {
        let shown = [0.04, 9.94, 42.4, 59.6, 187.0, 7380.0, -1.0, f64::INFINITY].map(seconds);
        assert_eq!(shown, ["0.0 s", "9.9 s", "42 s", "1:00", "3:07", "2:03:00", "?", "?"]);
    }
}
