"""`Series.str` and `Series.dt`: text and date parts of a column."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, NoReturn

from windrow.frame.missing import no_attribute, not_yet, refuse
from windrow.frame.rows import literal

if TYPE_CHECKING:
    from windrow.frame.series import Series

_STR_NEAREST = {
    "cat": "`s + other` or `s + ', '`",
    "count": "`s.map(lambda text: text.count(...))`",
    "extract": "`s.map(f)` with `re.search`",
    "findall": "`s.map(f)` with `re.findall`",
    "join": "`s.map(lambda items: ', '.join(items))`",
    "split": "`s.map(lambda text: text.split(...))`",
    "title": "`s.map(str.title)`",
    "zfill": "`s.map(lambda text: text.zfill(n))`",
}
_DT_NEAREST = {
    "day_name": "`s.dt.dayofweek.map({0: 'Monday', ...})`",
    "floor": "`s.dt.date` for days",
    "month_name": "`s.dt.month.map({1: 'January', ...})`",
    "normalize": "`s.dt.date`",
    "strftime": "`s.map(lambda day: day.strftime(...))`",
    "to_period": "`s.dt.year * 100 + s.dt.month`",
    "tz_convert": "`s.astype(...)` with a pyarrow timestamp type",
    "tz_localize": "`s.astype(...)` with a pyarrow timestamp type",
    "total_seconds": "`s.map(lambda span: span.total_seconds())`",
}


class _Accessor:
    """Calls scalar functions on a series."""

    __slots__ = ("_series",)
    _space = ""

    def __init__(self, series: Series) -> None:
        self._series = series

    def _call(self, name: str, *args: object) -> Series:
        return self._series._call(f"{self._space}.{name}", *(literal(arg) for arg in args))


class Text(_Accessor):
    """Text functions, one value at a time; missing values stay missing."""

    __slots__ = ()
    _space = "str"

    def lower(self) -> Series:
        """In lower case."""
        return self._call("lower")

    def upper(self) -> Series:
        """In upper case."""
        return self._call("upper")

    def strip(self, to_strip: str | None = None) -> Series:
        """Without white space (or the characters of `to_strip`) at both ends."""
        return self._trim("strip", to_strip)

    def lstrip(self, to_strip: str | None = None) -> Series:
        """Without white space (or the characters of `to_strip`) at the start."""
        return self._trim("lstrip", to_strip)

    def rstrip(self, to_strip: str | None = None) -> Series:
        """Without white space (or the characters of `to_strip`) at the end."""
        return self._trim("rstrip", to_strip)

    def _trim(self, name: str, to_strip: str | None) -> Series:
        return self._call(name) if to_strip is None else self._call(name, to_strip)

    def len(self) -> Series:
        """The number of characters."""
        return self._call("len")

    def contains(self, pat: str, case: bool = True, regex: bool = True) -> Series:
        """Whether `pat` (a regular expression, or text when not `regex`) occurs."""
        if not case:
            pat = f"(?i){pat}" if regex else pat
            if not regex:
                return self.lower().str.contains(pat.lower(), regex=False)
        return self._call("contains", pat, regex)

    def startswith(self, pat: str) -> Series:
        """Whether the text starts with `pat`."""
        return self._call("startswith", pat)

    def endswith(self, pat: str) -> Series:
        """Whether the text ends with `pat`."""
        return self._call("endswith", pat)

    def replace(self, pat: str, repl: str, *, regex: bool = False, **options: object) -> Series:
        """With each `pat` (text, or a regular expression when `regex`) replaced by `repl`."""
        refuse("Series.str.replace", options, {"n": -1, "case": None, "flags": 0})
        if not pat and not regex:
            # Python puts `repl` around every character, SQL does nothing.
            around = operator.methodcaller("replace", "", repl)
            return self._series.map(around, na_action="ignore", result_type=str)
        return self._call("replace", pat, repl, regex)

    def slice(self, start: int | None = None, stop: int | None = None) -> Series:
        """The characters from `start` to before `stop`; negative numbers count from the end."""
        if (start or 0) < 0 or (stop or 0) < 0:
            # The engine counts from the start only; a row function does the rest.
            ends = operator.itemgetter(slice(start, stop))
            return self._series.map(ends, na_action="ignore", result_type=str)
        return self._call("slice", start, stop)

    def get(self, i: int) -> Series:
        """The character at position `i`; missing where the text is too short."""
        one = self.slice(i, i + 1) if i != -1 else self.slice(-1)
        return one.where(self.len() > i if i >= 0 else self.len() >= -i)

    def __getitem__(self, key: object) -> Series:
        if isinstance(key, slice) and key.step in (None, 1):
            return self.slice(key.start, key.stop)
        if isinstance(key, int):
            return self.get(key)
        raise not_yet(f"`Series.str[{key!r}]`", "`s.map(lambda text: text[...])`")

    def __getattr__(self, name: str) -> NoReturn:
        raise no_attribute("Series.str", name, _STR_NEAREST)


class Dates(_Accessor):
    """Parts of dates and times; missing values stay missing."""

    __slots__ = ()
    _space = "dt"

    @property
    def year(self) -> Series:
        """The year."""
        return self._call("year")

    @property
    def month(self) -> Series:
        """The month, 1 to 12."""
        return self._call("month")

    @property
    def day(self) -> Series:
        """The day of the month, from 1."""
        return self._call("day")

    @property
    def hour(self) -> Series:
        """The hour, 0 to 23."""
        return self._call("hour")

    @property
    def minute(self) -> Series:
        """The minute, 0 to 59."""
        return self._call("minute")

    @property
    def second(self) -> Series:
        """The second, 0 to 59."""
        return self._call("second")

    @property
    def dayofweek(self) -> Series:
        """The day of the week, 0 (Monday) to 6."""
        return self._call("dayofweek")

    @property
    def day_of_week(self) -> Series:
        """The day of the week, 0 (Monday) to 6."""
        return self._call("dayofweek")

    @property
    def weekday(self) -> Series:
        """The day of the week, 0 (Monday) to 6."""
        return self._call("dayofweek")

    @property
    def quarter(self) -> Series:
        """The quarter, 1 to 4."""
        quarter: Series = (self._call("month") - 1) // 3 + 1
        return quarter

    @property
    def date(self) -> Series:
        """The day without the time."""
        return self._call("date")

    def __getattr__(self, name: str) -> NoReturn:
        raise no_attribute("Series.dt", name, _DT_NEAREST)
