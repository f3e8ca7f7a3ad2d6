"""`match` statements as branches."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from windrow.functions.writing import Json, Unsupported

if TYPE_CHECKING:
    from windrow.functions.statements import Body


def match_as_branches(body: Body, node: ast.Match) -> list[Json]:
    """Write `match` with values, alternatives, names and guards as `if`, `elif`, `else`."""
    subject = body.writer.fresh("subject")
    body.locals.add(subject)
    read = ast.copy_location(ast.Name(subject, ast.Load()), node.subject)
    assign = ast.copy_location(ast.Assign([ast.Name(subject, ast.Store())], node.subject), node)
    try:
        branches = _branches(body, node, node.cases, read)
    except Unsupported as unsupported:
        return [body.give_up(node, unsupported)]
    return [body.stmt(assign), *branches]


def _branches(
    body: Body, node: ast.Match, cases: list[ast.match_case], read: ast.Name
) -> list[Json]:
    if not cases:
        return []
    case, *rest = cases
    name = _bound(case.pattern)
    before = dict(body.renamed)
    if name is not None:
        # The guard sees the name, which is bound in the body only.
        body.renamed[name] = read.id
    tests = [test for test in (_test(case.pattern, read), case.guard) if test is not None]
    written = [body.expr(test) for test in tests]
    body.renamed = before
    bind: list[ast.stmt] = []
    if name is not None:
        bind = [ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], read), case.pattern)]
    inside = body.block([*bind, *case.body])
    if not written:
        return inside
    test = written[0]
    if len(written) == 2:
        test = body.place(case.pattern, {"k": "bool", "op": "and", "values": written})
    orelse = _branches(body, node, rest, read)
    return [body.place(node, {"k": "if", "test": test, "body": inside, "orelse": orelse})]


def _bound(pattern: ast.pattern) -> str | None:
    return pattern.name if isinstance(pattern, ast.MatchAs) else None


def _test(pattern: ast.pattern, read: ast.Name) -> ast.expr | None:
    """The condition of a pattern; None if everything fits."""
    match pattern:
        case ast.MatchValue(value=value):
            compare: ast.expr = ast.Compare(read, [ast.Eq()], [value])
        case ast.MatchSingleton(value=value):
            constant = ast.copy_location(ast.Constant(value), pattern)
            compare = ast.Compare(read, [ast.Is()], [constant])
        case ast.MatchOr(patterns=patterns):
            tests = [_test(inner, read) for inner in patterns]
            if any(_bound(inner) for inner in patterns):
                raise Unsupported(pattern, "names in alternatives of a `match` are not compiled")
            if None in tests:
                return None
            compare = ast.BoolOp(ast.Or(), [test for test in tests if test is not None])
        case ast.MatchAs(pattern=inner):
            return None if inner is None else _test(inner, read)
        case _:
            raise Unsupported(pattern, "this pattern of a `match` is not compiled")
    return ast.copy_location(compare, pattern)
