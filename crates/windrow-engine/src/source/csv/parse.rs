//! One field's bytes to a number, and which kind of value they look like.

use std::borrow::Cow;

use super::options::CsvOptions;

/// How numbers are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    decimal: u8,
    thousands: Option<u8>,
}

impl Numbers {
    pub(crate) fn new(options: &CsvOptions) -> Self {
        Self {
            decimal: options.decimal as u8,
            thousands: options.thousands.map(|character| character as u8),
        }
    }

    /// `value` in the plain notation.
    pub(crate) fn plain<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        let value = value.trim_ascii();
        if self.decimal == b'.' && self.thousands.is_none() {
            return Cow::Borrowed(value);
        }
        let kept = value.iter().filter(|byte| Some(**byte) != self.thousands);
        Cow::Owned(kept.map(|byte| if *byte == self.decimal { b'.' } else { *byte }).collect())
    }

    pub(crate) fn integer(&self, value: &[u8]) -> Option<i128> {
        integer(&self.plain(value))
    }

    pub(crate) fn float(&self, value: &[u8]) -> Option<f64> {
        float(&self.plain(value))
    }
}

/// Decimal digits with an optional sign.
fn integer(value: &[u8]) -> Option<i128> {
    let (negative, digits) = match value.first()? {
        b'-' => (true, &value[1..]),
        b'+' => (false, &value[1..]),
        _ => (false, value),
    };
    if digits.is_empty() || digits.len() > 38 {
        return None;
    }
    let number = if digits.len() <= 18 {
        let mut number = 0_u64;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number * 10 + u64::from(digit);
        }
        i128::from(number)
    } else {
        digits.iter().try_fold(0_i128, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i128::from(byte - b'0'))
        })?
    };
    Some(if negative { -number } else { number })
}

/// As Python's `float`, but without underscores.
fn float(value: &[u8]) -> Option<f64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// What values look like. A column's kind is the narrowest that holds all of its sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing but missing values so far.
    #[default]
    Missing,
    Bool,
    Int,
    /// Whole numbers, some above the range of int64.
    UInt,
    Float,
    Text,
}

impl Kind {
    /// The kind of one value that is not missing.
    pub(crate) fn of(value: &[u8], truth: &super::missing::Truth, numbers: &Numbers) -> Self {
        if truth.of(value).is_some() {
            return Self::Bool;
        }
        if let Some(number) = numbers.integer(value) {
            if i64::try_from(number).is_ok() {
                return Self::Int;
            }
            return if u64::try_from(number).is_ok() { Self::UInt } else { Self::Text };
        }
        match numbers.float(value) {
            Some(number) if !number.is_nan() => Self::Float,
            _ => Self::Text,
        }
    }

    /// The kind that holds both.
    pub(crate) fn with(self, other: Self) -> Self {
        match (self, other) {
            (left, right) if left == right => left,
            (Self::Missing, kind) | (kind, Self::Missing) => kind,
            (Self::Int, Self::UInt) | (Self::UInt, Self::Int) => Self::UInt,
            (Self::Int | Self::UInt | Self::Float, Self::Int | Self::UInt | Self::Float) => {
                Self::Float
            }
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        assert_eq!(integer(b"-007"), Some(-7));
        assert_eq!(integer(b"18446744073709551615"), Some(i128::from(u64::MAX)));
        assert_eq!(integer(b"1.0"), None);
        assert_eq!(integer(b"-"), None);
    }

    #[test]
    fn other_notations() {
        let numbers = Numbers { decimal: b',', thousands: Some(b'.') };
        assert_eq!(numbers.float(b"1.234,5"), Some(1234.5));
    }
}
