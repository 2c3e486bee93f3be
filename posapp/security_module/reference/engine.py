"""What the module will and will not make: once per request, once per TID, never with a dead key.

Nothing here knows frames or sockets (`desk.py`, `server.py`). The order of the checks is part
of the promise: what was answered once is answered the same, whatever has changed since.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from posapp import __version__
from posapp.clock import Clock, Randomness, epoch_ms
from posapp.codec import cbor
from posapp.domain.sale import TokenKind
from posapp.errors import ConfigError, ModuleError, Outcome, PosError
from posapp.security_module.link.messages import (
    BOOT_BYTES,
    Answer,
    Hello,
    KeyInfo,
    Missing,
    Order,
    OrderItem,
    Report,
)
from posapp.security_module.reference.store import Books, IssueRow, ModuleStore, StoredAnswer
from posapp.sts import amounts, keys, sta, tid, tokens
from posapp.sts.sta import StaTables

CREDIT_SUBCLASSES = range(4)  # class 0 in units; currency tokens (4..7) come with a key's limits

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


@dataclass(frozen=True, slots=True)
class Policy:
    """How far a proposed TID may lie from the module's own clock, in minutes.

    `ahead` leaves room for many tokens of one meter in one minute and yet keeps a meter from
    refusing its customer's later tokens as old. `behind` lets a sale that a power cut left open
    be finished days later. `clock_slack_ms` is how far the clock may be corrected backwards.
    """

    ahead: int = 12 * 60
    behind: int = 7 * 24 * 60
    clock_slack_ms: int = 120_000


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
        self._randomness = randomness
        self._policy = policy or Policy()
        self._keys = {(key.sgc, key.krn): key for key in stored}
        self._infos = tuple(_info(key) for key in stored)
        self._tables = tables
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
                return Answer(
                    order.request_id, made, self._store.module_id, audit_no, replayed=False
                )
            books.use_up(order.till, order.sequence)
        raise refused

    def _replay(self, request_id: bytes, found: StoredAnswer) -> Answer:
        return Answer(
            request_id, found.tokens, self._store.module_id, found.audit_no, replayed=True
        )

    def _enter(self, order: Order, digest: bytes, made: tuple[str, ...], books: Books) -> int:
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
                tokens=made,
                items=tuple(
                    {
                        "base_date": item.base_date,
                        "tid": item.tid,
                        "reserved": item.reserved,
                        "kind": item.kind,
                        "subclass": item.subclass,
                        # what the token carries, which is what was asked or a little more
                        "units": amounts.decode_units(amounts.encode_units(item.units)),
                        "value_minor": item.value_minor,
                    }
                    for item in order.items
                ),
            )
        )

    # ------------------------------------------------------------ the rules

    def _make(self, order: Order, books: Books) -> tuple[str, ...]:
        self._check_clock(books)
        key = self._key(order)
        for item in order.items:
            _check_item(item, key)
        self._check_tids(order, key, books)
        c = order.configuration
        try:
            now = self._clock.now()
            for item in order.items:
                keys.check_issue(key, (0, item.subclass), item.tid, now, c.tct)
                tid.check_ken(item.tid, c.ken)  # the meter's own expiry: it would refuse
            secret = keys.decoder_key(key, order.meter, c.ti, c.ea)
            return tuple(
                tokens.credit(
                    secret, c.ea, i.subclass, self._nibble(), i.tid, i.units, self._tables
                )
                for i in order.items
            )
        except PosError as error:
            raise _refusal(error) from None  # its context could show a key to a log

    def _check_clock(self, books: Books) -> None:
        now_ms, floor_ms = epoch_ms(self._clock.now()), books.clock_floor_ms()
        if now_ms < floor_ms - self._policy.clock_slack_ms:
            raise ModuleError("CLOCK_BEHIND", clock_ms=now_ms, floor_ms=floor_ms)

    def _key(self, order: Order) -> keys.VendingKey:
        c = order.configuration
        key = self._keys.get((c.sgc, c.krn))
        if key is None:
            raise ModuleError("KEY_NOT_FOUND", sgc=c.sgc, krn=c.krn)
        if key.kt != c.kt:
            raise ModuleError("KEY_TYPE", kt=int(c.kt), expected=int(key.kt))
        if key.base_date != c.base_date:
            raise ModuleError("BASE_DATE_MISMATCH", base_date=c.base_date, expected=key.base_date)
        return key

    def _check_tids(self, order: Order, key: keys.VendingKey, books: Books) -> None:
        """Exactly the proposed TIDs or none: in order, never again, near the module's time."""
        meter = order.meter.digits
        now = _minutes_since(key.base_date, self._clock.now())
        oldest, newest = now - self._policy.behind, now + self._policy.ahead
        high = books.high_water(meter, key.base_date)
        lowest = _ordinary(max(oldest, 0 if high is None else high + 1))
        if oldest > tid.TID_MAX or lowest > tid.TID_MAX:
            raise ModuleError("KEY_EXPIRED", base_date=key.base_date)
        if tid.is_expired(lowest, key.ken):
            raise ModuleError("KEY_EXPIRED", ken=key.ken)
        given: set[int] = set()
        for item in order.items:
            if item.tid > newest:
                raise ModuleError("CLOCK_AHEAD", tid=item.tid, newest_tid=newest)
            if item.reserved:
                self._check_reserved(item, oldest, meter, books)
                if item.tid in given:
                    raise ModuleError("RESERVED_USED", tid=item.tid)
            elif item.tid < lowest or tid.is_reserved(item.tid):
                raise ModuleError("TID_WINDOW", lowest_tid=_ordinary(max(lowest, item.tid)))
            else:
                lowest = _ordinary(item.tid + 1)
            given.add(item.tid)

    @staticmethod
    def _check_reserved(item: OrderItem, oldest: int, meter: str, books: Books) -> None:
        """The minute 00:01 of a day, once a day, whatever was sold since (IEC 62055-41 6.3.5.2)."""
        if not tid.is_reserved(item.tid):
            raise ModuleError("FIELD_RANGE", field="tid")
        if item.tid < oldest:
            day = tid.MINUTES_PER_DAY
            start = oldest - tid.RESERVED_MINUTE
            raise ModuleError("TID_WINDOW", lowest_tid=-(-start // day) * day + tid.RESERVED_MINUTE)
        if books.is_given(meter, item.base_date, item.tid):
            raise ModuleError("RESERVED_USED", tid=item.tid)

    def _nibble(self) -> int:
        return self._randomness.bytes(1)[0] & 0xF


def _check_item(item: OrderItem, key: keys.VendingKey) -> None:
    if item.kind != TokenKind.CREDIT or item.subclass not in CREDIT_SUBCLASSES:
        raise ModuleError("UNSUPPORTED", kind=item.kind, subclass=item.subclass)
    if item.base_date != key.base_date:
        raise ModuleError("BASE_DATE_MISMATCH", base_date=item.base_date, expected=key.base_date)
    if not 1 <= item.units <= amounts.UNITS_MAX:
        raise ModuleError("FIELD_RANGE", field="units")
    if item.value_minor < 0:
        raise ModuleError("FIELD_RANGE", field="value_minor")


def _minutes_since(base_date: int, now: datetime) -> int:
    """Minutes of UTC since a base date; below zero before it, above TID_MAX after its end."""
    wall = now.astimezone(UTC).replace(tzinfo=None)
    return (wall - tid.BASE_DATES[base_date]) // timedelta(minutes=1)


def _ordinary(number: int) -> int:
    return number + 1 if tid.is_reserved(number) else number


def _refusal(error: PosError) -> ModuleError:
    params: dict[str, Any] = {
        name: int(value) if isinstance(value, int) else str(value)[:64]
        for name, value in error.params.items()
    }
    return ModuleError(error.code, **params)


def _info(key: keys.VendingKey) -> KeyInfo:
    return KeyInfo(key.sgc, key.krn, int(key.kt), key.base_date, key.ken, key.dkga, key.test)
