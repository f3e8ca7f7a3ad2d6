"""f-strings, `str.format` and `%` as data: texts and formatted values."""

from __future__ import annotations

import ast
import re
import string

from windrow.functions.writing import Json, Unsupported, Writing

_DIRECTIVE = re.compile(r"%(?P<flags>[-+ 0]*)(?P<width>\d*)(?:\.(?P<precision>\d+))?(?P<kind>.)")


class Formats(Writing):
    """Writes formatted texts."""

    def format_part(self, node: ast.expr) -> Json:
        """Write a part of an f-string."""
        match node:
            case ast.Constant(value=str(text)):
                return {"text": text}
            case ast.FormattedValue(value=value, conversion=conversion, format_spec=spec):
                literal = ""
                if spec is not None:
                    if not isinstance(spec, ast.JoinedStr) or not all(
                        isinstance(part, ast.Constant) for part in spec.values
                    ):
                        raise Unsupported(node, "a computed format is not compiled")
                    literal = "".join(part.value for part in spec.values)  # type: ignore[attr-defined]
                mark = chr(conversion) if conversion >= 0 else ""
                return {"value": self.expr(value), "conversion": mark, "spec": literal}
        raise Unsupported(node, "this part of a format is not compiled")

    def format_call(self, node: ast.Call, template: str) -> list[Json] | None:
        """`"{} {:.2f}".format(a, b)` as the parts of an f-string, if it is as plain as that."""
        parts: list[Json] = []
        automatic = 0
        try:
            fields = list(string.Formatter().parse(template))
        except ValueError:
            return None
        for text, name, spec, conversion in fields:
            if text:
                parts.append({"text": text})
            if name is None:
                continue
            if "{" in (spec or ""):
                return None
            if name == "":
                name, automatic = str(automatic), automatic + 1  # noqa: PLW2901
            if name.isdigit() and int(name) < len(node.args):
                value = node.args[int(name)]
            else:
                found = [keyword.value for keyword in node.keywords if keyword.arg == name]
                if not found:
                    return None
                value = found[0]
            parts.append(
                {"value": self.expr(value), "conversion": conversion or "", "spec": spec or ""}
            )
        return parts

    def percent(self, node: ast.BinOp, template: str, right: ast.expr) -> list[Json]:
        """`"%s: %.2f" % (a, b)` as the parts of an f-string."""
        values = list(right.elts) if isinstance(right, ast.Tuple) else [right]
        if any(isinstance(value, ast.Starred) for value in values):
            raise Unsupported(node, "unpacked arguments are not compiled")
        parts: list[Json] = []
        at = 0
        for match in _DIRECTIVE.finditer(template):
            if "%" in template[at : match.start()]:
                raise Unsupported(node, "this format is not compiled")
            parts.append({"text": template[at : match.start()]})
            at = match.end()
            if match["kind"] == "%" and match.group() == "%%":
                parts.append({"text": "%"})
                continue
            if not values:
                raise Unsupported(node, "a format with too few values is not compiled")
            parts.append(self.directive(node, match, values.pop(0)))
        if values or "%" in template[at:]:
            raise Unsupported(node, "this format is not compiled")
        parts.append({"text": template[at:]})
        return [part for part in parts if part != {"text": ""}]

    def directive(self, node: ast.BinOp, match: re.Match[str], value: ast.expr) -> Json:
        """Write one `%` and its value."""
        flags, width, precision, kind = (
            match["flags"],
            match["width"],
            match["precision"],
            match["kind"],
        )
        left = "<" if "-" in flags else ">"
        sign = "+" if "+" in flags else " " if " " in flags else ""
        written = self.expr(value)
        if kind == "s" and not sign and "0" not in flags:
            cut = f".{precision}" if precision else ""
            spec = f"{left}{width}{cut}" if width or cut else ""
            return {"value": written, "conversion": "%s", "spec": spec}
        zero = "0" if "0" in flags and "-" not in flags else ""
        align = "" if zero else left
        if kind in "diu" and precision is None:
            spec = f"{align}{sign}{zero}{width}d"
            return {"value": written, "conversion": "%d", "spec": spec}
        if kind in "feEgG":
            spec = f"{align}{sign}{zero}{width}{'.' + precision if precision else ''}{kind}"
            return {"value": written, "conversion": "%f", "spec": spec}
        raise Unsupported(node, "this format is not compiled")
