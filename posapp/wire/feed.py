"""What head office sends down: rows of a scope, each the newest state of one thing.

Bodies have integer keys and leave out usual values; a row that this software does not know how
to read (a new entity, a new role) keeps its place in the sequence and is otherwise skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from posapp.domain.customer import Customer
from posapp.domain.meter import (
    EncryptionAlgorithm,
    KeyType,
    Meter,
    MeterConfiguration,
    MeterNumber,
    MeterState,
)
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.errors import InputError
from posapp.wire.fields import Fields, bad, without
from posapp.wire.lease import SignedLease

TARIFF_CHARACTERS_MAX = 64_000
KEY_CHARACTERS_MAX = 64
GLOBAL = "global"

Body = dict[int, Any]


class Entity(StrEnum):
    """Kinds of rows; the names are written on the wire."""

    CUSTOMER = "customer"
    METER = "meter"
    TARIFF = "tariff"
    OPERATOR = "operator"
    LEASE = "lease"


@dataclass(frozen=True, slots=True)
class TariffText:
    """A tariff pack as its TOML text; `code` is the pack's own code."""

    code: str
    text: str


FeedValue = Customer | Meter | TariffText | OperatorRecord | SignedLease


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
        return {0: value.code, 1: value.text}
    if isinstance(value, OperatorRecord):
        person = value.operator
        return {
            0: person.operator_id,
            1: person.name,
            2: person.role.value,
            3: value.pin_verifier,
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
    }
    return without(body, _METER_USUAL)


_METER_USUAL: Body = {
    6: 255,
    7: 2,
    8: int(KeyType.UNIQUE),
    10: 0,
    11: MeterState.ACTIVE.value,
    12: 1,
    13: "",
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
    )


def _customer_in(f: Fields) -> Customer:
    return Customer(
        f.integer(0, low=1), f.text(1), f.text(2, default=""), f.text(3, default=""),
        f.text(4, default=""),
    )  # fmt: skip


def _tariff_in(f: Fields) -> TariffText:
    return TariffText(f.text(0, 40), f.text(1, TARIFF_CHARACTERS_MAX))


def _operator_in(f: Fields) -> OperatorRecord:
    person = Operator(f.integer(0, low=1), f.text(1), Role(f.text(2, 20)))
    return OperatorRecord(person, f.text(3, 300))


def _lease_in(f: Fields) -> SignedLease:
    return SignedLease.read(f.data(0, limit=1024), f.data(1, length=64))


_READERS: dict[str, Callable[[Fields], FeedValue]] = {
    Entity.CUSTOMER: _customer_in,
    Entity.METER: _meter_in,
    Entity.TARIFF: _tariff_in,
    Entity.OPERATOR: _operator_in,
    Entity.LEASE: _lease_in,
}
