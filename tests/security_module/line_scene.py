"""A module with a real engine and a till that are paired, for tests without a process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posapp.errors import ModuleError
from posapp.ports import IssueRequest, IssueResult
from posapp.security_module.drivers.driver import LineLostError, LineSilentError
from posapp.security_module.drivers.link_driver import LinkDriver
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.gate import Gate
from tests.security_module.engines import NOON_TID, an_engine
from tests.security_module.lines import (
    FAULTS,
    Chance,
    Late,
    MemoryCable,
    introduce,
    line_keys,
    whole,
)
from tests.security_module.module_process import TILL, a_request

SOON_S = 0.03


class Scene:
    """A module with a real engine and a till that are paired, and the cable between them."""

    def __init__(self, folder: Path) -> None:
        self.engine, self._store = an_engine(folder / "module")
        self.till_keys = line_keys(folder / "till", 1)
        self.module_keys = line_keys(folder / "module", 2)
        introduce(self.till_keys, self.module_keys)
        self.gate = Gate(Desk(self.engine), self.module_keys)
        self.cable = MemoryCable(self.gate)
        self.driver = self.a_driver(self.till_keys)
        self._sequence = 0

    def a_driver(self, keys: LineKeys | None, seed: int = 3) -> LinkDriver:
        cable: Any = self.cable
        return LinkDriver(cable, Chance(seed), again_s=SOON_S, keys=keys)

    def open(self, driver: LinkDriver | None = None) -> Any:
        return (driver or self.driver).open(time.monotonic() + 5)

    def intend(self) -> IssueRequest:
        self._sequence += 1
        return a_request(self._sequence, NOON_TID + 2 * self._sequence)

    def issue(self, request: IssueRequest, within_s: float = 5.0) -> IssueResult:
        return self.driver.issue(request, time.monotonic() + within_s)

    def settle(self, request: IssueRequest) -> IssueResult:
        """As a till does after an unknown outcome: open again, fetch, ask the same again."""
        for _ in range(6):
            try:
                if not self.driver.is_open:
                    self.open()
                return self.issue(request)
            except (LineLostError, LineSilentError):
                self.driver.close()
        raise AssertionError("never settled")

    def restart(self) -> None:
        """The module's process again: the store is the same, the session is gone."""
        engine = Engine(self._store, self.engine._clock, Chance(9))
        self.engine = engine
        self.gate = Gate(Desk(engine), line_keys(self.module_keys._folder, 5))
        self.cable.plug(self.gate)

    def made(self) -> int:
        return self.engine.report(TILL).issues

    def close(self) -> None:
        self.driver.close()
        self._store.close()


def refusal(driver: LinkDriver) -> ModuleError:
    with pytest.raises(ModuleError) as caught:
        driver.open(time.monotonic() + 5)
    assert not driver.is_open
    return caught.value


def at_frame(direction: str, number: int, name: str) -> tuple[Callable[..., Any], list[int]]:
    """A fault in the `number`th frame of one way; the list says how often it happened."""
    seen, happened = [0], [0]
    late = Late()

    def fault(way: str, data: bytes) -> list[bytes] | None:
        if way != direction:
            return whole(way, data)
        seen[0] += 1
        if seen[0] == number:
            happened[0] += 1
            return late(data) if name == "late" else FAULTS[name](data)
        return late.release(data)

    return fault, happened
