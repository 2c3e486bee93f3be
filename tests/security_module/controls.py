"""Short words for the tests of the controls: a module that trusts OFFICE, sold with and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from posapp.codec.signing import SigningKey
from posapp.errors import ModuleError
from posapp.ports import IssueRequest
from posapp.security_module.reference.engine import Engine
from posapp.wire.audit import AuditEntry, AuditKind
from tests.security_module.engines import NOON_TID, an_authorisation, order, signed, whole_audit
from tests.security_module.module_process import a_request


def load(engine: Engine, number: int = 1, *keys: SigningKey, **changes: Any) -> int:
    return engine.load_authorisation(signed(an_authorisation(number, **changes), *keys))


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ModuleError) as caught:
        call()
    return caught.value.code


def refused(engine: Engine, request: IssueRequest) -> str:
    return code_of(lambda: engine.issue(order(request)))


def sell(engine: Engine, sequence: int, units: int = 100, tid: int | None = None) -> None:
    engine.issue(order(a_request(sequence, tid or NOON_TID + sequence, units=units)))


def kinds(engine: Engine) -> list[AuditKind]:
    return [AuditEntry.from_bytes(data).kind for data in whole_audit(engine)]


def last_body(engine: Engine) -> dict[int, Any]:
    return AuditEntry.from_bytes(whole_audit(engine)[-1]).body
