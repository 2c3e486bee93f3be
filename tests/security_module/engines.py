"""Engines over real sealed stores for tests, without a process: made from one template."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from posapp.clock import epoch_ms
from posapp.codec.signing import SigningKey
from posapp.domain.lease import Lease
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
from posapp.wire.audit import AuditAcknowledgement, SignedAcknowledgement, entry_hash
from posapp.wire.authorisation import Authorisation, Grant, SignedAuthorisation
from posapp.wire.introductions import Trust
from tests.security_module.module_process import TILL, write_key_file

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
NOON_TID = tid.tid_at(NOON, 2014)
STORE_KEY = bytes(range(32))
MODULE_ID = "REF-00000001"

OFFICE = (SigningKey(b"\1" * 32), SigningKey(b"\2" * 32))
STRANGER = SigningKey(b"\3" * 32)
TWO_ABOVE_MINOR = 1_000_000
TRUST = Trust(tuple(key.public for key in OFFICE), (), TWO_ABOVE_MINOR)
NOBODY_LIMITS = 1 << 40


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
def _template(begun: datetime, trust: Trust | None) -> Path:
    folder = Path(tempfile.mkdtemp(dir=os.environ["HOME"]))
    keys = load_key_file(write_key_file(folder / "keys.json"))
    text = None if trust is None else trust.to_text().encode("ascii")
    create_store(folder, STORE_KEY, MODULE_ID, keys, epoch_ms(begun), text)
    return folder


def a_store(folder: Path, begun: datetime = NOON, trust: Trust | None = None) -> ModuleStore:
    """A fresh module's store in `folder`, or the one that is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "module.db").exists():
        shutil.copy(_template(begun, trust) / "module.db", folder / "module.db")
    return open_store(folder, STORE_KEY)


def an_engine(
    folder: Path,
    clock: SetClock | None = None,
    policy: Policy | None = None,
    *,
    begun: datetime = NOON,
    trust: Trust | None = None,
) -> tuple[Engine, ModuleStore]:
    """An engine with TEST_KEYS at noon of 4 March 2026; close the store after use.

    With `trust` (usually TRUST) it makes nothing before `an_authorisation` is loaded.
    """
    store = a_store(folder, begun, trust)
    return Engine(store, clock or SetClock(), CountedRandomness(), policy), store


def an_authorisation(number: int = 1, **changes: Any) -> Authorisation:
    """For the module and till of the tests: plenty of everything for ninety days."""
    issued_at = changes.setdefault("issued_at", NOON)
    values: dict[str, Any] = {
        "module_id": MODULE_ID,
        "number": number,
        "till_id": TILL,
        "currency_code": "KES",
        "lease": Lease(number, NOBODY_LIMITS, NOBODY_LIMITS, 1, issued_at + timedelta(days=90)),
        "lease_days": 90,
        "unacknowledged_max": 100_000,
        "grants": (a_grant(),),
        "opening_hours": (),
    }
    return Authorisation(**{**values, **changes})


def a_grant(
    units: int = NOBODY_LIMITS,
    money: int = NOBODY_LIMITS,
    value: int = NOBODY_LIMITS,
    sgc: str = "201457",
    krn: int = 1,
) -> Grant:
    """Totals of one key."""
    return Grant(sgc, krn, units, money, value)


def signed(authorisation: Authorisation, *keys: SigningKey) -> bytes:
    """By both of OFFICE unless said otherwise."""
    return SignedAuthorisation.sign(authorisation, *(keys or OFFICE)).to_bytes()


def an_acknowledgement(
    engine: Engine, at: datetime, number: int | None = None, *keys: SigningKey, **changes: Any
) -> bytes:
    """Head office has the audit up to `number`, or to its end, at a moment."""
    entries = whole_audit(engine)
    found = len(entries) if number is None else number
    values: dict[str, Any] = {
        "module_id": MODULE_ID,
        "number": found,
        "hash32": entry_hash(entries[min(found, len(entries)) - 1]),
        "at_ms": epoch_ms(at),
    }
    word = AuditAcknowledgement(**{**values, **changes})
    return SignedAcknowledgement.sign(word, *(keys or OFFICE[:1])).to_bytes()


def whole_audit(engine: Engine) -> list[bytes]:
    """Every entry, page by page."""
    entries: list[bytes] = []
    while page := engine.audit_page(len(entries), 64)[0]:
        entries.extend(page)
    return entries


def order(request: IssueRequest) -> Order:
    """A till's request as the module reads it from the line."""
    return Order.read(Fields(order_of(request)))
