//! The closed lists of what may be called: known functions, methods and attributes, by number.

macro_rules! names {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $name { $($variant),* }
        impl $name {
            /// The one of this name.
            pub(crate) fn named(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

names! {
    /// Functions that are known by identity.
    pub(crate) enum Known {
        Abs = "abs", All = "all", Any = "any", Bool = "bool", Chr = "chr", Dict = "dict",
        Divmod = "divmod", Enumerate = "enumerate", Filter = "filter", Float = "float",
        Format = "format", Frozenset = "frozenset", Int = "int", Len = "len", List = "list",
        Map = "map", Max = "max", Min = "min", Next = "next", Ord = "ord", Pow = "pow", Range = "range",
        Repr = "repr", Reversed = "reversed", Round = "round", Set = "set", Sorted = "sorted",
        Str = "str", Sum = "sum", Tuple = "tuple", Zip = "zip", Isinstance = "isinstance",
        TypeOf = "type", Bin = "bin", Hex = "hex", Oct = "oct",
        IsNa = "pandas.isna", NotNa = "pandas.notna", NumpyIsNan = "numpy.isnan",
        Sqrt = "math.sqrt", Exp = "math.exp", Log = "math.log", Log2 = "math.log2",
        Log10 = "math.log10", Log1p = "math.log1p", Expm1 = "math.expm1", Sin = "math.sin",
        Cos = "math.cos", Tan = "math.tan", Asin = "math.asin", Acos = "math.acos",
        Atan = "math.atan", Atan2 = "math.atan2", Sinh = "math.sinh", Cosh = "math.cosh",
        Tanh = "math.tanh", Fabs = "math.fabs", Floor = "math.floor", Ceil = "math.ceil",
        Trunc = "math.trunc", MathPow = "math.pow", Radians = "math.radians",
        Degrees = "math.degrees", IsNan = "math.isnan", IsInf = "math.isinf",
        IsFinite = "math.isfinite", CopySign = "math.copysign", Fmod = "math.fmod",
        Gcd = "math.gcd", IsClose = "math.isclose", Isqrt = "math.isqrt", Prod = "math.prod",
        Date = "datetime.date", DateTime = "datetime.datetime", Delta = "datetime.timedelta",
        Strptime = "datetime.datetime.strptime", FromIso = "datetime.datetime.fromisoformat",
        DateFromIso = "datetime.date.fromisoformat", Monthrange = "calendar.monthrange",
        IsLeap = "calendar.isleap", FromOrdinal = "datetime.date.fromordinal",
        ReSearch = "re.search", ReMatch = "re.match", ReFullmatch = "re.fullmatch",
        ReSub = "re.sub", ReSplit = "re.split", ReFindall = "re.findall",
        ReFinditer = "re.finditer", DictFromkeys = "dict.fromkeys", StrMaketrans = "str.maketrans",
    }
}

names! {
    /// Methods of the types that values have here.
    pub(crate) enum Method {
        // text
        Lower = "lower", Upper = "upper", Strip = "strip", Lstrip = "lstrip", Rstrip = "rstrip",
        Title = "title", Capitalize = "capitalize", Swapcase = "swapcase", Casefold = "casefold",
        Startswith = "startswith", Endswith = "endswith", Find = "find", Rfind = "rfind",
        Rindex = "rindex", Replace = "replace", Split = "split", Rsplit = "rsplit",
        Splitlines = "splitlines", Partition = "partition", Rpartition = "rpartition",
        Join = "join", Zfill = "zfill", Center = "center", Ljust = "ljust", Rjust = "rjust",
        Isdigit = "isdigit", Isdecimal = "isdecimal", Isnumeric = "isnumeric",
        Isalpha = "isalpha", Isalnum = "isalnum", Isspace = "isspace", Isupper = "isupper",
        Islower = "islower", Istitle = "istitle", Isascii = "isascii",
        Isidentifier = "isidentifier", Removeprefix = "removeprefix",
        Removesuffix = "removesuffix", Translate = "translate", Format = "format",
        Encode = "encode", Expandtabs = "expandtabs",
        // lists, sets and dicts
        Count = "count", Index = "index", Append = "append", Extend = "extend",
        Insert = "insert", Pop = "pop", Sort = "sort", Reverse = "reverse", Clear = "clear",
        Copy = "copy", Remove = "remove", Add = "add", Discard = "discard", Update = "update",
        Union = "union", Intersection = "intersection", Difference = "difference",
        Issubset = "issubset", Issuperset = "issuperset", Isdisjoint = "isdisjoint",
        Get = "get", Items = "items", Keys = "keys", Values = "values", Setdefault = "setdefault",
        // numbers
        IsInteger = "is_integer", BitLength = "bit_length",
        // dates
        Strftime = "strftime", Isoformat = "isoformat", Weekday = "weekday",
        Isoweekday = "isoweekday", Isocalendar = "isocalendar", Date = "date",
        TotalSeconds = "total_seconds", Toordinal = "toordinal",
        // patterns and matches
        Search = "search", Match = "match", Fullmatch = "fullmatch", Sub = "sub",
        Findall = "findall", Finditer = "finditer", Group = "group", Groups = "groups",
        Groupdict = "groupdict", Start = "start", End = "end", Span = "span",
    }
}

names! {
    /// Attributes of the types that values have here.
    pub(crate) enum Attribute {
        Year = "year", Month = "month", Day = "day", Hour = "hour", Minute = "minute",
        Second = "second", Microsecond = "microsecond", Days = "days", Seconds = "seconds",
        Microseconds = "microseconds", Week = "week",
    }
}

impl Method {
    /// Whether numbers and None certainly lack it.
    pub(crate) fn is_never_of_numbers(self) -> bool {
        !matches!(self, Self::IsInteger | Self::BitLength)
    }

    /// Whether text has it and no container does; both have `count` and `index`.
    pub(crate) fn is_of_text(self) -> bool {
        (self as u8) < Self::Count as u8
    }
}
