"""A function of a row becomes a function of the columns it reads.

`lambda row: f(row["a"], row.b)` is called with two values instead of a row object. The lifted
function is compiled by CPython from the user's own syntax tree: same file, lines and name, same
globals, defaults and closure cells; only the reads of the row are replaced. Whatever does
anything else with the row is refused with the place and the reason, and is called with a row.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import CellType, FunctionType, ModuleType
from typing import Any

from windrow._worker.series_names import SERIES_ATTRIBUTES
from windrow.functions.arguments import BOUND_ROW, bind
from windrow.functions.capture import Captured, Unwrapped, capture
from windrow.functions.parts import Part, Routine
from windrow.functions.refusal import Refusal
from windrow.functions.scopes import (
    FRAME_READERS,
    MISSING,
    bound_names,
    copy_of,
    is_from_outside,
    look_up,
    looped_texts,
    reads_frame,
    used_identifiers,
    walk,
)

_MAX_DEPTH = 8


@dataclass(frozen=True, eq=False, repr=False)
class Lifted:
    """A function of columns.

    Parameters
    ----------
    function
        Takes one positional argument per entry of `columns`; everything else is bound.
    columns
        The columns it reads, in the order of its arguments.
    parameters
        The parameters that take them.
    routines
        The lifted trees of it and of the helpers inside it, by the `id` of the lifted function.
    """

    function: FunctionType
    columns: list[str]
    parameters: list[str]
    routines: dict[int, Routine]


def lift(unwrapped: Unwrapped, columns: list[str]) -> Lifted:
    """Lift the function that `DataFrame.apply(axis=1)` would call with a row.

    Parameters
    ----------
    unwrapped
        The function with its bound arguments; the row is the `BOUND_ROW` among them.
    columns
        The columns of the frame. At least one is always read, so that the number of rows is known.

    Raises
    ------
    Refusal
        If the row is used for anything but reading columns by constant names.
    """
    function = unwrapped.function
    binding = bind(function, unwrapped.args, unwrapped.kwargs)
    session = _Session(columns)
    part = session.lift_function(function, binding.row_parameter(), ())
    names = dict(part.parameters)
    if not names:
        spare = [column for column in columns if columns.count(column) == 1]
        if not spare:
            raise Refusal.whole("there is no column to call it with")
        names[spare[0]] = part.fresh("unused")
    lifted = part.build(part.main_arguments(names, binding))
    routines = {id(lifted): part.routine(lifted)}
    for helper, inner in session.helpers.values():
        routines[id(helper)] = inner.routine(helper)
    return Lifted(lifted, list(names), list(names.values()), routines)


class _Session:
    """Lifts one function and the helpers it hands its row to."""

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self.counts = {column: columns.count(column) for column in columns}
        self.helpers: dict[tuple[int, str], tuple[FunctionType, Part]] = {}

    def lift_function(self, function: FunctionType, row: str, stack: tuple[int, ...]) -> Part:
        """Make a part whose row reads are replaced, ready to be built."""
        captured = capture(function)
        node = captured.node
        if isinstance(node, ast.AsyncFunctionDef):
            raise Refusal.at(node, captured.lines, "an `async` function is not taken apart")
        _check_names(captured)
        part = Part(captured, copy_of(node), row, used_identifiers(function, node))
        reader = _RowReads(self, part, bound_names(node), (*stack, id(function)))
        body = part.node.body
        if isinstance(body, list):
            part.node.body = [reader.visit(statement) for statement in body]
        else:
            part.node.body = reader.visit(body)
        return part

    def lift_helper(
        self, function: FunctionType, row: str, stack: tuple[int, ...]
    ) -> tuple[FunctionType, Part]:
        """Make the version of a helper that gets the row as its parameter `row`."""
        key = (id(function), row)
        if key not in self.helpers:
            part = self.lift_function(function, row, stack)
            self.helpers[key] = part.build(part.helper_arguments()), part
        return self.helpers[key]


class _RowReads(ast.NodeTransformer):
    """Replaces every read of the row by a parameter; refuses every other use of it."""

    def __init__(
        self, session: _Session, part: Part, bound: set[str], stack: tuple[int, ...]
    ) -> None:
        self.session = session
        self.part = part
        self.bound = bound
        self.stack = stack

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == self.part.row:
            raise self.refuse(node, f"`{node.id}` is used as a whole, not column by column")
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if not self.is_row(node.value) and not self.is_label_indexer(node.value):
            return self.generic_visit(node)  # type: ignore[return-value]
        if not isinstance(node.ctx, ast.Load):
            raise self.refuse(node, f"`{self.part.row}` is changed")
        if (names := self.looped(node.slice)) is not None:
            return ast.copy_location(
                ast.Subscript(self.of_names(node, names), node.slice, ast.Load()), node
            )
        return self.read(node, node.slice)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if not self.is_row(node.value):
            return self.generic_visit(node)  # type: ignore[return-value]
        row, name = self.part.row, node.attr
        if not isinstance(node.ctx, ast.Load):
            raise self.refuse(node, f"`{row}` is changed")
        if name in SERIES_ATTRIBUTES or name.startswith("_"):
            cure = (
                f', write `{row}["{name}"]` for the column' if name in self.session.counts else ""
            )
            raise self.refuse(node, f"`{row}.{name}` is an attribute of the row itself{cure}")
        if name not in self.session.counts:
            raise self.refuse(node, f"`{row}.{name}` is not a column")
        return self.column(node, name)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        # `"c" in row` asks for a column name, as in pandas.
        match node:
            case ast.Compare(ast.Constant(str(name)), [ast.In() | ast.NotIn() as op], [holder]):
                if self.is_row(holder):
                    answer = (name in self.session.counts) is isinstance(op, ast.In)
                    return ast.copy_location(ast.Constant(answer), node)
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_Call(self, node: ast.Call) -> ast.expr:
        function = node.func
        if isinstance(function, ast.Attribute) and self.is_row(function.value):
            if function.attr == "get":
                return self.get(node)
        elif self.passes_row(node):
            return self.helper_call(node)
        return self.generic_visit(node)  # type: ignore[return-value]

    def is_row(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == self.part.row

    def is_label_indexer(self, node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Attribute)
            and node.attr in ("loc", "at")
            and self.is_row(node.value)
        )

    def refuse(self, node: ast.AST, text: str) -> Refusal:
        return Refusal.at(node, self.part.captured.lines, text)

    def key(self, node: ast.expr, place: ast.expr) -> str:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            raise self.refuse(place, "the column name is not a constant string")
        return node.value

    def looped(self, node: ast.expr) -> list[str] | None:
        """Give the column names that `node` goes through, if it is the variable of such loops."""
        if not isinstance(node, ast.Name) or node.id not in self.bound:
            return None
        captured = self.part.captured
        # Outside of a comprehension its variable's name may be that of a global.
        if is_from_outside(captured.function, node.id):
            return None
        return looped_texts(captured.node, node.id, self.texts)

    def texts(self, node: ast.expr) -> list[str] | None:
        """Give the texts of a list or tuple of constants, or of a global one."""
        found: Any = None
        if isinstance(node, ast.Name) and node.id not in self.bound:
            found = look_up(self.part.captured.function, node.id)
        elif isinstance(node, ast.List | ast.Tuple):
            found = [getattr(item, "value", None) for item in node.elts]
        plain = type(found) in (list, tuple) and all(type(text) is str for text in found)
        return list(found) if plain else None

    def of_names(self, node: ast.expr, names: list[str]) -> ast.expr:
        """Give a dict of those columns that there are; it raises what a row does for others."""
        there = [name for name in names if name in self.session.counts]
        keys: list[ast.expr | None] = [ast.copy_location(ast.Constant(k), node) for k in there]
        values = [self.column(node, name) for name in there]
        return ast.copy_location(ast.Dict(keys, values), node)

    def read(self, node: ast.expr, key_node: ast.expr) -> ast.expr:
        key = self.key(key_node, node)
        if key in self.session.counts:
            return self.column(node, key)
        # The KeyError comes on the rows that get here, at this very place.
        missing = ast.copy_location(ast.Dict(keys=[], values=[]), node)
        return ast.copy_location(ast.Subscript(missing, key_node, ast.Load()), node)

    def column(self, node: ast.expr, column: str) -> ast.expr:
        if self.session.counts[column] > 1:
            raise self.refuse(node, f"there are {self.session.counts[column]} columns `{column}`")
        return ast.copy_location(ast.Name(self.part.parameter(column), ast.Load()), node)

    def get(self, node: ast.Call) -> ast.expr:
        given = dict(zip(("key", "default"), node.args, strict=False))
        given.update((str(keyword.arg), keyword.value) for keyword in node.keywords)
        plain = len(given) == len(node.args) + len(node.keywords) and given.keys() <= {
            "key",
            "default",
        }
        if not plain or "key" not in given:
            raise self.refuse(node, "the arguments of `get` are not understood")
        if (names := self.looped(given["key"])) is not None:
            columns = self.of_names(node, names)
            method = ast.copy_location(ast.Attribute(columns, "get", ast.Load()), node)
            arguments = [given["key"], *map(self.visit, list(given.values())[1:])]
            return ast.copy_location(ast.Call(method, arguments, []), node)
        key = self.key(given["key"], node)
        default: ast.expr | None = self.visit(given["default"]) if "default" in given else None
        if key not in self.session.counts:
            return default or ast.copy_location(ast.Constant(None), node)
        found = self.column(node, key)
        if default is None or isinstance(default, ast.Constant):
            return found
        # The default is evaluated first, as the argument it is; it may raise.
        pair = ast.copy_location(ast.Tuple([default, found], ast.Load()), node)
        index = ast.copy_location(ast.Constant(1), node)
        return ast.copy_location(ast.Subscript(pair, index, ast.Load()), node)

    def passes_row(self, node: ast.Call) -> bool:
        return any(map(self.is_row, node.args)) or any(
            self.is_row(keyword.value) for keyword in node.keywords
        )

    def helper_call(self, node: ast.Call) -> ast.expr:
        """`helper(row, k)` becomes `lifted_helper(a, b, k)`."""
        helper = self.helper(node)
        row = self.helper_row(node, helper)
        lifted, part = self.session.lift_helper(helper, row, self.stack)
        name = self.cell_name(lifted)
        arguments: list[ast.expr] = []
        for argument in node.args:
            if self.is_row(argument):
                arguments += [self.column(argument, column) for column in part.parameters]
            else:
                arguments.append(self.visit(argument))
        keywords: list[ast.keyword] = []
        for keyword in node.keywords:
            if self.is_row(keyword.value):
                keywords += [
                    ast.copy_location(
                        ast.keyword(name, self.column(keyword.value, column)), keyword
                    )
                    for column, name in part.parameters.items()
                ]
            else:
                keywords.append(self.visit(keyword))
        call = ast.Call(
            ast.copy_location(ast.Name(name, ast.Load()), node.func), arguments, keywords
        )
        return ast.copy_location(call, node)

    def cell_name(self, lifted: FunctionType) -> str:
        for name, cell in self.part.cells.items():
            if cell.cell_contents is lifted:
                return name
        name = self.part.fresh("lifted_" + lifted.__name__.strip("<>"))
        self.part.cells[name] = CellType(lifted)
        return name

    def helper(self, node: ast.Call) -> FunctionType:
        """Find the plain function that is called with the row, found by identity."""
        target = node.func
        text = ast.unparse(target)
        value: Any = MISSING
        match target:
            case ast.Name(id=name) if name not in self.bound:
                value = look_up(self.part.captured.function, name)
            case ast.Attribute(ast.Name(id=name), attr) if name not in self.bound:
                owner = look_up(self.part.captured.function, name)
                if type(owner) is ModuleType:
                    value = vars(owner).get(attr, MISSING)
        if not isinstance(value, FunctionType):
            raise self.refuse(node, f"`{text}` gets the whole row and is not a plain function")
        if id(value) in self.stack:
            raise self.refuse(node, f"`{text}` calls itself with the row")
        if len(self.stack) >= _MAX_DEPTH:
            raise self.refuse(node, f"the row is handed on more than {_MAX_DEPTH} times")
        return value

    def helper_row(self, node: ast.Call, helper: FunctionType) -> str:
        """Find the parameter of `helper` that the row goes to, if the call fits at all."""
        if any(isinstance(argument, ast.Starred) for argument in node.args) or any(
            keyword.arg is None for keyword in node.keywords
        ):
            raise self.refuse(node, "the row is passed along with unpacked arguments")
        args = tuple(BOUND_ROW if self.is_row(arg) else arg for arg in node.args)
        kwargs = {
            str(keyword.arg): BOUND_ROW if self.is_row(keyword.value) else keyword.value
            for keyword in node.keywords
        }
        try:
            binding = bind(helper, args, kwargs)
            binding.check_position(helper)
            return binding.row_parameter()
        except Refusal as refusal:
            raise self.refuse(node, refusal.reason.text) from None


def _check_names(captured: Captured) -> None:
    """Refuse what could notice that the row is gone."""
    bound = bound_names(captured.node)
    for inner in walk(captured.node):
        name = getattr(inner, "id", None) or getattr(inner, "attr", None)
        if not isinstance(name, str):
            continue
        unbound = isinstance(inner, ast.Name) and name not in bound
        if (unbound and reads_frame(look_up(captured.function, name))) or name in FRAME_READERS:
            raise Refusal.at(inner, captured.lines, f"`{name}` can see the local names")
        if name.startswith("__") and not name.endswith("__"):
            # Inside a class the compiler rewrites such a name; outside it would not.
            raise Refusal.at(inner, captured.lines, f"`{name}` is a private name of a class")
