"""tests/conftest.py keeps its promises: each rule is broken once, in a run of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, allowed_skips

BREAKERS = """
import logging, os, socket, threading
import pytest
from pathlib import Path

def test_fails_a_warning_nobody_expected():
    logging.getLogger("posapp.x").warning("the %s is odd", "paper")

def test_passes_a_warning_that_was_expected(expect_log):
    expect_log("the paper is .*odd")
    logging.getLogger("posapp.x").warning("the %s is odd", "paper")

def test_fails_a_warning_expected_in_vain(expect_log):
    expect_log("never said")

def test_fails_a_lane_left_running(request):
    stop = threading.Event()
    threading.Thread(target=stop.wait, args=(60,), name="lane-sale", daemon=True).start()

@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.invalid", "::"])
def test_fails_reaching_out(host):
    socket.create_connection((host, 9), timeout=1)

def test_fails_listening_to_everyone():
    socket.socket().bind(("", 0))

def test_passes_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("127.0.0.1", server.getsockname()[1])).close()

def test_passes_a_handler_that_product_code_left():
    logging.getLogger().addHandler(logging.NullHandler(7))
    logging.getLogger().setLevel(logging.DEBUG)

def test_passes_the_next_test_finds_the_log_as_it_was():
    assert logging.getLogger().level == logging.WARNING
    assert not any(h.level == 7 for h in logging.getLogger().handlers)

def test_passes_the_home_is_empty_and_not_mine():
    assert "posapp-tests-" in str(Path.home())
    assert "TST" in os.environ["TZ"]

def test_is_skipped_without_leave():
    pytest.skip("the moon is full")
"""


def _pytest(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(
        "from tests import conftest\n"
        "globals().update({k: v for k, v in vars(conftest).items() if k[:2] != '__'})\n"
    )
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml")]
    return subprocess.run(
        [*command, "--rootdir", str(folder), "-p", "no:cacheprovider", *arguments, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def broken_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "test_breakers.py").write_text(BREAKERS)
    return _pytest(folder, "--strict-skips", "-v")


def test_each_broken_rule_fails_its_test_and_no_other(broken_run):
    outcomes: dict[str, set[str]] = {}
    for line in broken_run.stdout.splitlines():
        name, _, outcome = line.partition("::")[2].partition(" ")
        if outcome and outcome.split()[0] in ("PASSED", "FAILED", "ERROR", "SKIPPED"):
            outcomes.setdefault(name.partition("[")[0], set()).add(outcome.split()[0])
    failing = {name for name, seen in outcomes.items() if seen & {"FAILED", "ERROR"}}
    assert failing == {name for name in outcomes if name.startswith("test_fails")}
    assert len(outcomes) == BREAKERS.count("def test_")


def test_each_complaint_says_what_was_wrong(broken_run):
    for words in (
        "unexpected log lines:\n  WARNING posapp.x: the paper is odd",
        "expected in the log, but not there: ['never said']",
        "lanes not closed: lane-sale",
        "looked up example.invalid: tests stay on this machine",
        "connect ('192.0.2.1', 9): tests stay on this machine",
    ):
        assert words in broken_run.stdout.replace("E   ", "")


def test_a_skip_that_is_not_on_the_list_is_named_and_fails_the_run(broken_run, tmp_path):
    assert "NOT ALLOWED: test_breakers.py::test_is_skipped_without_leave: the moon" in (
        broken_run.stdout
    )
    (tmp_path / "test_one.py").write_text("import pytest\ndef test_x(): pytest.skip('moon')\n")
    run = _pytest(tmp_path, "--strict-skips")
    assert run.returncode == 1, run.stdout
    assert _pytest(tmp_path).returncode == 0


def test_without_qts_libraries_the_other_tests_still_run(tmp_path):
    (tmp_path / "PySide6").mkdir()
    lack = "libGL.so.1: cannot open shared object file"
    (tmp_path / "PySide6" / "__init__.py").write_text(f"raise ImportError('{lack}')\n")
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_window.py").write_text("from PySide6.QtWidgets import QWidget\n")
    (tests / "test_other.py").write_text("def test_a(): pass\ndef test_b(qtbot): pass\n")
    run = _pytest(tests, "-rs", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert "1 passed, 2 skipped" in run.stdout, run.stdout + run.stderr
    assert f"Qt cannot be loaded here ({lack})" in run.stdout


def test_a_line_of_the_skip_list_needs_a_reason():
    with pytest.raises(ValueError, match="no reason"):
        allowed_skips("tests/e2e/*\n")
    assert allowed_skips("# why\n\ntests/x* | no moon\n") == [("tests/x*", "no moon")]
