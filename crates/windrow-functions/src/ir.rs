//! The typed intermediate form: straight-line operations on lanes, every branch converted to
//! selection, with masks that say for which lanes a fault counts.
//!
//! There are no jumps. An `if` becomes two computations and a select; what can fault or is
//! expensive carries the mask of the lanes that really get there.

use crate::Reason;

/// A register file: all registers of a file hold lanes of one Rust type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum File {
    /// `i64`
    Int,
    /// `f64`
    Float,
    /// `u8`: truth values (0 or 1) and type tags
    Byte,
    /// `&str`
    Text,
}

pub(crate) const FILES: [File; 4] = [File::Int, File::Float, File::Byte, File::Text];

/// A register; before allocation each is written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    pub(crate) file: File,
    pub(crate) id: u32,
}

/// How a register gets its lanes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Def {
    /// By an operation.
    Computed,
    /// From column `n` of the batch; for `Byte` of a nullable column see `Valid`.
    Column(usize),
    /// From column `n`: 1 where it has a value.
    Valid(usize),
    /// The same in every lane.
    Int(i64),
    Float(f64),
    Byte(u8),
    Text(String),
}

/// Which lanes get to an operation; `None` is all of them.
pub(crate) type Mask = Option<Slot>;

/// The number of an exit; 0 means that the lane has not left.
pub(crate) type ExitCode = u8;

/// Why a row leaves native code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The exception that is certain, as Python names it; none: the interpreter has to find out.
    pub raises: Option<&'static str>,
    /// The place and the condition, in words.
    pub reason: Reason,
    /// Whether the row interpreter leaves at the same place, so that only CPython knows more.
    pub(crate) is_final: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Instr {
    pub(crate) op: Op,
    pub(crate) out: Option<Slot>,
    pub(crate) args: Vec<Slot>,
    pub(crate) mask: Mask,
    pub(crate) exit: ExitCode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Cmp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Cmp {
    /// The comparison with its sides exchanged.
    pub(crate) fn flipped(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            same => same,
        }
    }
}

/// What an operation does; the files of its arguments follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    // Int, Int -> Int
    IntAdd,
    IntSub,
    IntMul,
    IntFloorDiv,
    IntMod,
    IntPow,
    IntShl,
    IntShr,
    IntAnd,
    IntOr,
    IntXor,
    // Int -> Int
    IntNeg,
    IntAbs,
    IntInvert,
    // Int, Int -> Float
    IntDiv,
    // Float, Float -> Float
    FloatAdd,
    FloatSub,
    FloatMul,
    FloatDiv,
    FloatFloorDiv,
    FloatMod,
    FloatPow,
    // Float -> Float
    FloatNeg,
    FloatAbs,
    Math(MathFn),
    /// Float, Int -> Float: `round(x, n)`
    RoundDigits,
    // conversions
    /// Int -> Int: the same; leaves beyond 2**53
    IntExact,
    IntToFloat,
    ByteToInt,
    /// Truncates; `int(x)`
    FloatToInt,
    /// Half to even; `round(x)`
    FloatRound,
    FloatFloor,
    FloatCeil,
    // -> Byte
    IntCmp(Cmp),
    FloatCmp(Cmp),
    /// Int, Float: exact
    IntFloatCmp(Cmp),
    TextCmp(Cmp),
    IsNan,
    IsInf,
    ByteIs(u8),
    And,
    Or,
    Xor,
    Not,
    // Byte, X, X -> X
    SelectInt,
    SelectFloat,
    SelectByte,
    SelectText,
    /// Byte -> X: the constant that a code stands for
    Decode,
    /// Lanes of the mask leave; with an argument, those of them where it is 1.
    Leave,
    // tables
    /// X -> Int: the position of a key, or -1
    Find(TableId),
    /// Int -> X: the value at a position
    Gather(TableId),
    /// Int -> Byte: the type of the value at a position
    GatherTag(TableId),
    /// Int -> Int: an index made non-negative; leaves outside of the table
    CheckIndex(TableId),
    // text
    TextLen,
    TextTruth,
    TextConcat,
    TextRepeat,
    TextMap(TextMap),
    TextTest(TextTest),
    /// Text, Text -> Byte
    TextPairTest(TextPairTest),
    /// Text, Text -> Int
    TextFind {
        last: bool,
    },
    TextCount,
    /// Text, Text, Text -> Text
    TextReplace,
    /// Text, Int -> Text
    TextIndex,
    /// Text, Int, Int -> Text; the flags say which bounds are given
    TextSlice {
        lower: bool,
        upper: bool,
    },
    TextReverse,
    /// Text -> Int or Text: what a table has for each character, summed up or joined
    TextCharacters(TableId),
    /// Text, Text, Int -> Text: `s.split(sep)[k]`
    TextSplitItem(SplitWay),
    /// Text, Int -> Text: `s.split()[k]`
    TextSplitSpaceItem,
    /// Text, Text -> Int: the number of parts
    TextSplitLen(SplitWay),
    TextZfill,
    TextRemove {
        prefix: bool,
    },
    TextStripChars {
        left: bool,
        right: bool,
    },
    TextToInt,
    TextToFloat,
    IntToText,
    FloatToText,
    BoolToText,
    FormatInt(FormatId),
    FormatFloat(FormatId),
    FormatText(FormatId),
    TextOrd,
    IntChr,
}

impl Op {
    /// Whether an operation may be dropped when nothing reads its result: it cannot leave.
    pub(crate) fn is_total(self, exit: ExitCode) -> bool {
        exit == 0 && self != Self::Leave
    }
}

/// A captured dict, list, tuple, set or range.
pub(crate) type TableId = u16;
/// A parsed format specification.
pub(crate) type FormatId = u16;

/// How a text is cut at a separator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SplitWay {
    /// At most so many cuts; 0 for any number.
    pub(crate) limit: u8,
    pub(crate) from_right: bool,
    /// The separator is a part of its own, and there are always three.
    pub(crate) partition: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MathFn {
    Sqrt,
    Exp,
    Log,
    Log2,
    Log10,
    Sin,
    Cos,
    Tan,
    Fabs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TextMap {
    Lower,
    Upper,
    Strip,
    LeftStrip,
    RightStrip,
    Title,
    Capitalize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TextTest {
    Digit,
    Alpha,
    Alnum,
    Space,
    Upper,
    Lower,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TextPairTest {
    Contains,
    StartsWith,
    EndsWith,
}
