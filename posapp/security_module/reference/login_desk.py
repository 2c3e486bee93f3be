"""The desk in front of the desk: who works here, and nothing is open before a first PIN fits.

It answers LOGIN, LOGOUT and OPERATORS; all else goes to `desk.py` once the store is open. What
needs a person among that asks `Operators.require` where it is decided, in the engine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from posapp.errors import ConfigError, InputError, ModuleError, Outcome, PosError, StoreError
from posapp.security_module.link import codec
from posapp.security_module.link.codec import FieldError, Fields, Request
from posapp.security_module.link.messages import Hello
from posapp.security_module.reference.gate import Answers
from posapp.security_module.reference.operators import (
    NAME_MAX,
    NUMBER_MAX,
    Action,
    Operator,
    Operators,
    Role,
)

LOGIN = "LOGIN"  # {"operator": number, "pin": text} -> {"role", "name"}
LOGOUT = "LOGOUT"  # {} -> {}
OPERATORS = "OPERATORS"  # {"do": what, ...} -> {"rows": [[number, name, role, tries left], ...]}
PIN_MAX = 12
NOTES_WAITING_MAX = 64  # at a closed store; more refused logins than a thief could wait for

log = logging.getLogger("posapp.module.login")


class OpenedDesk(Answers, Protocol):
    """The desk of an open store, with its audit."""

    def note(self, kind: str, operator: int, detail: str) -> None:
        """Enter it in the audit: `kind` is login, refused, logout or operators."""
        ...


class LoginDesk:
    """Answers one request at a time.

    `open_store` makes the desk from the store's key, at the first login; it may raise PosError,
    and then nobody is signed in.
    """

    def __init__(
        self, operators: Operators, hello: Hello, open_store: Callable[[bytes], OpenedDesk]
    ) -> None:
        self._operators = operators
        self._hello = hello
        self._open_store = open_store
        self._desk: OpenedDesk | None = None
        self._waiting: list[Callable[[OpenedDesk], None]] = []
        self._ops: dict[str, Callable[[Fields], dict[str, Any]]] = {
            LOGIN: self._login,
            LOGOUT: self._logout,
            OPERATORS: self._change,
        }
        self._changes: dict[str, Callable[[Fields], None]] = {
            "list": lambda _: self._require_supervisor(),
            "add": self._add,
            "pin": lambda f: operators.change_pin(_number(f), _pin(f)),
            "role": lambda f: operators.change_role(_number(f), _role(f), _pin(f)),
            "unblock": lambda f: operators.unblock(_number(f)),
            "remove": lambda f: operators.remove(_number(f)),
        }

    def answer(self, payload: bytes) -> bytes | None:
        """The reply; None for what cannot be answered. A login takes the PIN's cost, 0.2 s."""
        request = codec.read_request(payload)
        if request is None:
            return None if self._desk is None else self._desk.answer(payload)
        own = self._ops.get(request.op)
        is_own = own is not None and request.version == codec.VERSION
        if not is_own and self._desk is not None:
            return self._desk.answer(payload)
        try:
            return codec.reply(request.call, self._do(request, own))
        except FieldError as error:
            return _no(request, ModuleError(codec.FIELD_RANGE, field=error.name[:64]))
        except (ModuleError, InputError, ConfigError) as error:
            return _no(request, error)
        except StoreError as error:
            log.error("the store does not open: %s", error.code)
            return _no(request, ModuleError("STORE_FAILED", cause=error.code))
        except Exception:
            log.exception("a mistake in the module itself")
            return _no(request, ModuleError("INTERNAL", outcome=Outcome.UNKNOWN))

    def _do(
        self, request: Request, own: Callable[[Fields], dict[str, Any]] | None
    ) -> dict[str, Any]:
        """An op of this desk, or one of the other desk's before there is one."""
        if request.version != codec.VERSION:
            raise ModuleError(codec.UNSUPPORTED_VERSION, expected=codec.VERSION)
        if own is not None:
            return own(request.fields)
        if request.op == codec.HELLO:
            return self._hello.body()
        raise ModuleError("LOGIN_REQUIRED")

    def _login(self, fields: Fields) -> dict[str, Any]:
        number, pin = fields.integer("operator", 1, NUMBER_MAX), _pin(fields)
        try:
            role = self._operators.login(number, pin)
        except PosError as error:
            self._note("refused", number, error.code)
            raise
        try:
            self._opened()
        except PosError:
            self._operators.logout()
            raise
        self._note("login", number, str(role))
        signed_in = self._operators.signed_in
        return {"role": str(role), "name": "" if signed_in is None else signed_in.name}

    def _logout(self, fields: Fields) -> dict[str, Any]:
        signed_in = self._operators.signed_in
        self._operators.logout()
        if signed_in is not None:
            self._note("logout", signed_in.number, "")
        return {}

    def _change(self, fields: Fields) -> dict[str, Any]:
        do = fields.text("do")
        change = self._changes.get(do)
        if change is None:
            raise FieldError("do")
        by = self._operators.signed_in
        change(fields)
        if do != "list" and by is not None:
            self._note("operators", by.number, f"{do} {_number(fields)}")
        everybody = by is not None and by.role is Role.SUPERVISOR
        return {
            "rows": [
                [operator.number, operator.name, str(operator.role), left]
                for operator, left in self._operators.all()
                if everybody or operator == by
            ]
        }

    def _require_supervisor(self) -> None:
        self._operators.require(Action.OPERATORS)

    def _add(self, fields: Fields) -> None:
        name = fields.text("name", NAME_MAX)
        self._operators.add(Operator(_number(fields), name, _role(fields)), _pin(fields))

    def _opened(self) -> OpenedDesk:
        if self._desk is None:
            self._desk = self._open_store(self._operators.data_key())
            waiting, self._waiting = self._waiting, []
            for note in waiting:
                note(self._desk)
        return self._desk

    def may_bind(self, till: bytes) -> bool:
        """See `Answers`; not before the store is open."""
        return self._desk is not None and self._desk.may_bind(till)

    def note_impostor(self, till: bytes, peer: str) -> None:
        """See `Answers`."""
        self._tell(lambda desk: desk.note_impostor(till, peer))

    def _note(self, kind: str, operator: int, detail: str) -> None:
        self._tell(lambda desk: desk.note(kind, operator, detail))

    def _tell(self, note: Callable[[OpenedDesk], None]) -> None:
        """At once, or when the store is opened."""
        if self._desk is not None:
            note(self._desk)
        elif len(self._waiting) < NOTES_WAITING_MAX:
            self._waiting.append(note)


def _number(fields: Fields) -> int:
    return fields.integer("operator", 1, NUMBER_MAX)


def _pin(fields: Fields) -> str:
    return fields.text("pin", PIN_MAX)


def _role(fields: Fields) -> Role:
    try:
        return Role(fields.text("role"))
    except ValueError:
        raise FieldError("role") from None


def _no(request: Request, error: PosError) -> bytes:
    """Nothing here makes a token, so only a mistake of ours leaves anything unknown."""
    outcome = error.outcome if isinstance(error, ModuleError) else Outcome.NOT_EXECUTED
    params = {k: v for k, v in error.params.items() if isinstance(v, (int, str))}
    return codec.refusal(request.call, error.code, outcome, params)
