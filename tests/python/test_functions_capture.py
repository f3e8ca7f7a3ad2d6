"""Capture: the syntax tree of a running function, verified, or the reason why not."""

# ruff: noqa: E501

from __future__ import annotations

import ast
import builtins
import functools
import importlib.util
import linecache
import subprocess
import sys
import textwrap

import pytest

from windrow.functions import Refusal, capture, unwrap

CASES = {
    "plain def": ("def f(x):\n    return x + 1\n", "f", "return x + 1"),
    "closure": (
        "def make(k):\n    def f(x):\n        return x * k\n    return f\nf = make(3)\n",
        "f",
        "return x * k",
    ),
    "nested lambdas": ("make = lambda n: lambda x: x + n\nf = make(2)\n", "f", "x + n"),
    "outer of nested lambdas": ("f = lambda n: lambda x: x + n\n", "f", "lambda x: x + n"),
    "default arguments": (
        "def f(x, k=[1, 2], *, m={}):\n    return x, k, m\n",
        "f",
        "return (x, k, m)",
    ),
    "conditional lambda, first": (
        "f = (lambda x: x + 1) if True else (lambda x: x - 1)\n",
        "f",
        "x + 1",
    ),
    "conditional lambda, second": (
        "yes = False\nf = (lambda x: x + 1) if yes else (lambda x: x - 1)\n",
        "f",
        "x - 1",
    ),
    "dict of lambdas": (
        "d = {'a': lambda x: x + 1, 'b': lambda x: x + 2, 'c': lambda x: x * 3}\nf = d['b']\n",
        "f",
        "x + 2",
    ),
    "call chain over lines": (
        "class C(list):\n"
        "    def then(self, g):\n        self.append(g)\n        return self\n"
        "fs = (\n    C()\n    .then(lambda x: x + 10)\n    .then(\n        lambda x: x\n        * 20\n    )\n)\n"
        "f = fs[1]\n",
        "f",
        "x * 20",
    ),
    "comprehension": ("fs = [lambda x, k=k: x + k for k in range(3)]\nf = fs[1]\n", "f", "x + k"),
    "second of two twins": ("a, b = (lambda x: x + 1), (lambda x: x + 1)\nf = b\n", "f", "x + 1"),
    "constants on one line": ("a, b, c = (lambda: 1), (lambda: 2), (lambda: 3)\nf = b\n", "f", "2"),
    "method": (
        "class A:\n    def m(self, x):\n        return x - 1\nf = A().m\n",
        "f",
        "return x - 1",
    ),
    "static method": (
        "class A:\n    @staticmethod\n    def m(x):\n        return x - 2\nf = A.m\n",
        "f",
        "return x - 2",
    ),
    "wrapper of functools.wraps": (
        "import functools\n"
        "def deco(g):\n    @functools.wraps(g)\n    def wrapper(*a):\n        return g(*a) + 100\n"
        "    return wrapper\n"
        "@deco\ndef f(x):\n    return x\n",
        "f",
        "return g(*a) + 100",
    ),
    "walrus": ("fs = [(g := lambda x: x + 7)]\nf = g\n", "f", "x + 7"),
    "decorated": (
        "def same(g):\n    return g\n@same\n@same\ndef f(x):\n    return -x\n",
        "f",
        "return -x",
    ),
    "lambda in a default": ("def g(key=lambda x: x[0]):\n    return key\nf = g()\n", "f", "x[0]"),
    "lambda in a decorator": (
        "def use(g):\n    return lambda _: g\n@use(lambda x: x ** 2)\ndef f(): pass\n",
        "f",
        "x ** 2",
    ),
    "future annotations": (
        "from __future__ import annotations\ndef f(x: Unknown) -> int:\n    y: int = x\n    return y\n",
        "f",
        "return y",
    ),
    "signed zeros and types of constants": (
        "a, b, c = (lambda x: x + 0.0), (lambda x: x + -0.0), (lambda x: x + 0)\nf = c\n",
        "f",
        "x + 0",
    ),
    "non-ASCII before it": (
        "a, b = 'é日本', [lambda x: x, lambda x: x + 2][1]\nf = b\n",
        "f",
        "x + 2",
    ),
}


def load(tmp_path, text, name="captured_module"):
    path = tmp_path / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    linecache.checkcache(str(path))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def body_of(callable_):
    node = capture(unwrap(callable_).function).node
    return ast.unparse(node.body if isinstance(node, ast.Lambda) else node.body[-1])


@pytest.mark.parametrize("case", CASES)
def test_finds_the_tree(tmp_path, case):
    text, name, expected = CASES[case]
    assert body_of(getattr(load(tmp_path, text), name)) == expected


def test_partial_and_methods_are_peeled(tmp_path):
    module = load(tmp_path, "class A:\n    def m(self, k, x, *, z):\n        return x\na = A()\n")
    bound = functools.partial(functools.partial(module.a.m, 1), z=3)
    unwrapped = unwrap(bound)
    assert unwrapped.function is module.A.m
    assert unwrapped.args == (module.a, 1)
    assert unwrapped.kwargs == {"z": 3}


class Instance:
    def __call__(self, x):
        return x


@pytest.mark.parametrize(
    ("callable_", "text"),
    [
        (len, "`len` is compiled code"),
        (str.upper, "`upper` is compiled code"),
        (int, "`int` is a class"),
        (Instance(), "an instance of `Instance`"),
        (functools.lru_cache(lambda x: x), "_lru_cache_wrapper"),
    ],
)
def test_refuses_what_is_no_python_function(callable_, text):
    with pytest.raises(Refusal) as caught:
        unwrap(callable_)
    assert text in caught.value.reason.text


def test_refuses_exec():
    space = {}
    exec("def f(x):\n    return x", space)
    with pytest.raises(Refusal, match="is not available"):
        capture(space["f"])


def test_refuses_an_edited_file(tmp_path):
    module = load(tmp_path, "def f(x):\n    return x + 1\n")
    (tmp_path / "captured_module.py").write_text("def f(x):\n    return x + 2 + 0\n")
    linecache.checkcache(module.__file__)
    with pytest.raises(Refusal, match="no longer matches") as caught:
        capture(module.f)
    assert caught.value.reason.line == 1


def test_refuses_a_file_that_does_not_parse_any_more(tmp_path):
    module = load(tmp_path, "def f(x):\n    return x + 1\n")
    (tmp_path / "captured_module.py").write_text("def f(x:\n")
    linecache.checkcache(module.__file__)
    with pytest.raises(Refusal, match="no longer matches"):
        capture(module.f)


def test_a_thread_that_parses_at_the_same_time_is_no_trouble(tmp_path, monkeypatch):
    # CPython before 3.11.9 has one count of the depth of syntax trees for all threads (gh-106905).
    compiler, raised = builtins.compile, []

    def disturbed(source, *args, **kwargs):
        if isinstance(source, str) and not raised:
            raised.append("AST constructor recursion depth mismatch (before=42, after=39)")
            raise SystemError(raised[0])
        return compiler(source, *args, **kwargs)

    module = load(tmp_path, "def f(x):\n    return x + 98765\n")
    monkeypatch.setattr(builtins, "compile", disturbed)
    assert body_of(module.f) == "return x + 98765"
    assert raised


def test_a_stale_line_cache_is_read_again(tmp_path):
    module = load(tmp_path, "def f(x):\n    return x + 1\n")
    linecache.getlines(module.__file__)
    module = load(tmp_path, "# moved\n\ndef f(x):\n    return x + 123\n")
    assert body_of(module.f) == "return x + 123"


def test_refuses_rewritten_assertions():
    # pytest has compiled this very function from another tree than the file's.
    def f(x):
        assert x > 0
        return x

    with pytest.raises(Refusal, match="no longer matches"):
        capture(f)


def test_changed_code_object_is_refused(tmp_path):
    module = load(tmp_path, "def f(x):\n    return x + 1\n")
    code = module.f.__code__
    module.f.__code__ = code.replace(co_consts=tuple(2 if c == 1 else c for c in code.co_consts))
    with pytest.raises(Refusal, match="no longer matches"):
        capture(module.f)


PROGRAM = """
from windrow.functions import Refusal, capture
f = lambda x: x + 41
try:
    import ast
    print(ast.unparse(capture(f).node))
except Refusal as refusal:
    print("refused:", refusal.reason.text)
"""


def test_dash_c_works_from_3_13_on():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    if sys.version_info >= (3, 13):
        assert done.stdout == "lambda x: x + 41\n"
    else:
        assert done.stdout.startswith("refused: the source of `<lambda>` is not available")


def test_notebook_cells():
    pytest.importorskip("IPython")
    program = textwrap.dedent(
        """
        import ast
        from IPython.core.interactiveshell import InteractiveShell
        from windrow.functions import capture
        shell = InteractiveShell.instance()
        shell.run_cell("x = 1")
        shell.run_cell("import math\\nk = 2\\n\\ndef f(row):\\n    return row['a'] * k\\ng = lambda x: math.sqrt(x) + k\\nk")
        print(ast.unparse(capture(shell.user_ns["f"]).node.body[0]))
        print(ast.unparse(capture(shell.user_ns["g"]).node))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("return row['a'] * k\nlambda x: math.sqrt(x) + k\n")


def test_capturing_does_not_repeat_warnings(tmp_path, recwarn):
    with pytest.warns(SyntaxWarning):
        module = load(tmp_path, "def f(x):\n    return x is 1000\n")
    assert body_of(module.f) == "return x is 1000"
    assert not recwarn.list


@pytest.mark.parametrize(
    "imports",
    [
        "import math\n",
        "try:\n    import math\nexcept ImportError:\n    math = None\n",
        "math = __import__('math')\n",
    ],
)
def test_calls_of_imported_names(tmp_path, imports):
    # The compiler calls an attribute of an imported name in another way than a method.
    module = load(tmp_path, imports + "f = lambda x: math.sqrt(x)\ng = lambda x: math.floor(x)\n")
    assert body_of(module.g) == "math.floor(x)"
