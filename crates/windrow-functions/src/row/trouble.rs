//! Why a row has no value: an exception that is certain, or something to leave to CPython.

/// An exception, by its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Exc {
    Assertion,
    Attribute,
    Index,
    Key,
    Overflow,
    Runtime,
    NotImplemented,
    StopIteration,
    Type,
    UnboundLocal,
    Value,
    ZeroDivision,
    Exception,
}

/// Every class by which a handler may catch them, and the bases of each.
const CLASSES: [(Exc, &str, &[&str]); 13] = [
    (Exc::Assertion, "AssertionError", &[]),
    (Exc::Attribute, "AttributeError", &[]),
    (Exc::Index, "IndexError", &["LookupError"]),
    (Exc::Key, "KeyError", &["LookupError"]),
    (Exc::Overflow, "OverflowError", &["ArithmeticError"]),
    (Exc::Runtime, "RuntimeError", &[]),
    (Exc::NotImplemented, "NotImplementedError", &["RuntimeError"]),
    (Exc::StopIteration, "StopIteration", &[]),
    (Exc::Type, "TypeError", &[]),
    (Exc::UnboundLocal, "UnboundLocalError", &["NameError"]),
    (Exc::Value, "ValueError", &[]),
    (Exc::ZeroDivision, "ZeroDivisionError", &["ArithmeticError"]),
    (Exc::Exception, "Exception", &[]),
];

impl Exc {
    /// The name of the class.
    pub(crate) fn name(self) -> &'static str {
        CLASSES.iter().find(|class| class.0 == self).map_or("Exception", |class| class.1)
    }

    /// The class of that name, if such exceptions are raised here.
    pub(crate) fn named(name: &str) -> Option<Self> {
        CLASSES.iter().find(|class| class.1 == name).map(|class| class.0)
    }

    /// Whether `except name` catches it.
    pub(crate) fn is_caught_by(self, name: &str) -> bool {
        name == "Exception"
            || name == "BaseException"
            || CLASSES
                .iter()
                .any(|class| class.0 == self && (class.1 == name || class.2.contains(&name)))
    }
}

/// What ends the work on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Trouble {
    /// CPython has to find out; in words.
    Leave(&'static str),
    /// This exception is certain; what is wrong, in words.
    Raise(Exc, &'static str),
}

pub(crate) type Eval<T> = Result<T, Trouble>;

pub(crate) fn leave<T>(why: &'static str) -> Eval<T> {
    Err(Trouble::Leave(why))
}

pub(crate) fn raise<T>(exc: Exc, why: &'static str) -> Eval<T> {
    Err(Trouble::Raise(exc, why))
}

pub(crate) fn type_error<T>(why: &'static str) -> Eval<T> {
    raise(Exc::Type, why)
}

/// In CPython the work would have been done later or never: then an exception is not certain.
pub(crate) fn uncertain(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Raise(_, why) | Trouble::Leave(why) => Trouble::Leave(why),
    }
}

/// Texts and lists beyond this length are left to CPython.
pub(crate) const MAX_LENGTH: usize = 1 << 20;

/// That a text of `length` bytes is not too long.
pub(crate) fn text_fits(length: usize) -> Eval<()> {
    if length > MAX_LENGTH { leave("a very long text") } else { Ok(()) }
}

/// That a list of `length` items is not too long.
pub(crate) fn list_fits(length: usize) -> Eval<()> {
    if length > MAX_LENGTH { leave("a very long list") } else { Ok(()) }
}

pub(crate) const BIG: &str = "an integer beyond 64 bits";
pub(crate) const NON_ASCII: &str = "a text with characters beyond ASCII";
pub(crate) const SAME_NAN: &str = "whether two NaN are the same object";
pub(crate) const LARGE: &str = "a large dict or set made for one row";
