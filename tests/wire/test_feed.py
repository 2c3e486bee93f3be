"""Feed rows and leases: what head office says comes back as the same values, or not at all."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from posapp.codec import cbor
from posapp.codec.signing import SigningKey
from posapp.domain.customer import Customer
from posapp.domain.lease import Lease
from posapp.domain.meter import (
    EncryptionAlgorithm,
    KeyType,
    Meter,
    MeterConfiguration,
    MeterNumber,
    MeterState,
)
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.domain.standing import Debt, FeeState, Rate, Standing
from posapp.errors import InputError
from posapp.wire.feed import Entity, FeedRow, TariffText, body_of
from posapp.wire.lease import SignedLease

OFFICE = SigningKey(bytes([2]) * 32)
TILL_ID = bytes(range(16))
LEASE = Lease(3, 50_000_000, 2_000_000, 100, datetime(2026, 12, 3, tzinfo=UTC))
PLAIN_METER = Meter(
    MeterNumber("04123456784"),
    MeterConfiguration(EncryptionAlgorithm.MISTY1, "600675", 1, "01", 2014),
    "dom",
)
ODD_METER = Meter(
    MeterNumber("04123456784"),
    MeterConfiguration(
        EncryptionAlgorithm.STA, "600675", 2, "07", 1993, 20, tct=1, kt=KeyType.COMMON
    ),
    "com",
    customer_id=9,
    state=MeterState.BLOCKED,
    phases=3,
    maker="Conlog",
    ct_ratio=40,
)
AS_OF = datetime(2026, 11, 18, 3, 0, 0, 125_000, tzinfo=UTC)
FULL_STANDING = Standing(
    PLAIN_METER.number,
    AS_OF,
    entitled=True,
    average_tenths=0,
    debts=(Debt("water", 120_000, date(2024, 1, 31)), Debt("rates", 1, date(2020, 12, 1))),
    fees=(("network", FeeState(date(2026, 10, 2), 9_130)), ("service", FeeState(None, 50))),
)
PLAIN_STANDING = Standing(PLAIN_METER.number, AS_OF)
A_RATE = Rate("USD", Decimal("129.2400"), date(2026, 11, 17))


@pytest.mark.parametrize(
    ("entity", "value"),
    [
        (Entity.CUSTOMER, Customer(7, "Wanjiku Njoroge", "00-1", "0712 345 678", "Plot 9")),
        (Entity.CUSTOMER, Customer(8, "Ömer")),
        (Entity.METER, PLAIN_METER),
        (Entity.METER, ODD_METER),
        (Entity.TARIFF, TariffText("dom", 'code = "dom"\n')),
        (Entity.TARIFF, TariffText("dom", 'code = "dom"\n', 7)),
        (Entity.STANDING, PLAIN_STANDING),
        (Entity.STANDING, FULL_STANDING),
        (Entity.RATE, A_RATE),
        (Entity.OPERATOR, OperatorRecord(Operator(3, "Grace Otieno", Role.CLERK), "$argon2id$x")),
        (Entity.LEASE, SignedLease.sign(TILL_ID, LEASE, OFFICE)),
    ],
)
def test_a_value_comes_back_through_its_row(entity, value):
    row = FeedRow(5, entity, "key", value)
    assert FeedRow.from_item(cbor.decode(cbor.encode(row.to_item()))) == row
    assert row.known


def test_a_plain_meter_costs_few_bytes():
    assert len(cbor.encode(body_of(PLAIN_METER))) <= 45


def test_a_plain_standing_costs_few_bytes():
    assert len(cbor.encode(body_of(PLAIN_STANDING))) <= 30


def test_the_versions_of_a_tariff_have_keys_of_their_own():
    keys = [TariffText("dom", "", version).key for version in (0, 1, 12)]
    assert keys == ["dom", "dom@1", "dom@12"]


def test_a_rate_keeps_its_decimals():
    row = FeedRow.from_item(FeedRow(1, Entity.RATE, "USD", A_RATE).to_item())
    assert str(row.value.rate) == "129.2400"


def test_a_deleted_thing_is_a_row_without_a_body():
    row = FeedRow.from_item([5, "meter", "04123456784", None])
    assert row.deleted
    assert row.known


def test_an_entity_of_newer_software_keeps_its_place_and_says_it_is_not_known():
    row = FeedRow.from_item([5, "weather", "k", {0: "rain"}])
    assert (row.seq, row.known, row.deleted) == (5, False, False)


@pytest.mark.parametrize(
    "item",
    [
        [9, "meter", "k", {}],
        [9, "meter", "k", "text"],
        [9, "meter", "k", {**body_of(PLAIN_METER), 0: "04123456785"}],
        [9, "meter", "k", {**body_of(PLAIN_METER), 1: 9}],
        [9, "meter", "k", {**body_of(PLAIN_METER), 11: "stolen"}],
        [9, "operator", "k", {0: 1, 1: "A", 2: "king", 3: ""}],
        [9, "lease", "k", {0: b"", 1: bytes(64)}],
        [9, "meter", "k", {**body_of(PLAIN_METER), 14: 0}],
        [9, "meter", "k", {**body_of(PLAIN_METER), 14: 10_001}],
        [9, "tariff", "k", {0: "dom", 1: "", 2: -1}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 0: "04123456785"}],
        [9, "standing", "k", {0: "04123456784"}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 1: 10**15}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 2: 2}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 3: -2}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 4: [["water", -1, 739_000]]}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 4: [["water", 1, 0]]}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 4: [["water", 1, 4_000_000]]}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 4: [["water", 1]]}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 4: [["a", 1, 739_000]] * 25}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 4: "water"}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 5: [["service", 0, -1]]}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 5: [["s" * 41, 0, 1]]}],
        [9, "standing", "k", {**body_of(PLAIN_STANDING), 5: [7]}],
        [9, "rate", "k", {**body_of(A_RATE), 1: "much"}],
        [9, "rate", "k", {**body_of(A_RATE), 1: "0"}],
        [9, "rate", "k", {**body_of(A_RATE), 1: "-1"}],
        [9, "rate", "k", {**body_of(A_RATE), 1: "Infinity"}],
        [9, "rate", "k", {**body_of(A_RATE), 1: "NaN"}],
        [9, "rate", "k", {**body_of(A_RATE), 1: "1E+999999"}],
        [9, "rate", "k", {**body_of(A_RATE), 1: "1E-999999"}],
        [9, "rate", "k", {**body_of(A_RATE), 2: 10**9}],
        [9, "rate", "k", {**body_of(A_RATE), 0: "DOLLAR"}],
    ],
)
def test_a_row_whose_body_cannot_be_read_keeps_its_place_and_blocks_no_other(item):
    row = FeedRow.from_item(item)
    assert (row.seq, row.known, row.deleted) == (9, False, False)


@pytest.mark.parametrize(
    "item",
    [
        7,
        [1, "meter", "k"],
        [0, "meter", "k", None],
        [1, 5, "k", None],
        [1, "m" * 99, "k", None],
    ],
)
def test_an_impossible_row_is_refused(item):
    with pytest.raises(InputError, match="MESSAGE_INVALID"):
        FeedRow.from_item(item)


def test_a_lease_is_good_for_its_own_till_and_its_own_head_office_only():
    signed = SignedLease.sign(TILL_ID, LEASE, OFFICE)
    assert SignedLease.read(signed.document, signed.signature) == signed
    assert signed.lease == LEASE
    signed.check(OFFICE.public, TILL_ID)
    with pytest.raises(InputError, match="LEASE_FOREIGN"):
        signed.check(OFFICE.public, bytes(16))
    with pytest.raises(InputError, match="SIGNATURE_INVALID"):
        signed.check(SigningKey(bytes(32)).public, TILL_ID)
