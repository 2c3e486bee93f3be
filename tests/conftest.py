"""The rules every test runs under: own home, fixed zone, loopback only, no unexpected log line.

A warning that a test means to provoke is announced with the fixture `expect_log`.
"""

from __future__ import annotations

import fnmatch
import importlib
import logging
import os
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED_SKIPS = ROOT / "tests" / "allowed_skips.txt"
LANES_END_WITHIN_S = 2.0  # a lane still running this long after its test was forgotten


def _own_world() -> Path:
    """Nothing of the person or machine that runs the tests reaches them, and back."""
    home = Path(tempfile.mkdtemp(prefix="posapp-tests-"))
    os.environ["HOME"] = str(home)
    for name, folder in {
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
        "XDG_CACHE_HOME": ".cache",
        "XDG_RUNTIME_DIR": ".run",
    }.items():
        path = home / folder
        path.mkdir(parents=True, mode=0o700)
        os.environ[name] = str(path)
    # A zone no site has, without the zone database: machine-local time cannot pass unseen.
    os.environ["TZ"] = "TST-05:45"
    os.environ["LC_ALL"] = os.environ["LANG"] = "C.UTF-8"
    for name in ("LANGUAGE", "DBUS_SESSION_BUS_ADDRESS", "POSAPP_DATA", "POSAPP_STA_TABLES"):
        os.environ.pop(name, None)
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["QT_LINUX_ACCESSIBILITY_ALWAYS_ON"] = "0"
    return home


_HOME = _own_world()
if hasattr(time, "tzset"):
    time.tzset()


def _qt_problem() -> str:
    """Why Qt cannot be loaded here, or nothing."""
    try:
        for name in ("QtCore", "QtGui", "QtWidgets", "QtTest"):
            importlib.import_module(f"PySide6.{name}")
    except ImportError as error:
        return str(error)
    return ""


QT_PROBLEM = _qt_problem()
QT_SKIP = (
    f"Qt cannot be loaded here ({QT_PROBLEM}); "
    "`installer/bootstrap test` adds the system's libraries it needs"
)

# Two slow cores are no reason to fail; the same failure is found again from what it prints.
hypothesis.settings.register_profile("posapp", deadline=None, print_blob=True)
hypothesis.settings.load_profile("posapp")


# --- pytest itself ------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    parser.addoption(
        "--strict-skips",
        action="store_true",
        help="fail when a test is skipped that tests/allowed_skips.txt does not allow",
    )
    if QT_PROBLEM:
        # WORKAROUND: pytest-qt 4.5 aborts the whole run when Qt's system libraries are missing.
        pluginmanager.unregister(name="pytest-qt")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SKIPS] = []
    config.pluginmanager.register(SkipNotes(config.stash[_SKIPS]))


def pytest_report_header() -> list[str]:
    return [f"without Qt: {QT_PROBLEM}"] if QT_PROBLEM else []


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    report = yield
    if QT_PROBLEM and report.failed and QT_PROBLEM in str(report.longrepr):
        report.outcome = "skipped"
        report.longrepr = (str(collector.path), 0, f"Skipped: {QT_SKIP}")
    return report


if QT_PROBLEM:

    @pytest.fixture
    def qapp() -> NoReturn:
        pytest.skip(QT_SKIP)

    @pytest.fixture
    def qtbot() -> NoReturn:
        pytest.skip(QT_SKIP)

    @pytest.fixture
    def qtmodeltester() -> NoReturn:
        pytest.skip(QT_SKIP)


# --- skips --------------------------------------------------------------------------------------

_SKIPS = pytest.StashKey[list[tuple[str, str]]]()


class SkipNotes:
    """Notes every skip from its report: in the run itself, or in the one that leads workers."""

    def __init__(self, skips: list[tuple[str, str]]) -> None:
        self._skips = skips

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            note = (report.nodeid, str(reason).removeprefix("Skipped: "))
            if note not in self._skips:  # two workers collect the same file
                self._skips.append(note)


def allowed_skips(text: str) -> list[tuple[str, str]]:
    """The `pattern of test ids | part of the reason` lines of the list."""
    rules: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition("|")
            if not reason.strip():
                raise ValueError(f"allowed_skips.txt: no reason in {line!r}")
            rules.append((pattern.strip(), reason.strip()))
    return rules


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if not config.getoption("--strict-skips") or hasattr(config, "workerinput"):
        return
    rules = allowed_skips(ALLOWED_SKIPS.read_text(encoding="utf-8"))
    session.config.stash[_UNEXPECTED] = unexpected = [
        (nodeid, reason)
        for nodeid, reason in session.config.stash[_SKIPS]
        if not any(fnmatch.fnmatchcase(nodeid, p) and part in reason for p, part in rules)
    ]
    if unexpected and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


_UNEXPECTED = pytest.StashKey[list[tuple[str, str]]]()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if not config.getoption("--strict-skips"):
        return
    skips, unexpected = config.stash[_SKIPS], config.stash.get(_UNEXPECTED, [])
    terminalreporter.section(f"{len(skips)} skipped, {len(unexpected)} of them not allowed")
    for nodeid, reason in skips:
        word = "NOT ALLOWED" if (nodeid, reason) in unexpected else "allowed"
        terminalreporter.line(f"{word}: {nodeid}: {reason}")


# --- network ------------------------------------------------------------------------------------


class NetworkForbiddenError(RuntimeError):
    """A test reached for another machine."""


def _is_here(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    return host in ("localhost", "::1", None) or str(host).startswith("127.")


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    def guard(self: socket.socket, *args: Any) -> Any:
        address = args[-1]  # the last argument of connect, bind and sendto alike
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            raise NetworkForbiddenError(
                f"{original.__name__} {address}: tests stay on this machine"
            )
        return original(self, *args)

    return guard


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex", "bind", "sendto"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        numeric = re.fullmatch(r"[\d.]+|[\da-f:]+", str(host))
        if not _is_here(host) and not numeric:
            raise NetworkForbiddenError(f"looked up {host}: tests stay on this machine")
        return look_up(host, *args, **options)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    patch.undo()


# --- logs ---------------------------------------------------------------------------------------


class _Watch(logging.Handler):
    """Keeps what was logged at WARNING or above, from any thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self.expected: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.levelname} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f" [{record.exc_info[1]!r}]"
        self.lines.append(line)

    def complaint(self) -> str:
        """What was logged without being expected, and what was expected in vain."""
        surprises = [
            line for line in self.lines if not any(re.search(e, line) for e in self.expected)
        ]
        if surprises:
            return "unexpected log lines:\n  " + "\n  ".join(surprises)
        missing = [e for e in self.expected if not any(re.search(e, line) for line in self.lines)]
        return f"expected in the log, but not there: {missing}" if missing else ""


@pytest.fixture(autouse=True)
def _log_watch() -> Iterator[_Watch]:
    watch, root = _Watch(), logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    root.addHandler(watch)
    yield watch
    root.removeHandler(watch)
    root.setLevel(level)
    for handler in set(root.handlers) - set(handlers):
        if not type(handler).__module__.startswith("_pytest."):
            root.removeHandler(handler)
            handler.close()
    complaint = watch.complaint()
    if complaint:
        pytest.fail(complaint, pytrace=False)


@pytest.fixture
def expect_log(_log_watch: _Watch) -> Callable[[str], None]:
    """`expect_log(pattern)`: this test must cause a log line at WARNING or above like that.

    The pattern is searched in `LEVEL logger: message [error]`.
    """
    return _log_watch.expected.append


# --- leaks --------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_lane_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [
        thread
        for thread in threading.enumerate()
        if thread.name.startswith("lane-") and thread not in before
    ]
    for thread in left:
        thread.join(LANES_END_WITHIN_S)
    names = sorted(thread.name for thread in left if thread.is_alive())
    if names:
        pytest.fail(f"lanes not closed: {', '.join(names)}", pytrace=False)
