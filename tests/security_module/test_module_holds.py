"""How the manager learns that a module holds, and that it holds no longer."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from thriftpy2.protocol.binary import TBinaryProtocol
from thriftpy2.thrift import TMessageType

from posapp.clock import SystemClock, epoch_ms
from posapp.errors import ModuleError, Outcome
from posapp.ports import IssueResult, ModuleState, NotFound
from posapp.security_module import manager as manager_module
from posapp.security_module.drivers import prismtoken_line
from posapp.security_module.drivers.driver import LineLostError, LineSilentError, WrongAnswerError
from posapp.security_module.link.messages import Hello, KeyInfo, Report
from posapp.security_module.manager import ModuleManager
from tests.security_module.lines import HELLO
from tests.security_module.module_process import ON_POSIX, TILL, a_request

TOKEN = "12345678901234567890"
KEY = KeyInfo("201457", 1, 2, 2014, 255, 4, test=True)
REQUEST = a_request(1, 1_000_000)


class Told:
    """A driver that reports, refuses and breaks as it is told."""

    def __init__(self) -> None:
        self.is_open = False
        self.changes: dict[str, Any] = {}
        self.error: Exception | None = None
        self.reports = 0

    def open(self, deadline: float) -> Hello:
        self.is_open = True
        return HELLO

    def check(self) -> None:
        return None

    def status(self, till_id: bytes, deadline: float) -> Report:
        self.reports += 1
        return replace(Report(HELLO, (KEY,), 0, epoch_ms(SystemClock().now()), 0), **self.changes)

    def issue(self, request: Any, deadline: float) -> IssueResult:
        if self.error is not None:
            raise self.error
        return IssueResult(request.request_id, (TOKEN,), HELLO.module_id, 1)

    def fetch(self, request_id: bytes, till_id: bytes, deadline: float) -> NotFound:
        return NotFound(0)

    def cancel(self, *_: Any) -> None:
        if self.error is not None:
            raise self.error

    def interrupt(self) -> None:
        return None

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def driver() -> Told:
    return Told()


@pytest.fixture
def manager(driver: Told) -> Iterator[ModuleManager]:
    one = ModuleManager("told:", till_id=TILL, clock=SystemClock(), driver=driver)
    yield one
    one.close()


def refused(manager: ModuleManager, code: str) -> None:
    with pytest.raises(ModuleError, match=code):
        manager.issue(REQUEST)


def test_a_good_module_is_asked_once_and_then_left_in_peace(
    manager: ModuleManager, driver: Told
) -> None:
    for _ in range(5):
        assert manager.poll().state is ModuleState.READY
    assert driver.reports == 1


def test_a_hold_is_shown_and_asked_about_often_until_it_ends(
    manager: ModuleManager, driver: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "HOLD_REPORT_S", 0.0)
    driver.changes = {"state": "hold_lease"}
    assert manager.poll().state is ModuleState.HOLD_LEASE
    assert (manager.status().action, manager.status().colour) == ("LOAD_AUTHORISATION", "bad")
    driver.changes = {}
    assert manager.poll().state is ModuleState.READY
    assert manager.poll().state is ModuleState.READY
    assert driver.reports == 2


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("LEASE_EXPIRED", ModuleState.HOLD_LEASE),
        ("AUDIT_FULL", ModuleState.HOLD_AUDIT),
        ("LOGIN_REQUIRED", ModuleState.LOCKED),
        ("PIN_BLOCKED", ModuleState.PIN_BLOCKED),
        ("TAMPERED", ModuleState.TAMPERED),
    ],
)
def test_a_refusal_shows_at_once_what_the_next_report_confirms_or_not(
    manager: ModuleManager, driver: Told, code: str, state: ModuleState
) -> None:
    manager.refresh()
    driver.error = ModuleError(code, outcome=Outcome.NOT_EXECUTED)
    refused(manager, code)
    assert manager.status().state is state
    assert manager.poll().state is ModuleState.READY  # it was asked without waiting its turn
    assert driver.reports == 2


def test_a_refusal_of_one_request_is_no_hold(manager: ModuleManager, driver: Told) -> None:
    driver.error = ModuleError("KEY_NOT_FOUND", outcome=Outcome.NOT_EXECUTED)
    refused(manager, "KEY_NOT_FOUND")
    assert manager.status().state is ModuleState.READY


def test_a_module_that_says_in_the_middle_that_it_is_not_paired_is_let_go(
    manager: ModuleManager, driver: Told
) -> None:
    driver.error = ModuleError("NOT_PAIRED", outcome=Outcome.UNKNOWN)
    refused(manager, "NOT_PAIRED")
    assert manager.status().state is ModuleState.NOT_PAIRED
    assert manager.status().problem == "NOT_PAIRED"
    assert not driver.is_open


def test_a_token_made_ends_a_hold_that_is_out_of_date(manager: ModuleManager, driver: Told) -> None:
    driver.changes = {"state": "limit_used"}
    assert manager.refresh().state is ModuleState.LIMIT_USED
    manager.issue(REQUEST)
    assert manager.status().state is ModuleState.READY


@pytest.mark.parametrize("error", [LineLostError("cut", sent=True), LineSilentError("issue")])
def test_after_an_unknown_outcome_the_module_recovers_until_somebody_has_asked(
    manager: ModuleManager, driver: Told, error: Exception
) -> None:
    driver.error = error
    with pytest.raises(ModuleError):
        manager.issue(REQUEST)
    assert manager.status().state is ModuleState.LINK_LOST
    assert manager.status().since is not None
    assert manager.poll().state is ModuleState.RECOVERING
    manager.fetch(bytes(16), TILL)
    assert manager.status().state is ModuleState.RECOVERING  # that was another request
    manager.fetch(REQUEST.request_id, TILL)
    assert manager.status().state is ModuleState.READY


@pytest.mark.parametrize("too_late", [False, True])
def test_a_cancelled_request_is_in_doubt_no_longer(
    manager: ModuleManager, driver: Told, too_late: bool
) -> None:
    driver.error = LineLostError("cut", sent=True)
    with pytest.raises(ModuleError):
        manager.issue(REQUEST)
    driver.error = ModuleError("ALREADY_ISSUED", outcome=Outcome.EXECUTED) if too_late else None
    manager.poll()
    try:
        manager.cancel(REQUEST.request_id, TILL, 1)
    except ModuleError as error:
        if error.outcome is not Outcome.EXECUTED:
            raise
    assert manager.status().state is ModuleState.READY


@pytest.mark.skipif(not ON_POSIX, reason="a pty is Unix")
def test_even_an_unchanged_silent_port_is_asked_again_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(manager_module, "SAME_LOOKS_MAX", 3)
    monkeypatch.setattr(manager_module, "POLL_OPEN_S", 0.1)
    mine, port = os.openpty()
    manager = ModuleManager(f"serial:{os.ttyname(port)}", till_id=TILL, clock=SystemClock())
    asked = []
    for _ in range(6):
        begun = time.monotonic()
        manager.poll()
        asked.append(time.monotonic() - begun > 0.09)
    assert asked == [True, False, False, True, False, False]
    manager.close()
    os.close(mine)
    os.close(port)


# ---------------------------------------------------------------- answers to another call


@pytest.mark.parametrize(("name", "number"), [("ping", 1), ("pong", 2), ("ping", 2)])
def test_an_answer_to_another_call_is_no_answer(name: str, number: int) -> None:
    buffer = BytesIO()
    protocol: Any = TBinaryProtocol(buffer)
    protocol.write_message_begin(name, TMessageType.REPLY, number)
    protocol.write_struct(prismtoken_line.SERVICE.ping_result(success="echo"))
    if (name, number) == ("ping", 2):
        assert prismtoken_line._result("ping", 2, buffer.getvalue()) == "echo"
        return
    with pytest.raises(WrongAnswerError):
        prismtoken_line._result("ping", 2, buffer.getvalue())
