"""Descriptions: what the engine is told about a function, and the snapshot that travels."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import textwrap
import threading

import pytest

from windrow.functions import UnpicklableFunctionError, describe

rate = 2


def scaled(x, k=1, *, plus=0):
    return x * k + plus


def test_value_functions_are_positional():
    description = describe(lambda x: x + 1, columns=["price"], form="value")
    assert description.call == "positional"
    assert description.columns == ["price"]
    assert pickle.loads(description.pickled)(1) == 2


def test_builtins_and_classes_work_as_values():
    description = describe(len, columns=["s"], form="value")
    assert description.name == "len"
    assert description.file is None
    assert pickle.loads(description.pickled)("abc") == 3
    assert pickle.loads(describe(int, columns=["s"], form="value").pickled)("7") == 7


@pytest.mark.parametrize("form", ["value", "batch"])
def test_extra_arguments_are_bound(form):
    description = describe(scaled, columns=["x"], form=form, args=(3,), kwargs={"plus": 1})
    assert pickle.loads(description.pickled)(2) == 7


def test_extra_arguments_of_what_is_no_plain_function():
    description = describe(round, columns=["x"], form="value", args=(1,))
    assert pickle.loads(description.pickled)(2.345) == 2.3
    description = describe(
        lambda *a, **k: (a, k), columns=["x"], form="value", args=(1,), kwargs={"z": 2}
    )
    assert pickle.loads(description.pickled)(0) == ((0, 1), {"z": 2})


def test_a_call_that_cannot_work_raises_pythons_own_error():
    description = describe(scaled, columns=["x"], form="value", args=(1, 2, 3))
    with pytest.raises(TypeError, match="positional arguments"):
        pickle.loads(description.pickled)(1)


def test_json_mirrors_the_description():
    description = describe(lambda row: row["a"] + row.index[0], columns=["a"], form="row")
    read = json.loads(description.to_json())
    assert read["call"] == "row"
    assert read["nulls"] == "nan"
    assert read["verdict"] == "python"
    assert read["name"] == "<lambda>"
    assert read["reasons"][0].keys() == {"line", "column", "snippet", "text"}
    assert read["reasons"][0]["snippet"] == "row.index"
    assert "pickled" not in read


def test_the_id_follows_the_content():
    def with_constant(k):
        return describe(lambda row: row["a"] + k, columns=["a"], form="row")

    assert with_constant(1).id == with_constant(1).id
    assert with_constant(1).id != with_constant(2).id
    f = lambda x: x  # noqa: E731
    ids = {
        describe(f, columns=[column], form="value", nulls=nulls).id
        for column in "ab"
        for nulls in ("nan", "none")
    }
    assert len(ids) == 4


def test_globals_are_fixed_when_it_is_described():
    program = """
        from windrow.functions import describe
        import pickle
        rate = 2
        description = describe(lambda row: row["a"] * rate, columns=["a"], form="row")
        rate = 100
        print(pickle.loads(description.pickled)(3))
    """
    assert run(program) == "6\n"


def test_closures_see_their_variable_as_it_is_when_described():
    functions = [lambda x: (x, i) for i in range(3)]  # noqa: B023
    seen = [pickle.loads(describe(f, columns=["x"], form="value").pickled)(0) for f in functions]
    assert seen == [(0, 2)] * 3


def test_functions_of_importable_modules_keep_their_module(tmp_path):
    # The lock cannot be pickled, and need not be: the worker imports the module.
    (tmp_path / "shop.py").write_text(
        "import threading\nlock = threading.Lock()\nseen = []\n"
        "def price(row):\n    with lock:\n        seen.append(1)\n        return row['a'] * 2\n"
    )
    program = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import pickle, shop
        from windrow.functions import describe
        description = describe(shop.price, columns=["a"], form="row")
        assert description.call == "positional", description
        f = pickle.loads(description.pickled)
        print(f(4), f.__globals__ is vars(shop), len(shop.seen))
    """
    assert run(program) == "8 True 1\n"


def test_functions_of_the_running_script_travel_by_value(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            if __name__ == "__main__":
                import job
                from windrow.functions import describe
                sys.stdout.buffer.write(describe(job.double, columns=["x"], form="value").pickled)
            def double(x):
                return x + x
            """
        )
    )
    pickled = subprocess.run([sys.executable, str(script)], capture_output=True, check=True).stdout
    assert pickle.loads(pickled)(4) == 8


def test_made_up_modules_travel_by_value():
    program = """
        import pickle, sys, types
        from windrow.functions import describe
        module = types.ModuleType("made_up")
        sys.modules["made_up"] = module
        exec("def twice(x):\\n    return x * 2", vars(module))
        pickled = describe(module.twice, columns=["x"], form="value").pickled
        del sys.modules["made_up"]
        print(pickle.loads(pickled)(4))
    """
    assert run(program) == "8\n"


def test_what_cannot_be_pickled_is_named():
    lock = threading.Lock()
    with pytest.raises(UnpicklableFunctionError) as caught:
        describe(lambda x: lock and x, columns=["x"], form="value")
    message = str(caught.value)
    assert "the function `<lambda>` cannot be sent to a worker: `lock`, a `_thread.lock`" in message
    assert "\nhint: make `lock` inside the function" in message


def test_what_a_method_holds_is_named():
    class Client:
        def __init__(self):
            self.connection = threading.Lock()

        def ask(self, x):
            return x

    with pytest.raises(UnpicklableFunctionError, match=r"`self\.connection`, a `_thread\.lock`"):
        describe(Client().ask, columns=["x"], form="value")


def test_not_callable():
    with pytest.raises(TypeError, match="is not callable\nhint: "):
        describe("sum", columns=["x"], form="value")


def run(program):
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(textwrap.dedent(program))
        script.flush()
        done = subprocess.run(
            [sys.executable, script.name], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_first_function_loads_little_and_still_knows_what_is_loaded_later():
    program = (
        "import sys\n"
        "from windrow.functions import describe\n"
        "from windrow.functions.known import known_name\n"
        "describe(str.upper, columns=['a'], form='value')\n"
        "print(*{'calendar', 'hashlib', 'pandas', 'numpy'} & set(sys.modules))\n"
        "import calendar\n"
        "print(known_name(calendar.isleap))\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "\ncalendar.isleap\n"
