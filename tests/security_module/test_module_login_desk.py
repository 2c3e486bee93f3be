"""A module that starts closed: what it says before a PIN, and what a PIN opens."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from posapp.codec.sealed import Cost
from posapp.errors import ModuleError, StoreError
from posapp.security_module.link import codec
from posapp.security_module.link.messages import Hello, order_of
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.login_desk import LOGIN, LOGOUT, OPERATORS, LoginDesk
from posapp.security_module.reference.operators import Operator, Operators, Role
from posapp.security_module.reference.seal import FileDevice
from tests.security_module.engines import (
    NOON_TID,
    STORE_KEY,
    CountedRandomness,
    SetClock,
    an_engine,
)
from tests.security_module.module_process import TILL, a_request

MODULE = "REF-00000001"
PIN = "739182640517"
HELLO = Hello(MODULE, bytes(8), "posapp-module test", certified=False)


class OpenDesk:
    """The real desk over a real store, with a book of what was noted."""

    def __init__(self, folder: Path, clock: SetClock, key: bytes) -> None:
        assert key == STORE_KEY
        engine, self.store = an_engine(folder / "store", clock)
        self._desk = Desk(engine)
        self.notes: list[tuple[str, int, str]] = []

    def answer(self, payload: bytes) -> bytes | None:
        return self._desk.answer(payload)

    def note(self, kind: str, operator: int, detail: str) -> None:
        self.notes.append((kind, operator, detail))


class Module:
    """A closed module and a line to it."""

    def __init__(self, folder: Path) -> None:
        self.clock = SetClock()
        self.failure: Exception | None = None
        self.opened: list[OpenDesk] = []
        self._folder = folder
        device = FileDevice.create(folder / "device.secret", CountedRandomness())
        boss = Operator(1, "Grace Otieno", Role.SUPERVISOR)
        arguments = (folder, MODULE, device)
        Operators.create(*arguments, CountedRandomness(), boss, PIN, STORE_KEY, cost=Cost(64, 1))
        self.people = Operators(*arguments, self.clock, CountedRandomness(), cost=Cost(64, 1))
        self.desk = LoginDesk(self.people, HELLO, self._open)
        self._calls = 0

    def _open(self, key: bytes) -> OpenDesk:
        if self.failure is not None:
            raise self.failure
        self.opened.append(OpenDesk(self._folder, self.clock, key))
        return self.opened[-1]

    def ask(self, op: str, **body: object) -> codec.Reply:
        self._calls += 1
        reply = codec.read_reply(self.desk.answer(codec.request(self._calls, op, body)) or b"")
        assert reply is not None and reply.call == self._calls
        return reply

    def close(self) -> None:
        self.people.close()
        for desk in self.opened:
            desk.store.close()


@pytest.fixture
def module(tmp_path):
    made = Module(tmp_path)
    yield made
    made.close()


def test_a_closed_module_says_who_it_is_and_asks_for_a_person(module):
    hello = module.ask(codec.HELLO)
    assert Hello.read(hello.fields) == HELLO
    for op, body in (
        (codec.STATUS, {"till": TILL}),
        (codec.ISSUE, order_of(a_request(1, NOON_TID))),
        (codec.FETCH, {"rid": bytes(16), "till": TILL}),
        ("NO_SUCH_OP", {}),
    ):
        assert module.ask(op, **body).error == "LOGIN_REQUIRED"
    assert module.desk.answer(b"noise") is None
    assert module.opened == []


def test_a_pin_opens_the_store_once_and_all_else_is_the_desks(module):
    reply = module.ask(LOGIN, operator=1, pin=PIN)
    assert (reply.fields.text("role"), reply.fields.text("name")) == ("supervisor", "Grace Otieno")
    assert not module.ask(codec.ISSUE, **order_of(a_request(1, NOON_TID))).error
    assert not module.ask(codec.STATUS, till=TILL).error
    assert not module.ask(LOGOUT).error
    assert module.ask(LOGIN, operator=1, pin=PIN).error == ""
    assert len(module.opened) == 1
    assert module.desk.answer(b"noise") is None


def test_recovery_needs_no_person_once_the_store_is_open(module):
    module.ask(LOGIN, operator=1, pin=PIN)
    module.ask(codec.ISSUE, **order_of(a_request(1, NOON_TID)))
    module.ask(LOGOUT)
    fetched = module.ask(codec.FETCH, rid=(1).to_bytes(16, "big"), till=TILL)
    assert not fetched.error


def test_wrong_pins_are_counted_over_the_line_and_noted_when_the_store_opens(module):
    for left in (4, 3):
        refused = module.ask(LOGIN, operator=1, pin="000000000000")
        assert (refused.error, refused.params) == ("PIN_WRONG", {"left": left})
    assert module.ask(LOGIN, operator=9, pin=PIN).error == "OPERATOR_UNKNOWN"
    assert module.ask(LOGIN, operator=1, pin="x").error == "PIN_FORM"
    module.ask(LOGIN, operator=1, pin=PIN)
    module.ask(LOGOUT)
    module.ask(LOGOUT)
    assert module.opened[0].notes == [
        ("refused", 1, "PIN_WRONG"),
        ("refused", 1, "PIN_WRONG"),
        ("refused", 9, "OPERATOR_UNKNOWN"),
        ("refused", 1, "PIN_FORM"),
        ("login", 1, "supervisor"),
        ("logout", 1, ""),
    ]


def test_a_blocked_pin_stays_blocked_whoever_asks(module):
    for _ in range(5):
        last = module.ask(LOGIN, operator=1, pin="000000000000")
    assert (last.error, last.params) == ("PIN_BLOCKED", {"name": "Grace Otieno"})
    assert module.ask(LOGIN, operator=1, pin=PIN).error == "PIN_BLOCKED"


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (StoreError("STORE_DAMAGED"), "STORE_FAILED"),
        (ModuleError("SEAL_OLD"), "SEAL_OLD"),
        (ModuleError("HSM_ABSENT", token="sts"), "HSM_ABSENT"),
    ],
)
def test_nobody_is_signed_in_at_a_store_that_does_not_open(module, failure, code, expect_log):
    if isinstance(failure, StoreError):
        expect_log("the store does not open: STORE_DAMAGED")
    module.failure = failure
    assert module.ask(LOGIN, operator=1, pin=PIN).error == code
    assert module.people.signed_in is None
    assert module.ask(codec.STATUS, till=TILL).error == "LOGIN_REQUIRED"
    module.failure = None
    assert module.ask(LOGIN, operator=1, pin=PIN).error == ""


def test_a_mistake_of_ours_is_told_as_unknown_and_logged(module, expect_log):
    expect_log("a mistake in the module itself")
    module.failure = ZeroDivisionError()
    refused = module.ask(LOGIN, operator=1, pin=PIN)
    assert (refused.error, refused.outcome.value) == ("INTERNAL", "unknown")


def test_a_supervisor_keeps_the_operators_over_the_line(module):
    assert module.ask(OPERATORS, do="add", operator=2, name="Ben", role="vendor", pin="4711").error
    module.ask(LOGIN, operator=1, pin=PIN)
    steps = (
        {"do": "add", "operator": 2, "name": "Ben", "role": "vendor", "pin": "4711"},
        {"do": "pin", "operator": 2, "pin": "8080"},
        {"do": "role", "operator": 2, "role": "clerk", "pin": "8080"},
        {"do": "unblock", "operator": 2},
    )
    for step in steps:
        rows = module.ask(OPERATORS, **step).fields.rows("rows", 2, 2)
    assert rows == [[1, "Grace Otieno", "supervisor", 5], [2, "Ben", "clerk", 5]]
    module.ask(LOGIN, operator=2, pin="8080")
    assert module.ask(OPERATORS, do="remove", operator=1).error == "ROLE_DENIED"
    module.ask(LOGIN, operator=1, pin=PIN)
    assert module.ask(OPERATORS, do="remove", operator=2).error == ""
    assert module.ask(OPERATORS, do="list").fields.rows("rows", 1, 1)
    details = [detail for kind, _, detail in module.opened[0].notes if kind == "operators"]
    assert details == ["add 2", "pin 2", "role 2", "unblock 2", "remove 2"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"do": "sell"},
        {"do": "add", "operator": 2, "name": "Ben", "role": "boss", "pin": "4711"},
        {"do": "pin", "operator": "2", "pin": "4711"},
        {"do": "pin", "operator": 2, "pin": "1" * 13},
    ],
)
def test_a_field_that_does_not_fit_is_named(module, body):
    module.ask(LOGIN, operator=1, pin=PIN)
    assert module.ask(OPERATORS, **body).error == "FIELD_RANGE"


def test_another_version_of_the_protocol_is_refused_at_a_closed_module(module):
    payload = codec.request(1, LOGIN, {"v": 9, "operator": 1, "pin": PIN})
    reply = codec.read_reply(module.desk.answer(payload) or b"")
    assert reply is not None and reply.error == "PROTOCOL_VERSION"


def test_c11_no_pin_of_the_line_is_in_a_log_or_a_note(module, caplog):
    caplog.set_level(logging.DEBUG)
    module.ask(LOGIN, operator=1, pin="739182640518")
    module.ask(LOGIN, operator=1, pin=PIN)
    module.ask(OPERATORS, do="pin", operator=1, pin="739182640519")
    for text in (caplog.text, repr(module.opened[0].notes), repr(vars(module.desk))):
        assert "73918264051" not in text


def test_whoever_changes_the_own_pin_is_told_of_nobody_else(module):
    module.ask(LOGIN, operator=1, pin=PIN)
    module.ask(OPERATORS, do="add", operator=2, name="Ben", role="vendor", pin="4711")
    module.ask(LOGIN, operator=2, pin="4711")
    reply = module.ask(OPERATORS, do="pin", operator=2, pin="8080")
    assert [row[0] for row in reply.fields.rows("rows", 1, 9)] == [2]
