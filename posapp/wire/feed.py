"""What head office sends down: rows of a scope, each the newest state of one thing.

Bodies have integer keys and leave out usual values; a row that this software does not know how
to read (a new entity, a new role) keeps its place in the sequence and is otherwise skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.domain.customer import Customer
from posapp.domain.energy import UNITS_TENTHS_MAX
from posapp.domain.meter import (
    EncryptionAlgorithm,
    KeyType,
    Meter,
    MeterConfiguration,
    MeterNumber,
    MeterState,
)
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.domain.role_limits import RoleLimits
from posapp.domain.standing import Debt, FeeState, Rate, Standing
from posapp.errors import InputError
from posapp.wire.fields import Fields, bad, without
from posapp.wire.lease import SignedLease

TARIFF_CHARACTERS_MAX = 64_000
KEY_CHARACTERS_MAX = 64
CT_RATIO_MAX = 10_000
ROWS_OF_ACCOUNT_MAX = 24
NAME_MAX = 40
FREE_ISSUES_MAX = 10_000  # of one person and day
GLOBAL = "global"

_LAST_MS = 253_402_300_799_999  # the end of the year 9999
_MONEY_MAX = 10**15

Body = dict[int, Any]


class Entity(StrEnum):
    """Kinds of rows; the names are written on the wire."""

    CUSTOMER = "customer"
    METER = "meter"
    TARIFF = "tariff"
    OPERATOR = "operator"
    LEASE = "lease"
    STANDING = "standing"
    RATE = "rate"
    ROLE_LIMITS = "role_limits"


@dataclass(frozen=True, slots=True)
class TariffText:
    """A tariff pack as its TOML text; `code` and `version` are the pack's own.

    Version 0 stands for one that was sent when a till held one version of a tariff only.
    """

    code: str
    text: str
    version: int = 0

    @property
    def key(self) -> str:
        """Its key in a feed: `KE-D1@3`."""
        return f"{self.code}@{self.version}" if self.version else self.code


FeedValue = (
    Customer | Meter | TariffText | OperatorRecord | SignedLease | Standing | Rate | RoleLimits
)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """The newest state of one thing at its place in a scope (`seq` counts from 1, dense).

    `value` is None when the thing was deleted, or when its entity or its body cannot be read here
    (`known` is false then). `key` is the thing's own: customer id, meter digits, tariff code,
    operator id.
    """

    seq: int
    entity: str
    key: str
    value: FeedValue | None
    deleted: bool = False

    @property
    def known(self) -> bool:
        """Whether this software knows what to do with the row."""
        return self.deleted or self.value is not None

    def to_item(self) -> list[Any]:
        """`[seq, entity, key, body or null]` for a message."""
        body = None if self.value is None else body_of(self.value)
        return [self.seq, self.entity, self.key, body]

    @classmethod
    def from_item(cls, item: object) -> FeedRow:
        """Raises InputError MESSAGE_INVALID when it is no row; one bad body is not `known`."""
        if not isinstance(item, list) or len(item) != 4:
            raise bad("row")
        seq, entity, key, body = item
        if type(seq) is not int or not isinstance(entity, str) or not isinstance(key, str):
            raise bad("row")
        if seq < 1 or len(entity) > KEY_CHARACTERS_MAX or len(key) > KEY_CHARACTERS_MAX:
            raise bad("row")
        if body is None or entity not in _READERS:
            return cls(seq, entity, key, None, deleted=body is None)
        try:
            value = read_value(Entity(entity), body)
        except InputError:
            return cls(seq, entity, key, None)
        return cls(seq, entity, key, value)


def till_scope(till_id: bytes) -> str:
    """The scope of what is for one till alone."""
    return "till:" + till_id.hex()


def body_of(value: FeedValue) -> Body:
    """The map that stands for a value in a row."""
    if isinstance(value, Customer):
        body = {
            0: value.customer_id,
            1: value.name,
            2: value.account,
            3: value.phone,
            4: value.address,
        }
        return without(body, {2: "", 3: "", 4: ""})
    if isinstance(value, Meter):
        return _meter_out(value)
    if isinstance(value, TariffText):
        return without({0: value.code, 1: value.text, 2: value.version}, {2: 0})
    if isinstance(value, OperatorRecord):
        person = value.operator
        return {
            0: person.operator_id,
            1: person.name,
            2: person.role.value,
            3: value.pin_verifier,
        }
    if isinstance(value, Standing):
        return _standing_out(value)
    if isinstance(value, Rate):
        return {0: value.currency, 1: str(value.rate), 2: value.stamped.toordinal()}
    if isinstance(value, RoleLimits):
        return {
            0: value.role.value,
            1: value.max_sale_minor,
            2: value.free_issues_a_day,
            3: value.free_tenths,
            4: value.max_void_minor,
        }
    return {0: value.document, 1: value.signature}


def read_value(entity: Entity, body: object) -> FeedValue:
    """The value of a body. Raises InputError MESSAGE_INVALID."""
    try:
        return _READERS[entity](Fields(body))
    except (InputError, ValueError) as error:
        raise InputError("MESSAGE_INVALID", field=entity.value) from error


def _meter_out(meter: Meter) -> Body:
    c = meter.configuration
    body: Body = {
        0: meter.number.digits,
        1: int(c.ea),
        2: c.sgc,
        3: c.krn,
        4: c.ti,
        5: c.base_date,
        6: c.ken,
        7: c.tct,
        8: int(c.kt),
        9: meter.tariff,
        10: meter.customer_id,
        11: meter.state.value,
        12: meter.phases,
        13: meter.maker,
        14: meter.ct_ratio,
    }
    if meter.pending is not None:
        p = meter.pending
        body[15] = [p.sgc, p.krn, p.ti, p.base_date, p.ken]
    return without(body, _METER_USUAL)


_METER_USUAL: Body = {
    6: 255,
    7: 2,
    8: int(KeyType.UNIQUE),
    10: 0,
    11: MeterState.ACTIVE.value,
    12: 1,
    13: "",
    14: 1,
}


def _meter_in(f: Fields) -> Meter:
    configuration = MeterConfiguration(
        ea=EncryptionAlgorithm(f.integer(1)),
        sgc=f.text(2, 6),
        krn=f.integer(3, high=9),
        ti=f.text(4, 2),
        base_date=f.integer(5, high=9999),
        ken=f.integer(6, high=255, default=255),
        tct=f.integer(7, high=99, default=2),
        kt=KeyType(f.integer(8, default=int(KeyType.UNIQUE))),
    )
    return Meter(
        MeterNumber(f.text(0, 13)),
        configuration,
        f.text(9, 40),
        f.integer(10, default=0),
        MeterState(f.text(11, 20, default=MeterState.ACTIVE.value)),
        f.integer(12, low=1, high=3, default=1),
        f.text(13, 60, default=""),
        f.integer(14, low=1, high=CT_RATIO_MAX, default=1),
        _pending_in(configuration, f.items(15, 5)),
    )


def _pending_in(present: MeterConfiguration, item: list[Any]) -> MeterConfiguration | None:
    """The key a meter is to get: SGC, KRN, TI, base date, KEN; the rest stays as it is."""
    if not item:
        return None
    f = _row(item)
    wanted = replace(
        present,
        sgc=f.text(0, 6),
        krn=f.integer(1, high=9),
        ti=f.text(2, 2),
        base_date=f.integer(3, high=9999),
        ken=f.integer(4, high=255),
    )
    return None if wanted == present else wanted


def _customer_in(f: Fields) -> Customer:
    return Customer(
        f.integer(0, low=1), f.text(1), f.text(2, default=""), f.text(3, default=""),
        f.text(4, default=""),
    )  # fmt: skip


def _tariff_in(f: Fields) -> TariffText:
    return TariffText(f.text(0, 40), f.text(1, TARIFF_CHARACTERS_MAX), f.integer(2, default=0))


def _operator_in(f: Fields) -> OperatorRecord:
    person = Operator(f.integer(0, low=1), f.text(1), Role(f.text(2, 20)))
    return OperatorRecord(person, f.text(3, 300))


def _lease_in(f: Fields) -> SignedLease:
    return SignedLease.read(f.data(0, limit=1024), f.data(1, length=64))


def _standing_out(standing: Standing) -> Body:
    body: Body = {
        0: standing.meter.digits,
        1: epoch_ms(standing.as_of),
        2: int(standing.entitled),
        3: standing.average_tenths,
        4: [[d.account, d.balance_minor, d.since.toordinal()] for d in standing.debts],
        5: [
            [code, 0 if fee.through is None else fee.through.toordinal(), fee.owed_minor]
            for code, fee in standing.fees
        ],
    }
    return without(body, {2: 0, 3: None, 4: [], 5: []})


def _standing_in(f: Fields) -> Standing:
    average = f.integer(3, low=-1, default=-1)
    return Standing(
        MeterNumber(f.text(0, 13)),
        from_epoch_ms(f.integer(1, high=_LAST_MS)),
        bool(f.integer(2, high=1, default=0)),
        None if average < 0 else average,
        tuple(_debt(_row(item)) for item in f.items(4, ROWS_OF_ACCOUNT_MAX)),
        tuple(_fee(_row(item)) for item in f.items(5, ROWS_OF_ACCOUNT_MAX)),
    )


def _row(item: object) -> Fields:
    if not isinstance(item, list):
        raise bad("row")
    return Fields(dict(enumerate(item)))


def _debt(f: Fields) -> Debt:
    return Debt(f.text(0, NAME_MAX), f.integer(1, high=_MONEY_MAX), _day(f.integer(2, low=1)))


def _fee(f: Fields) -> tuple[str, FeeState]:
    through = f.integer(1)
    return f.text(0, NAME_MAX), FeeState(_day(through) if through else None, f.integer(2))


def _day(ordinal: int) -> date:
    if ordinal > date.max.toordinal():
        raise bad("day")
    return date.fromordinal(ordinal)


def _rate_in(f: Fields) -> Rate:
    try:
        rate = Decimal(f.text(1, 30))
    except InvalidOperation:
        raise bad("rate") from None
    return Rate(f.text(0, 3), rate, _day(f.integer(2, low=1)))


def _limits_in(f: Fields) -> RoleLimits:
    return RoleLimits(
        Role(f.text(0, 20)),
        f.integer(1, high=_MONEY_MAX),
        f.integer(2, high=FREE_ISSUES_MAX),
        f.integer(3, high=UNITS_TENTHS_MAX),
        f.integer(4, high=_MONEY_MAX),
    )


_READERS: dict[str, Callable[[Fields], FeedValue]] = {
    Entity.CUSTOMER: _customer_in,
    Entity.METER: _meter_in,
    Entity.TARIFF: _tariff_in,
    Entity.OPERATOR: _operator_in,
    Entity.LEASE: _lease_in,
    Entity.STANDING: _standing_in,
    Entity.RATE: _rate_in,
    Entity.ROLE_LIMITS: _limits_in,
}
