"""The installed command: the same program as the one cargo builds, in this interpreter."""

import json
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("windrow._native", reason="the native module is not built")

MAIN = "import sys; from windrow._cli import main; sys.exit(main())"


def start(*arguments, **options):
    command = [sys.executable, "-c", MAIN, *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def windrow(*arguments, **options):
    """Run the command; gives its exit code, standard output and standard error."""
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_version_is_the_packages(here):
    import windrow as wr

    assert windrow("--version") == (0, f"windrow {wr.__version__}\n", "")


def test_a_script_runs_in_this_interpreter_with_its_own_exit_code(here):
    (here / "job.py").write_text(
        "import os, sys\n"
        "print(sys.executable, sys.argv[1:], os.environ['WINDROW_WORKERS'], __name__)\n"
        "sys.exit(7)\n"
    )
    code, out, err = windrow("run", "--workers", "3", "job.py", "--workers", "x")
    assert (code, err) == (7, "")
    assert out == f"{sys.executable} ['--workers', 'x'] 3 __main__\n"


def test_a_script_finds_the_modules_beside_it(here):
    (here / "folder").mkdir()
    (here / "folder" / "beside.py").write_text("VALUE = 5\n")
    (here / "folder" / "job.py").write_text("import beside\nprint(beside.VALUE)\n")
    assert windrow("run", "folder/job.py") == (0, "5\n", "")


def test_a_module_runs_too(here):
    (here / "job.py").write_text("import sys\nprint(sys.argv[1:])\n")
    assert windrow("run", "-m", "job", "-v") == (0, "['-v']\n", "")


def test_an_exception_is_the_scripts_own(here):
    (here / "job.py").write_text("1 / 0\n")
    code, out, err = windrow("run", "job.py")
    assert (code, out) == (1, "")
    assert err.startswith("Traceback")
    assert err.endswith("ZeroDivisionError: division by zero\n")


def test_settings_reach_the_script(here):
    (here / "job.py").write_text(
        "import windrow as wr\nfound = wr.settings()\nprint(found['workers'], found['memory'])\n"
    )
    assert windrow("run", "--workers", "1", "--memory", "1GB", "job.py")[1] == "1 1000000000\n"


def test_ctrl_c_reaches_the_script(here):
    (here / "job.py").write_text(
        "import time\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    raise SystemExit(9)\n"
    )
    process = start("run", "job.py")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 9


def test_ctrl_c_ends_a_query_without_a_traceback(here):
    (here / "tmp").mkdir()
    endless = (
        "select count(*) from generate_series(1, 100000) a(x)"
        " join generate_series(1, 1000000000) b(y) on a.x < b.y"
    )
    process = start("sql", endless, "--temp", "tmp")
    # Its folder for temporary files is made after it watches for interrupts.
    while process.poll() is None and not list((here / "tmp").iterdir()):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 130
    assert list((here / "tmp").iterdir()) == []


def test_a_script_that_is_not_there_has_a_near_name(here):
    (here / "job.py").write_text("")
    expected = "error: there is no script `jbo.py`\nhint: did you mean `job.py`?\n"
    assert windrow("run", "jbo.py") == (1, "", expected)


def test_a_query_over_a_file(here):
    (here / "t.csv").write_text("team,goals\na,1\nb,2\na,3\n")
    query = "select team, sum(goals) as goals from t group by team order by team"
    code, out, err = windrow("sql", query, "-t", "t=t.csv", "--format", "csv")
    assert (code, out, err) == (0, "team,goals\na,4\nb,2\n", "")


def test_a_query_into_a_file(here):
    import pyarrow.parquet as pq

    (here / "t.csv").write_text("a\n1\n2\n")
    assert windrow("sql", "select a * 2 as b from t", "-t", "t=t.csv", "-o", "o.parquet") == (
        0,
        "",
        "",
    )
    assert pq.read_table("o.parquet").to_pydict() == {"b": [2, 4]}


def test_a_wrong_query_is_explained(here):
    code, out, err = windrow("sql", "select * from t")
    assert (code, out) == (1, "")
    assert err == "error: there is no table `t`\nhint: say what it is: `--table t=FILE`\n"


def test_the_doctor_finds_this_interpreter_well(here):
    code, out, err = windrow("doctor", "--json")
    report = json.loads(out)
    checks = {(check["area"], check["name"]): check for check in report["checks"]}
    assert (code, err, report["good"]) == (0, "", True)
    assert sys.executable in checks["python", "interpreter"]["value"]
    import pyarrow as pa

    assert checks["python", "pyarrow"]["value"] == pa.__version__


def test_what_is_not_understood_has_its_own_exit_code(here):
    code, out, err = windrow("sqll")
    assert (code, out) == (2, "")
    assert "'sql'" in err
