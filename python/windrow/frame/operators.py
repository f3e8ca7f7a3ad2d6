"""Arithmetic, comparison and boolean operators, shared by columns, frames and scalars."""

from __future__ import annotations

from typing import Any, Self


class Operators:
    """Operators in terms of `_binary` and `_unary`."""

    __slots__ = ()

    def _binary(self, op: str, other: object, reflected: bool = False) -> Any:
        """`self op other`, or `other op self` when `reflected`."""
        raise NotImplementedError

    def _unary(self, op: str) -> Self:
        """One of `- ~ abs isna notna`."""
        raise NotImplementedError

    def __add__(self, other: object) -> Any:
        return self._binary("+", other)

    def __radd__(self, other: object) -> Any:
        return self._binary("+", other, True)

    def __sub__(self, other: object) -> Any:
        return self._binary("-", other)

    def __rsub__(self, other: object) -> Any:
        return self._binary("-", other, True)

    def __mul__(self, other: object) -> Any:
        return self._binary("*", other)

    def __rmul__(self, other: object) -> Any:
        return self._binary("*", other, True)

    def __truediv__(self, other: object) -> Any:
        return self._binary("/", other)

    def __rtruediv__(self, other: object) -> Any:
        return self._binary("/", other, True)

    def __floordiv__(self, other: object) -> Any:
        return self._binary("//", other)

    def __rfloordiv__(self, other: object) -> Any:
        return self._binary("//", other, True)

    def __mod__(self, other: object) -> Any:
        return self._binary("%", other)

    def __rmod__(self, other: object) -> Any:
        return self._binary("%", other, True)

    def __pow__(self, other: object) -> Any:
        return self._binary("**", other)

    def __rpow__(self, other: object) -> Any:
        return self._binary("**", other, True)

    def __and__(self, other: object) -> Any:
        return self._binary("&", other)

    def __rand__(self, other: object) -> Any:
        return self._binary("&", other, True)

    def __or__(self, other: object) -> Any:
        return self._binary("|", other)

    def __ror__(self, other: object) -> Any:
        return self._binary("|", other, True)

    def __xor__(self, other: object) -> Any:
        return self._binary("^", other)

    def __rxor__(self, other: object) -> Any:
        return self._binary("^", other, True)

    def __eq__(self, other: object) -> Any:
        return self._binary("==", other)

    def __ne__(self, other: object) -> Any:
        return self._binary("!=", other)

    def __lt__(self, other: object) -> Any:
        return self._binary("<", other)

    def __le__(self, other: object) -> Any:
        return self._binary("<=", other)

    def __gt__(self, other: object) -> Any:
        return self._binary(">", other)

    def __ge__(self, other: object) -> Any:
        return self._binary(">=", other)

    def __neg__(self) -> Self:
        return self._unary("-")

    def __pos__(self) -> Self:
        return self

    def __invert__(self) -> Self:
        return self._unary("~")

    def __abs__(self) -> Self:
        return self._unary("abs")


class NamedOperators(Operators):
    """The operators under pandas' method names."""

    __slots__ = ()

    def add(self, other: object) -> Self:
        """`self + other`."""
        return self._method("+", other)

    def sub(self, other: object) -> Self:
        """`self - other`."""
        return self._method("-", other)

    def mul(self, other: object) -> Self:
        """`self * other`."""
        return self._method("*", other)

    def div(self, other: object) -> Self:
        """`self / other`."""
        return self._method("/", other)

    def truediv(self, other: object) -> Self:
        """`self / other`."""
        return self._method("/", other)

    def floordiv(self, other: object) -> Self:
        """`self // other`."""
        return self._method("//", other)

    def mod(self, other: object) -> Self:
        """`self % other`."""
        return self._method("%", other)

    def pow(self, other: object) -> Self:
        """`self ** other`."""
        return self._method("**", other)

    def eq(self, other: object) -> Self:
        """`self == other`."""
        return self._method("==", other)

    def ne(self, other: object) -> Self:
        """`self != other`."""
        return self._method("!=", other)

    def lt(self, other: object) -> Self:
        """`self < other`."""
        return self._method("<", other)

    def le(self, other: object) -> Self:
        """`self <= other`."""
        return self._method("<=", other)

    def gt(self, other: object) -> Self:
        """`self > other`."""
        return self._method(">", other)

    def ge(self, other: object) -> Self:
        """`self >= other`."""
        return self._method(">=", other)

    def abs(self) -> Self:
        """The size of each value, without its sign."""
        return self._unary("abs")

    def isna(self) -> Self:
        """Whether each value is missing."""
        return self._unary("isna")

    def isnull(self) -> Self:
        """Whether each value is missing."""
        return self._unary("isna")

    def notna(self) -> Self:
        """Whether each value is there."""
        return self._unary("notna")

    def notnull(self) -> Self:
        """Whether each value is there."""
        return self._unary("notna")

    def _method(self, op: str, other: object) -> Self:
        result: Self = self._binary(op, other)
        if result is NotImplemented:
            raise TypeError(
                f"`{op}` does not work between a `{type(self).__name__}` "
                f"and a `{type(other).__name__}`"
            )
        return result
