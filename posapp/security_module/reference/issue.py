"""Makes the tokens of one order, item after item, for the meter as each token will leave it.

It refuses or makes and writes nothing down: `engine.py` does, in the same transaction. Which
tokens a key may make is asked of `posapp.sts` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from posapp.clock import Randomness
from posapp.domain.meter import EncryptionAlgorithm, MeterNumber
from posapp.domain.sale import KeyTarget, TokenKind
from posapp.errors import ModuleError, PosError, SaleError
from posapp.security_module.link.messages import Order, OrderItem
from posapp.sts import amounts, key_change, keys, tid, tokens
from posapp.sts.key_change import NewKey, Side
from posapp.sts.keys import AnyKey, KeyAttributes, VendingKey
from posapp.sts.sta import StaTables
from posapp.sts.tokens import CURRENCY_SUBCLASSES, WATT_FIELDS, Management

CREDIT_SUBCLASSES = range(8)  # class 0: four things in units, the same four in money
ALL_REGISTERS = 0xFFFF
_REGISTERS = 8
_TEST_SUBCLASSES = range(3)
_TEST_BITS = 44  # control field and manufacturer code together
_MAKER_BITS = {0: 8, 1: 16, 2: 8}


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


class Keeper(Protocol):
    """Whoever keeps the vending keys; see `KeyBackend`."""

    def attributes(self) -> tuple[KeyAttributes, ...]:
        """What is known of each key, ordered by SGC and KRN."""
        ...

    def decoder_key(
        self, sgc: str, krn: int, number: MeterNumber, ti: str, ea: EncryptionAlgorithm
    ) -> bytes:
        """A meter's key, as `posapp.sts.keys.decoder_key` makes it."""
        ...

    def check(self, known: KeyAttributes) -> None:
        """Raise ModuleError unless it could keep such a key. Returns at once."""
        ...

    def load(self, key: VendingKey) -> None:
        """Take a key in, or anew; durable. Raises ModuleError HSM_..., StoreError."""
        ...


class StoredKeys:
    """Keeps the keys of the module's own store in this process too; `save` puts one there."""

    def __init__(self, stored: tuple[VendingKey, ...], save: Callable[[VendingKey], None]) -> None:
        self._keys = {(key.sgc, key.krn): key for key in stored}
        self._save = save

    def attributes(self) -> tuple[KeyAttributes, ...]:
        """What is known of each key, ordered by SGC and KRN."""
        return tuple(self._keys[name].attributes() for name in sorted(self._keys))

    def decoder_key(
        self, sgc: str, krn: int, number: MeterNumber, ti: str, ea: EncryptionAlgorithm
    ) -> bytes:
        """A meter's key. Raises like `keys.decoder_key`."""
        return keys.decoder_key(self._keys[sgc, krn], number, ti, ea)

    def check(self, known: KeyAttributes) -> None:
        """All kinds are kept here."""

    def load(self, key: VendingKey) -> None:
        """Take a key in, or anew; durable. Raises StoreError."""
        self._save(key)
        self._keys[key.sgc, key.krn] = key


class GivenTids(Protocol):
    """What the module remembers of a meter's TIDs."""

    def high_water(self, meter: str, base_date: int) -> int | None:
        """The highest ordinary TID given to a meter under a base date."""
        ...

    def is_given(self, meter: str, base_date: int, tid: int) -> bool:
        """Whether exactly this TID was given to a meter under a base date."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """What one item became, and what it used of the vending key (`sgc`, `krn`).

    `units` (0.1 kWh and so on) and `money_units` (0.00001) are what a credit carries, which is
    what was asked or a little more. A meter test has no key.
    """

    item: OrderItem
    tokens: tuple[str, ...] = field(repr=False)
    sgc: str = ""
    krn: int = 0
    units: int = 0
    money_units: int = 0


class Issuer:
    """Makes tokens under the keys of a keeper. Keeps nothing between two orders."""

    def __init__(
        self, keeper: Keeper, tables: StaTables, policy: Policy, randomness: Randomness
    ) -> None:
        self.tables = tables
        self.policy = policy
        self._keeper = keeper
        self._randomness = randomness
        self.look()

    def look(self) -> None:
        """See what keys there are now."""
        self._keys = {(key.sgc, key.krn): key for key in self._keeper.attributes()}

    def make(self, order: Order, given: GivenTids, now: datetime) -> tuple[Made, ...]:
        """What each item becomes, in entry order; all of them or a refusal.

        Raises ModuleError as `Engine.issue` says.
        """
        bench = _Bench(self, order, given, now)
        try:
            return tuple(bench.make(item) for item in order.items)
        except ModuleError:
            raise
        except PosError as error:
            raise refusal(error) from None  # its context could show a key to a log

    def key(self, sgc: str, krn: int, code: str = "KEY_NOT_FOUND") -> KeyAttributes:
        """What is known of a vending key. Raises ModuleError `code`(sgc, krn)."""
        found = self._keys.get((sgc, krn))
        if found is None:
            raise ModuleError(code, sgc=sgc, krn=krn)
        return found

    def decoder_key(
        self, key: AnyKey, number: MeterNumber, ti: str, ea: EncryptionAlgorithm
    ) -> bytes:
        """The meter's key under one of the vending keys. Raises like `keys.decoder_key`."""
        return self._keeper.decoder_key(key.sgc, key.krn, number, ti, ea)

    @staticmethod
    def is_usable(key: KeyAttributes, now: datetime) -> bool:
        """Whether a key can make any token at a moment."""
        minute = _minutes_since(key.base_date, now)
        try:
            keys.check_active(key, now)
        except SaleError:
            return False
        return 0 <= minute <= tid.TID_MAX and not tid.is_expired(minute, key.ken)

    def nibble(self) -> int:
        """The four random bits of a token."""
        return self._randomness.bytes(1)[0] & 0xF


class _Bench:
    """One order under way. `_side` and `_ken` are the meter's as the next token will find it."""

    def __init__(self, issuer: Issuer, order: Order, given: GivenTids, now: datetime) -> None:
        self._issuer = issuer
        self._order = order
        self._given = given
        self._now = now
        self._ken = order.configuration.ken
        self._side: Side | None = None
        self._secret = b""
        self._lowest: dict[int, int] = {}  # base date -> the lowest ordinary TID it would take
        self._taken: set[tuple[int, int]] = set()
        self._makers: dict[int, Callable[[OrderItem], Made]] = {
            TokenKind.CREDIT: self._credit,
            TokenKind.METER_TEST: self._meter_test,
            TokenKind.MANAGEMENT: self._management,
            TokenKind.KEY_CHANGE: self._key_change,
        }

    def make(self, item: OrderItem) -> Made:
        """The tokens of the next item."""
        maker = self._makers.get(item.kind)
        if maker is None:
            raise _unsupported(item)
        if item.value_minor < 0:
            raise _field("value_minor")
        if (item.target is not None) != (item.kind == TokenKind.KEY_CHANGE):
            raise _field("target")
        return maker(item)

    # ------------------------------------------------------------ one kind each

    def _credit(self, item: OrderItem) -> Made:
        if item.subclass not in CREDIT_SUBCLASSES:
            raise _unsupported(item)
        in_money = item.subclass in CURRENCY_SUBCLASSES
        if not 1 <= item.units <= (amounts.CURRENCY_MAX if in_money else amounts.UNITS_MAX):
            raise _field("units")
        self._take_tid(item, 0)
        ea, tables = self._order.configuration.ea, self._issuer.tables
        if in_money:
            token = tokens.currency_credit(
                self._secret, ea, item.subclass, item.tid, item.units, tables
            )
            carried = amounts.decode_currency(*amounts.encode_currency(item.units))
            return self._made(item, (token,), money_units=carried)
        token = tokens.credit(
            self._secret, ea, item.subclass, self._issuer.nibble(), item.tid, item.units, tables
        )
        carried = amounts.decode_units(amounts.encode_units(item.units))
        return self._made(item, (token,), units=carried)

    def _management(self, item: OrderItem) -> Made:
        if item.subclass not in tuple(Management):
            raise _unsupported(item)
        subclass = Management(item.subclass)
        value = _management_value(subclass, item.units)
        self._take_tid(item, 2)
        token = tokens.management(
            self._secret,
            self._order.configuration.ea,
            subclass,
            self._issuer.nibble(),
            item.tid,
            value,
            self._issuer.tables,
        )
        return self._made(item, (token,))

    def _meter_test(self, item: OrderItem) -> Made:
        """The same for every meter, and no secret: no key, no TID (6.2.3)."""
        if item.subclass not in _TEST_SUBCLASSES:
            raise _unsupported(item)
        _check_plain(item)
        if item.units >> _TEST_BITS:
            raise _field("units")
        control, maker = divmod(item.units, 1 << _MAKER_BITS[item.subclass])
        return Made(item, (tokens.meter_test(item.subclass, control, maker),))

    def _key_change(self, item: OrderItem) -> Made:
        """A whole set; what follows it is made under the new key (6.2.7, 6.2.8)."""
        target, c = item.target, self._order.configuration
        assert target is not None, "checked above"
        if item.subclass:
            raise _unsupported(item)
        _check_plain(item)
        if item.units:
            raise _field("units")
        if target.third_token and c.ea is not EncryptionAlgorithm.STA:
            raise _field("target")
        old = self._meters_side()
        new = Side(self._issuer.key(target.sgc, target.krn, "NEW_KEY_NOT_FOUND"), target.ti)
        key_change.check_change(old, new, self._now, c.tct)
        secret = self._decoder_key(new)
        made = key_change.change_set(
            self._secret,
            c.ea,
            _new_key(old, new, secret, target),
            self._issuer.tables,
            third_token=target.third_token,
        )
        result = self._made(item, made)
        self._side, self._secret, self._ken = new, secret, new.vending_key.ken
        return result

    def _made(self, item: OrderItem, digits: tuple[str, ...], **used: int) -> Made:
        key = self._meters_side().vending_key
        return Made(item, digits, key.sgc, key.krn, **used)

    # ------------------------------------------------------------ the meter's key

    def _meters_side(self) -> Side:
        if self._side is None:
            c = self._order.configuration
            key = self._issuer.key(c.sgc, c.krn)
            if key.kt != c.kt:
                raise ModuleError("KEY_TYPE", kt=int(c.kt), expected=int(key.kt))
            if key.base_date != c.base_date:
                raise _mismatch(c.base_date, key)
            self._side = Side(key, c.ti)
            self._secret = self._decoder_key(self._side)
        return self._side

    def _decoder_key(self, side: Side) -> bytes:
        key, c = side.vending_key, self._order.configuration
        return self._issuer.decoder_key(key, self._order.meter, side.ti, c.ea)

    # ------------------------------------------------------------ exactly the proposed TID

    def _take_tid(self, item: OrderItem, token_class: int) -> None:
        """Exactly the proposed TID or nothing: in order, never again, near the module's time."""
        key = self._meters_side().vending_key
        if item.base_date != key.base_date:
            raise _mismatch(item.base_date, key)
        self._check_tid(item, key)
        kind = (token_class, item.subclass)
        keys.check_issue(key, kind, item.tid, self._now, self._order.configuration.tct)
        tid.check_ken(item.tid, self._ken)  # the meter's own expiry: it would refuse
        self._taken.add((item.base_date, item.tid))

    def _check_tid(self, item: OrderItem, key: AnyKey) -> None:
        base_date, policy = key.base_date, self._issuer.policy
        now = _minutes_since(base_date, self._now)
        oldest, newest = now - policy.behind, now + policy.ahead
        lowest = self._lowest_tid(base_date, oldest)
        if oldest > tid.TID_MAX or lowest > tid.TID_MAX:
            raise ModuleError("KEY_EXPIRED", base_date=base_date)
        if tid.is_expired(lowest, key.ken):
            raise ModuleError("KEY_EXPIRED", ken=key.ken)
        if item.tid > newest:
            raise ModuleError("CLOCK_AHEAD", tid=item.tid, newest_tid=newest)
        if item.reserved:
            self._check_reserved(item, oldest)
        elif item.tid < lowest or tid.is_reserved(item.tid):
            raise _window(_ordinary(max(lowest, item.tid)), base_date)
        else:
            self._lowest[base_date] = _ordinary(item.tid + 1)

    def _lowest_tid(self, base_date: int, oldest: int) -> int:
        if base_date not in self._lowest:
            high = self._given.high_water(self._order.meter.digits, base_date)
            self._lowest[base_date] = _ordinary(max(oldest, 0 if high is None else high + 1))
        return self._lowest[base_date]

    def _check_reserved(self, item: OrderItem, oldest: int) -> None:
        """The minute 00:01 of a day, once a day, whatever was sold since (IEC 62055-41 6.3.5.2)."""
        if not tid.is_reserved(item.tid):
            raise _field("tid")
        if item.tid < oldest:
            day = tid.MINUTES_PER_DAY
            start = oldest - tid.RESERVED_MINUTE
            raise _window(-(-start // day) * day + tid.RESERVED_MINUTE, item.base_date)
        if (item.base_date, item.tid) in self._taken or self._given.is_given(
            self._order.meter.digits, item.base_date, item.tid
        ):
            raise ModuleError("RESERVED_USED", tid=item.tid)


def _new_key(old: Side, new: Side, secret: bytes, target: KeyTarget) -> NewKey:
    key = new.vending_key
    return NewKey(
        key=secret,
        kt=key.kt,
        krn=key.krn,
        ti=target.ti,
        ken=key.ken,
        sgc=key.sgc,
        rollover=key.base_date != old.vending_key.base_date,
    )


def _management_value(subclass: Management, units: int) -> int:
    """The sixteen bits of a management token; watts are encoded like an amount (6.3.9)."""
    if subclass in WATT_FIELDS:
        if units > amounts.UNITS_MAX:
            raise _field("units")
        return amounts.encode_units(units)
    is_register = units < _REGISTERS or units == ALL_REGISTERS
    fits = {Management.CLEAR_CREDIT: is_register, Management.CLEAR_TAMPER: units == 0}
    if units >> 16 or not fits.get(subclass, True):
        raise _field("units")
    return units


def _check_plain(item: OrderItem) -> None:
    """Neither a TID nor a value in money."""
    if item.tid or item.reserved:
        raise _field("tid")
    if item.value_minor:
        raise _field("value_minor")


def _unsupported(item: OrderItem) -> ModuleError:
    return ModuleError("UNSUPPORTED", kind=item.kind, subclass=item.subclass)


def _field(name: str) -> ModuleError:
    return ModuleError("FIELD_RANGE", field=name)


def _mismatch(base_date: int, key: AnyKey) -> ModuleError:
    return ModuleError("BASE_DATE_MISMATCH", base_date=base_date, expected=key.base_date)


def _window(lowest: int, base_date: int) -> ModuleError:
    return ModuleError("TID_WINDOW", lowest_tid=lowest, base_date=base_date)


def _minutes_since(base_date: int, now: datetime) -> int:
    """Minutes of UTC since a base date; below zero before it, above TID_MAX after its end."""
    wall = now.astimezone(UTC).replace(tzinfo=None)
    return (wall - tid.BASE_DATES[base_date]) // timedelta(minutes=1)


def _ordinary(number: int) -> int:
    return number + 1 if tid.is_reserved(number) else number


def refusal(error: PosError) -> ModuleError:
    """What the standard's rules refused, as the module's own word; plain values only."""
    params: dict[str, Any] = {
        name: int(value) if isinstance(value, int) else str(value)[:64]
        for name, value in error.params.items()
    }
    return ModuleError(error.code, **params)
