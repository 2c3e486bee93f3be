"""Engines over real sealed stores for tests, without a process: made from one template."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from posapp.clock import epoch_ms
from posapp.ports import IssueRequest
from posapp.security_module.link.codec import Fields
from posapp.security_module.link.messages import Order, order_of
from posapp.security_module.reference.engine import Engine, Policy
from posapp.security_module.reference.keys import load_key_file
from posapp.security_module.reference.store import (
    ModuleStore,
    create_store,
    open_store,
)
from posapp.sts import tid
from tests.security_module.module_process import write_key_file

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
NOON_TID = tid.tid_at(NOON, 2014)
STORE_KEY = bytes(range(32))


class SetClock:
    """Stands where it is put."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic_ms(self) -> int:
        return epoch_ms(self.moment)

    def move(self, **delta: int) -> None:
        """Forward or backwards, in the words of timedelta."""
        self.moment += timedelta(**delta)


class CountedRandomness:
    """Different bytes each time, the same in each run."""

    def __init__(self) -> None:
        self._count = 0

    def bytes(self, count: int) -> bytes:
        self._count += 1
        return bytes((self._count * 7 + place) & 0xFF for place in range(count))


@functools.cache
def _template(begun: datetime) -> Path:
    folder = Path(tempfile.mkdtemp(dir=os.environ["HOME"]))
    keys = load_key_file(write_key_file(folder / "keys.json"))
    create_store(folder, STORE_KEY, "REF-00000001", keys, epoch_ms(begun))
    return folder


def a_store(folder: Path, begun: datetime = NOON) -> ModuleStore:
    """A fresh module's store in `folder`, or the one that is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "module.db").exists():
        shutil.copy(_template(begun) / "module.db", folder / "module.db")
    return open_store(folder, STORE_KEY)


def an_engine(
    folder: Path,
    clock: SetClock | None = None,
    policy: Policy | None = None,
    *,
    begun: datetime = NOON,
) -> tuple[Engine, ModuleStore]:
    """An engine with TEST_KEYS at noon of 4 March 2026; close the store after use."""
    store = a_store(folder, begun)
    return Engine(store, clock or SetClock(), CountedRandomness(), policy), store


def order(request: IssueRequest) -> Order:
    """A till's request as the module reads it from the line."""
    return Order.read(Fields(order_of(request)))
