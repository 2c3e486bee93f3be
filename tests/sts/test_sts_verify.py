"""Any twenty digits are read without a key, and what is odd about them is named."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm, KeyType
from posapp.errors import InputError
from posapp.sts import amounts, ciphers, crc, key_change, tid, tokens, verify
from posapp.sts.verify import Doubt, Expectation, Limits

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
KEY = {STA: bytes(range(8)), MISTY1: bytes(range(16))}
NOW = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
USUAL = Expectation(now=NOW, base_date=2014, manufactured=datetime(2020, 1, 1, tzinfo=UTC))
TID = tid.tid_at(NOW, 2014)
both = pytest.mark.parametrize("ea", [STA, MISTY1])


def doubts_of(digits: str, expectation: Expectation = USUAL, ea: EncryptionAlgorithm = STA):
    return verify.verify(digits, KEY[ea], ea, SAMPLE, expectation).doubts


def credit(at: int = TID, units: int = 100, subclass: int = 0) -> str:
    return tokens.credit(KEY[STA], STA, subclass, 5, at, units, SAMPLE)


def money(units: int) -> str:
    return tokens.currency_credit(KEY[STA], STA, 4, TID, units, SAMPLE)


def managed(subclass: int, value: int) -> str:
    """Any 16-bit value, also those that no till can make."""
    return sealed(2, subclass << 44 | 5 << 40 | TID << 16 | value)


def sealed(token_class: int, data: int, ea: EncryptionAlgorithm = STA) -> str:
    in_money = token_class == 0 and 4 <= data >> 44 <= 7
    field = crc.currency_field(data) if in_money else crc.field(token_class, data)
    block = data << 16 | field
    if token_class != 1:
        block = ciphers.encrypt(ea, KEY[ea], block, SAMPLE)
    return tokens.digits_of(tokens.insert_class(block, token_class))


# ---------------------------------------------------------------- reading without a key


@both
def test_class_bits_and_block_show_without_a_key(ea: EncryptionAlgorithm) -> None:
    digits = tokens.credit(KEY[ea], ea, 0, 5, TID, 100, SAMPLE)
    found = verify.read(digits)
    decoded = tokens.decode(digits, KEY[ea], ea, SAMPLE)
    assert found.token_class == 0
    assert int(found.bits, 2) == int(digits) and len(found.bits) == 66
    assert found.encrypted_block == decoded.encrypted_block
    assert found.test is None and found.problem is None


def test_a_test_token_is_read_whole() -> None:
    found = verify.read("5649 3153 7254 5031 3471")
    assert found.test is not None
    assert found.test.fields == {"control": (1 << 36) - 1, "maker": 0}


@pytest.mark.parametrize(
    ("digits", "problem"),
    [
        ("56493153725450313472", "TOKEN_CRC"),
        (sealed(1, 7 << 44), "TOKEN_SUBCLASS"),
        (sealed(3, 0), "TOKEN_CLASS"),
    ],
)
def test_a_damaged_or_reserved_token_has_a_problem_and_is_no_error(
    digits: str, problem: str
) -> None:
    found = verify.read(digits)
    assert (found.test, found.problem) == (None, problem)


@pytest.mark.parametrize("digits", ["", "1" * 19, "7" * 21, "x" * 20, "73786976294838206464"])
def test_what_is_no_token_is_refused(digits: str) -> None:
    with pytest.raises(InputError) as refusal:
        verify.read(digits)
    assert refusal.value.code in ("TOKEN_FORM", "TOKEN_RANGE")


@given(st.integers(0, (1 << 66) - 1))
def test_every_number_of_66_bits_reads_back(number: int) -> None:
    found = verify.read(f"{number:020d}")
    assert int(found.bits, 2) == number
    assert tokens.insert_class(found.encrypted_block, found.token_class) == number


def test_a_read_token_does_not_show_its_digits() -> None:
    found = verify.read(credit())
    assert str(found.encrypted_block) not in repr(found) and found.bits not in repr(found)


VECTORS = json.loads((Path(__file__).parents[1] / "data/sts_vectors.json").read_text("utf-8"))


def test_the_published_tokens_read_as_what_they_are() -> None:
    published = [token for vector in VECTORS["vectors"] for token in vector.get("tokens", ())]
    for token in published:
        found = verify.read(token["digits"])
        assert found.token_class == token["token_class"]
        assert found.encrypted_block == int(token["encrypted_block"], 16)
        assert int(found.bits, 2) == int(token["token66"], 16)
    assert len(published) > 200


def test_the_published_tokens_are_of_their_minute_and_not_odd() -> None:
    checked = 0
    unusual = {Doubt.AMOUNT_NEGATIVE, Doubt.AMOUNT_ZERO, Doubt.VALUE_UNDEFINED}
    generous = Limits(amounts.UNITS_MAX, amounts.CURRENCY_MAX, amounts.UNITS_MAX)
    for vector in VECTORS["vectors"]:
        inputs, key = vector["inputs"], vector.get("intermediate", {}).get("decoder_key")
        if key is None or "issue_time" not in inputs or vector.get("sta_tables") != "sample":
            continue
        made = datetime.fromisoformat(inputs["issue_time"]).replace(tzinfo=UTC)
        expectation = Expectation(now=made, base_date=inputs["base_date"], limits=generous)
        ea = EncryptionAlgorithm(inputs["ea"])
        for token in vector["tokens"]:
            found = verify.verify(token["digits"], bytes.fromhex(key), ea, SAMPLE, expectation)
            assert set(found.doubts) <= unusual
            if found.made_at is not None and "tid" in inputs:
                assert found.made_at == tid.time_of(inputs["tid"], inputs["base_date"])
            checked += 1
    assert checked > 50


# ---------------------------------------------------------------- verifying with one


@both
def test_a_usual_token_has_no_doubts_and_its_minute(ea: EncryptionAlgorithm) -> None:
    digits = tokens.credit(KEY[ea], ea, 0, 5, TID, 711, SAMPLE)
    found = verify.verify(digits, KEY[ea], ea, SAMPLE, USUAL)
    assert found.plausible and found.made_at == NOW
    assert found.token.units == 711


def test_the_minute_is_counted_in_the_groups_zone() -> None:
    east = timezone(timedelta(hours=2))
    at = tid.tid_at(NOW, 2014, zone=east)
    found = verify.verify(credit(at), KEY[STA], STA, SAMPLE, replace(USUAL, zone=east))
    assert found.made_at == NOW and found.made_at.tzinfo is UTC


def test_a_wrong_key_is_the_error_of_decode() -> None:
    with pytest.raises(InputError, match="TOKEN_CRC"):
        verify.verify(credit(), bytes(8), STA, SAMPLE, USUAL)


RESERVED = TID - TID % 1440 + 1
DOUBTFUL: list[tuple[str, dict[str, object], Doubt]] = [
    (credit(USUAL.first_tid - 1), {}, Doubt.TID_BEFORE_METER),
    (credit(TID + 1441), {}, Doubt.TID_IN_FUTURE),
    (credit(RESERVED), {}, Doubt.TID_RESERVED),
    (credit(), {"ken": (TID >> 16) - 1}, Doubt.KEY_EXPIRED),
    (credit(), {"kt": KeyType.DEFAULT}, Doubt.KEY_TYPE_CREDIT),
    (credit(), {"kt": KeyType.INITIAL}, Doubt.KEY_TYPE_CREDIT),
    (credit(subclass=1), {"credits": frozenset({0})}, Doubt.CREDIT_UNUSUAL),
    (credit(units=0), {}, Doubt.AMOUNT_ZERO),
    (credit(units=100_014), {}, Doubt.AMOUNT_LARGE),
    (money(0), {}, Doubt.AMOUNT_ZERO),
    (money(-100_000), {}, Doubt.AMOUNT_NEGATIVE),
    (money(200_000_000_000), {}, Doubt.AMOUNT_LARGE),
    (managed(0, amounts.encode_units(2_000_000)), {}, Doubt.AMOUNT_LARGE),
    (managed(1, 8), {}, Doubt.REGISTER_UNKNOWN),
    (managed(2, 1), {}, Doubt.VALUE_UNDEFINED),
    (managed(5, 1), {}, Doubt.RESERVED_NOT_ZERO),
    (managed(7, 3), {}, Doubt.VALUE_UNDEFINED),
    (sealed(1, 2 << 44 | 1), {}, Doubt.RESERVED_NOT_ZERO),
    (sealed(1, 1 << 18 << 8), {}, Doubt.CONTROL_UNKNOWN),
    (sealed(1, 0), {}, Doubt.CONTROL_UNKNOWN),
    (sealed(1, 1 << 8 | 0xA0), {}, Doubt.MAKER_UNKNOWN),
    (sealed(1, 1 << 44 | 1 << 16 | 10_000), {}, Doubt.MAKER_UNKNOWN),
    (sealed(2, 3 << 44 | 2 << 32), {}, Doubt.NEW_KRN),
    (sealed(2, 3 << 44 | 10 << 36 | 2 << 32), {}, Doubt.NEW_KRN),
    (sealed(2, 3 << 44 | 1 << 36), {}, Doubt.NEW_KEY_TYPE),
    (sealed(2, 4 << 44 | 100 << 32), {}, Doubt.NEW_TI),
    (sealed(2, 8 << 44 | 1_000_000 << 20), {}, Doubt.NEW_SGC),
    (sealed(2, 8 << 44 | 1), {}, Doubt.RESERVED_NOT_ZERO),
    (sealed(2, 9 << 44), {}, Doubt.KEY_SECTION),
]


@pytest.mark.parametrize(("digits", "change", "doubt"), DOUBTFUL)
def test_each_oddity_has_its_doubt_and_no_other(
    digits: str, change: dict[str, object], doubt: Doubt
) -> None:
    expectation = replace(USUAL, **change)  # type: ignore[arg-type]
    assert doubts_of(digits, expectation) == (doubt,)


def test_every_doubt_can_be_had() -> None:
    assert {doubt for _, _, doubt in DOUBTFUL} == set(Doubt)


@pytest.mark.parametrize(
    ("digits", "change"),
    [
        (credit(USUAL.first_tid), {}),
        (credit(TID + 1440), {}),
        (credit(RESERVED), {"reserved": True}),
        (credit(), {"ken": TID >> 16}),
        (credit(units=100_000), {}),
        (credit(), {"manufactured": None}),
        (managed(0, amounts.encode_units(1_000_000)), {}),
        (managed(0, amounts.encode_units(180_230)), {"limits": Limits(watts=180_230)}),
        (managed(1, 7), {}),
        (managed(1, 0xFFFF), {}),
        (managed(0, 0), {}),
        (managed(2, 0), {}),
        (managed(5, 0), {}),
        (managed(10, 63 << 10 | 1), {}),
        (sealed(1, 2 << 44 | 63 << 38), {}),
        (tokens.meter_test(0, (1 << 36) - 1), {}),
        (tokens.meter_test(0, 1 << 17, 99), {}),
        (tokens.meter_test(1, (1 << 28) - 1, 9999), {}),
    ],
)
def test_what_is_just_within_has_none(digits: str, change: dict[str, object]) -> None:
    assert doubts_of(digits, replace(USUAL, **change)) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(("ea", "third"), [(STA, False), (STA, True), (MISTY1, False)])
def test_a_key_change_set_has_no_doubts(ea: EncryptionAlgorithm, third: bool) -> None:
    new = key_change.NewKey(KEY[ea], KeyType.UNIQUE, 9, "99", 255, "999999", True)
    for digits in key_change.change_set(KEY[ea], ea, new, SAMPLE, third_token=third):
        found = verify.verify(digits, KEY[ea], ea, SAMPLE, USUAL)
        assert found.doubts == () and found.made_at is None


def test_nothing_is_plausible_before_the_base_date_begins() -> None:
    young = replace(USUAL, base_date=2035)
    assert doubts_of(credit(0), young) == (Doubt.TID_IN_FUTURE,)
    assert verify.coincidence(0, STA, young) == 0


def test_a_time_without_a_zone_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="zone"):
        replace(USUAL, now=NOW.replace(tzinfo=None))


# ---------------------------------------------------------------- what a fit is worth

Change = Callable[[Expectation], Expectation]


@pytest.mark.parametrize("ea", [STA, MISTY1])
@pytest.mark.parametrize("token_class", [0, 1, 2])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"ken": 60, "reserved": True},
        {"manufactured": None, "credits": frozenset({0, 4})},
        {"limits": Limits(units=10_000_000, currency=10**30, watts=18_201_624)},
    ],
)
def test_the_chance_of_a_coincidence_is_what_random_blocks_show(
    ea: EncryptionAlgorithm, token_class: int, change: dict[str, object]
) -> None:
    expectation = replace(USUAL, **change)  # type: ignore[arg-type]
    rng, count, plausible = random.Random(1), 3000, 0
    for _ in range(count):
        data = rng.getrandbits(48)
        layout = tokens.LAYOUTS.get((token_class, data >> 44))
        if layout is not None:
            fields, subclass = layout.read(data << 16), data >> 44
            token = tokens.DecodedToken(token_class, subclass, "", fields, data << 16, 0)
            plausible += not verify.doubts(token, ea, expectation)
    share = verify.coincidence(token_class, ea, expectation) * 65_536
    spread = 5 * (count * share * (1 - share)) ** Fraction(1, 2) + 3
    assert abs(plausible - count * share) < spread


def test_a_wrong_key_looks_right_as_often_as_it_must() -> None:
    rng, right, count = random.Random(4), 0, 40_000
    for _ in range(count):
        number = rng.getrandbits(66) & ~(3 << 27)
        try:
            verify.verify(tokens.digits_of(number), KEY[STA], STA, SAMPLE, USUAL)
        except InputError as error:
            right += error.code != "TOKEN_CRC"
        else:
            right += 1
    assert right <= 5  # 0.6 are expected of one in 65 536


def test_the_share_of_limits_is_exact() -> None:
    """Amounts of 1 to 3 units, one TID, one subclass: 3 fields of 65 536, and so on."""
    now = tid.time_of(1000, 2014)
    narrow = Expectation(
        now=now,
        base_date=2014,
        manufactured=now,
        credits=frozenset({0}),
        limits=Limits(units=3),
        slack=timedelta(0),
    )
    assert verify.coincidence(0, STA, narrow) == Fraction(3, 1 << 16 << 16 << 24 << 4)


@pytest.mark.parametrize(("days", "reserved", "count"), [(0, 1, 2), (1, 2, 1442), (2, 3, 2882)])
def test_the_share_of_reserved_minutes_is_exact(days: int, reserved: int, count: int) -> None:
    """From 00:00 of the base date to 00:01 of a day, with every amount and one subclass."""
    until = Expectation(
        now=tid.time_of(days * 1440 + 1, 2014),
        base_date=2014,
        credits=frozenset({0}),
        limits=Limits(units=amounts.UNITS_MAX),
        slack=timedelta(0),
    )
    one = Fraction(65_535, 65_536) / (1 << 16 << 24 << 4)
    assert verify.coincidence(0, STA, until) == one * (count - reserved)
    assert verify.coincidence(0, STA, replace(until, reserved=True)) == one * count


def test_the_share_of_key_sections_is_exact() -> None:
    """Before the base date only key changes are left, which have no TID."""
    young = replace(USUAL, base_date=2035)
    first_two = Fraction(9 * 3, 64) + Fraction(100, 256)
    in_three = first_two + Fraction(1_000_000, 1 << 44)
    in_four = first_two + 1 + Fraction(245, 4096)
    assert verify.coincidence(2, STA, young) == in_three / (16 << 16)
    assert verify.coincidence(2, MISTY1, young) == in_four / (16 << 16)
    assert verify.coincidence(3, STA, young) == 0


ODD_ZONES = ("America/Sao_Paulo", "Europe/London", "America/Caracas", "Africa/Khartoum", "UTC")


@pytest.mark.parametrize("name", ODD_ZONES)
@given(st.integers(0, 366 * 24 * 60))
def test_what_is_expected_counts_on_the_wall_clock_as_tids_do(name: str, minute: int) -> None:
    zone = ZoneInfo(name)
    moment = datetime(2018, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    expected = Expectation(
        now=moment, base_date=2014, manufactured=moment, zone=zone, slack=timedelta()
    )
    made = tid.tid_at(moment, 2014, zone=zone)
    assert expected.first_tid == expected.last_tid
    assert made - expected.first_tid in ((1,) if tid.is_reserved(expected.first_tid) else (0,))


def test_a_token_made_now_is_not_in_the_future_where_summer_time_is_kept() -> None:
    london, july = ZoneInfo("Europe/London"), datetime(2026, 7, 1, 12, tzinfo=UTC)
    made = tid.tid_at(july, 2014, zone=london)
    expected = replace(USUAL, now=july, zone=london, slack=timedelta())
    assert doubts_of(credit(made), expected) == ()
    assert doubts_of(credit(made + 1), expected) == (Doubt.TID_IN_FUTURE,)
    bought = replace(expected, manufactured=july)
    assert doubts_of(credit(made), bought) == ()
    assert doubts_of(credit(made - 1), bought) == (Doubt.TID_BEFORE_METER,)


@pytest.mark.parametrize("edge", [datetime.min, datetime.max])
def test_the_calendars_edge_can_be_expected(edge: datetime) -> None:
    for hours in (-14, 0, 14):
        moment = edge.replace(tzinfo=timezone(timedelta(hours=hours)))
        expected = Expectation(now=moment, base_date=2014, manufactured=moment)
        assert doubts_of(credit(), expected) == (
            (Doubt.TID_IN_FUTURE,) if edge is datetime.min else (Doubt.TID_BEFORE_METER,)
        )


def test_a_verified_section_of_a_key_does_not_show_it() -> None:
    new = key_change.NewKey(
        bytes.fromhex("deadbeefcafebabe"), KeyType.UNIQUE, 9, "99", 255, "999999", rollover=True
    )
    for digits in key_change.change_set(KEY[STA], STA, new, SAMPLE):
        shown = repr(verify.verify(digits, KEY[STA], STA, SAMPLE, USUAL)).lower()
        for part in (0xDEADBEEF, 0xCAFEBABE):
            assert str(part) not in shown
            assert f"{part:x}" not in shown
