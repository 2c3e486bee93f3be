"""What the module will and will not make: once per request, once per TID, never with a dead key.

Nothing here knows frames or sockets (`desk.py`, `server.py`). The order of the checks is part
of the promise: what was answered once is answered the same, whatever has changed since.
"""

from __future__ import annotations

import hashlib
from typing import Any

from posapp import __version__
from posapp.clock import Clock, Randomness, epoch_ms
from posapp.codec import cbor
from posapp.domain.sale import TokenKind
from posapp.errors import ConfigError, ModuleError, Outcome
from posapp.security_module.link.messages import (
    BOOT_BYTES,
    Answer,
    Hello,
    KeyInfo,
    Missing,
    Order,
    Report,
)
from posapp.security_module.reference.issue import Issuer, Made, StoredKeys
from posapp.security_module.reference.issue import Policy as Policy
from posapp.security_module.reference.store import Books, IssueRow, ModuleStore, StoredAnswer
from posapp.sts import keys, sta
from posapp.sts.sta import StaTables

# Refused for a reason that can pass: the number is burnt with the refusal, so that a copy of
# the frame that comes later cannot run behind the till's back.
_CAN_PASS = frozenset(
    {
        "CLOCK_AHEAD",
        "CLOCK_BEHIND",
        "KEY_NOT_FOUND",
        "KEY_NOT_ACTIVE",
        "KEY_TYPE",
        "BASE_DATE_MISMATCH",
    }
)


class Engine:
    """One opened module. Called by one thread; each call is one transaction.

    Raises ConfigError KEYS_NOT_TEST at once if any key is not marked as a test key: this module
    keeps its store's key in a file beside it, and that guards nothing.
    """

    def __init__(
        self,
        store: ModuleStore,
        clock: Clock,
        randomness: Randomness,
        policy: Policy | None = None,
        *,
        tables: StaTables = sta.SAMPLE,
    ) -> None:
        stored = store.keys()
        if not all(key.test for key in stored):
            raise ConfigError("KEYS_NOT_TEST")
        self._store = store
        self._clock = clock
        self._policy = policy or Policy()
        self._issuer = Issuer(StoredKeys(stored), tables, self._policy, randomness)
        self._infos = tuple(_info(key) for key in stored)
        self._boot = randomness.bytes(BOOT_BYTES)

    # ------------------------------------------------------------ questions

    def hello(self) -> Hello:
        """Who this is."""
        return Hello(
            self._store.module_id, self._boot, f"posapp-module {__version__}", certified=False
        )

    def report(self, till: bytes) -> Report:
        """STATUS for one till. Raises StoreError."""
        with self._store.read() as books:
            last, count = books.last_sequence(till), books.issue_count()
        return Report(self.hello(), self._infos, last, epoch_ms(self._clock.now()), count)

    def fetch(self, request_id: bytes, till: bytes) -> Answer | Missing:
        """The stored answer to a till's own request. Raises StoreError."""
        with self._store.read() as books:
            found = books.answer(request_id)
            if found is None or found.till != till:
                return Missing(books.last_sequence(till))
        return self._replay(request_id, found)

    # ------------------------------------------------------------ what changes something

    def cancel(self, request_id: bytes, till: bytes, sequence: int) -> int:
        """Burn a number; the till's highest one afterwards.

        Raises ModuleError ALREADY_ISSUED (EXECUTED), StoreError.
        """
        with self._store.write() as books:
            found = books.answer(request_id)
            if found is not None and found.till == till:
                raise ModuleError("ALREADY_ISSUED", outcome=Outcome.EXECUTED)
            books.use_up(till, sequence)
            return books.last_sequence(till)

    def issue(self, order: Order) -> Answer:
        """All tokens of an order, or those made for it before. One transaction, one fsync.

        Raises ModuleError NOT_EXECUTED: RID_CONFLICT, STALE(last_sequence), CLOCK_BEHIND,
        CLOCK_AHEAD(newest_tid), KEY_NOT_FOUND(sgc, krn), KEY_TYPE, BASE_DATE_MISMATCH,
        KEY_EXPIRED, KEY_NOT_ACTIVE, KEY_ISSUE_ENDED, KEY_SUBCLASS, TID_WINDOW(lowest_tid),
        RESERVED_USED, UNSUPPORTED, FIELD_RANGE and what the standard's own rules refuse;
        StoreError when the disk fails (then: fetch).
        """
        digest = hashlib.sha256(cbor.encode(order.body())).digest()
        with self._store.write() as books:
            found = books.answer(order.request_id)
            if found is not None:
                if found.digest != digest:
                    raise ModuleError("RID_CONFLICT")
                return self._replay(order.request_id, found)
            last = books.last_sequence(order.till)
            if order.sequence <= last:
                raise ModuleError("STALE", last_sequence=last)
            try:
                made = self._make(order, books)
            except ModuleError as error:
                if error.code not in _CAN_PASS:
                    raise
                refused = error
            else:
                audit_no = self._enter(order, digest, made, books)
                digits = tuple(token for one in made for token in one.tokens)
                return Answer(
                    order.request_id, digits, self._store.module_id, audit_no, replayed=False
                )
            books.use_up(order.till, order.sequence)
        raise refused

    def _replay(self, request_id: bytes, found: StoredAnswer) -> Answer:
        return Answer(
            request_id, found.tokens, self._store.module_id, found.audit_no, replayed=True
        )

    def _enter(self, order: Order, digest: bytes, made: tuple[Made, ...], books: Books) -> int:
        now_ms = epoch_ms(self._clock.now())
        books.use_up(order.till, order.sequence)
        books.raise_clock_floor(now_ms)
        c = order.configuration
        return books.record(
            IssueRow(
                request_id=order.request_id,
                till=order.till,
                sequence=order.sequence,
                digest=digest,
                at_ms=now_ms,
                meter=order.meter.digits,
                sgc=c.sgc,
                krn=c.krn,
                tokens=tuple(token for one in made for token in one.tokens),
                items=tuple(_tid_row(one) for one in made if TokenKind(one.item.kind).takes_tid),
            )
        )

    # ------------------------------------------------------------ the rules

    def _make(self, order: Order, books: Books) -> tuple[Made, ...]:
        self._check_clock(books)
        return self._issuer.make(order, books, self._clock.now())

    def _check_clock(self, books: Books) -> None:
        now_ms, floor_ms = epoch_ms(self._clock.now()), books.clock_floor_ms()
        if now_ms < floor_ms - self._policy.clock_slack_ms:
            raise ModuleError("CLOCK_BEHIND", clock_ms=now_ms, floor_ms=floor_ms)


def _tid_row(made: Made) -> dict[str, Any]:
    item = made.item
    return {
        "base_date": item.base_date,
        "tid": item.tid,
        "reserved": item.reserved,
        "kind": item.kind,
        "subclass": item.subclass,
        "units": made.units or made.money_units or item.units,
        "value_minor": item.value_minor,
    }


def _info(key: keys.VendingKey) -> KeyInfo:
    return KeyInfo(key.sgc, key.krn, int(key.kt), key.base_date, key.ken, key.dkga, key.test)
