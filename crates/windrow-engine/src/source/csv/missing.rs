//! Which values mean "missing", and which mean true and false.

use super::options::{CsvOptions, NaValue};

/// pandas' own strings for "missing".
const DEFAULT: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// The values of a column that mean "missing".
#[derive(Debug, Clone)]
pub(crate) struct Missing {
    empty: bool,
    /// By first byte.
    strings: Vec<Vec<Box<[u8]>>>,
    numbers: Vec<f64>,
}

impl Missing {
    pub(crate) fn new(options: &CsvOptions, column: &str) -> Self {
        let mut missing =
            Self { empty: false, strings: vec![Vec::new(); 256], numbers: Vec::new() };
        if !options.na_filter {
            return missing;
        }
        if options.keep_default_na {
            DEFAULT.iter().for_each(|text| missing.add(text));
        }
        for value in options.na_values.of(column) {
            match value {
                NaValue::Text(text) => {
                    missing.add(text);
                    missing.numbers.extend(text.parse::<f64>());
                }
                NaValue::Number(number) => {
                    missing.add(&number.to_string());
                    missing.numbers.push(*number);
                }
            }
        }
        missing
    }

    fn add(&mut self, text: &str) {
        match text.as_bytes().first() {
            None => self.empty = true,
            Some(first) => self.strings[usize::from(*first)].push(text.as_bytes().into()),
        }
    }

    /// Whether `value` means "missing".
    #[inline]
    pub(crate) fn contains(&self, value: &[u8]) -> bool {
        match value.first() {
            None => self.empty,
            Some(first) => self.strings[usize::from(*first)].iter().any(|text| **text == *value),
        }
    }

    /// Whether this number means "missing", however it was written.
    #[inline]
    pub(crate) fn contains_number(&self, number: f64) -> bool {
        !self.numbers.is_empty() && self.numbers.contains(&number)
    }
}

/// The words for true and false.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    yes: Vec<Box<[u8]>>,
    no: Vec<Box<[u8]>>,
}

impl Truth {
    pub(crate) fn new(options: &CsvOptions) -> Self {
        let words = |more: &[String], own: [&str; 3]| {
            own.iter()
                .map(|word| word.as_bytes().into())
                .chain(more.iter().map(|word| word.as_bytes().into()))
                .collect()
        };
        Self {
            yes: words(&options.true_values, ["True", "TRUE", "true"]),
            no: words(&options.false_values, ["False", "FALSE", "false"]),
        }
    }

    pub(crate) fn of(&self, value: &[u8]) -> Option<bool> {
        if self.yes.iter().any(|word| **word == *value) {
            return Some(true);
        }
        self.no.iter().any(|word| **word == *value).then_some(false)
    }
}
