"""Key-change sets against the published examples (6.2.7, 6.2.8)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import InputError, SaleError
from posapp.sts import ciphers, key_change, keys, tokens

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
NEW_STA = key_change.NewKey(
    key=bytes.fromhex("bdc28dcf6005434d"),
    kt=KeyType.UNIQUE,
    krn=6,
    ti="02",
    ken=255,
    sgc="203557",
    rollover=True,
)
NEW_MISTY1 = replace(NEW_STA, key=bytes.fromhex("39fa45a353cb729549dc515a68a25c98"))
OLD_MISTY1 = bytes.fromhex("929bd3a415c9420a05ec5ee9f3ce91c3")


def hexes(blocks: tuple[int, ...]) -> list[str]:
    return [f"{block:016x}" for block in blocks]


def test_the_published_set_of_two() -> None:
    assert hexes(key_change.blocks(STA, NEW_STA)) == ["3f6abdc28dcf8552", "4f026005434db03b"]


def test_the_published_set_of_three() -> None:
    new = replace(
        NEW_STA,
        key=bytes.fromhex("7f78cdd220be39b8"),
        krn=1,
        sgc="201457",
        rollover=False,
    )
    assert hexes(key_change.blocks(STA, new, third_token=True)) == [
        "3f167f78cdd2390c",
        "4f0220be39b836f9",
        "80312f10000053d5",
    ]


def test_the_published_set_of_four() -> None:
    assert hexes(key_change.blocks(MISTY1, NEW_MISTY1)) == [
        "3f6a39fa45a37b82",
        "4f0268a25c98ca17",
        "8b2553cb7295efc9",
        "903149dc515a3259",
    ]
    assert key_change.change_set(OLD_MISTY1, MISTY1, NEW_MISTY1, SAMPLE) == (
        "39536809214641544852",
        "23263472884016433225",
        "45268691985939334940",
        "65389277406881242890",
    )


def test_ea11_always_takes_four() -> None:
    asked = key_change.blocks(MISTY1, NEW_MISTY1, third_token=True)
    assert asked == key_change.blocks(MISTY1, NEW_MISTY1)


def test_printing_a_set_again_gives_the_same_digits() -> None:
    old = bytes.fromhex("87f3ecbb2e46b48f")
    first = key_change.change_set(old, STA, NEW_STA, SAMPLE)
    assert key_change.change_set(old, STA, NEW_STA, SAMPLE) == first


@given(
    st.binary(min_size=16, max_size=16),
    st.sampled_from(KeyType),
    st.integers(1, 9),
    st.integers(0, 99),
    st.integers(0, 255),
    st.integers(0, 999_999),
    st.booleans(),
)
def test_a_set_says_what_was_put_in(
    key: bytes, kt: KeyType, krn: int, ti: int, ken: int, sgc: int, rollover: bool
) -> None:
    new = key_change.NewKey(key, kt, krn, f"{ti:02d}", ken, f"{sgc:06d}", rollover)
    said: dict[str, int] = {}
    for digits in key_change.change_set(OLD_MISTY1, MISTY1, new, SAMPLE):
        said.update(tokens.decode(digits, OLD_MISTY1, MISTY1, SAMPLE).fields)
    words = [said[n].to_bytes(4, "big") for n in ("nkho", "nkmo2", "nkmo1", "nklo")]
    assert b"".join(words) == key
    assert (said["kenho"] << 4 | said["kenlo"], said["krn"], said["ti"]) == (ken, krn, ti)
    assert said["sgcho"] << 12 | said["sgclo"] == sgc
    assert (said["kt"], said["ro"], said["kct3"]) == (kt, rollover, 0)


@pytest.mark.parametrize("change", [{"krn": 0}, {"ti": "1"}, {"ken": 256}, {"sgc": "12345"}])
def test_attributes_outside_their_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        replace(NEW_STA, **change)  # type: ignore[arg-type]
    assert caught.value.code == "KEY_CHANGE_FIELD"
    assert caught.value.params == {"field": next(iter(change))}


def test_a_new_key_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="DECODER_KEY_LENGTH"):
        key_change.blocks(MISTY1, NEW_STA)


def test_a_new_key_never_shows() -> None:
    assert "xbd" not in repr(NEW_STA)


# ---------------------------------------------------------------- what may be changed to what

METER = MeterNumber("00000000000")
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
OLD = key_change.Side(
    keys.VendingKey(
        secret=bytes.fromhex("abababababababab949494949494949401234567"),
        sgc="201457",
        krn=1,
        kt=KeyType.UNIQUE,
        base_date=2014,
        ken=255,
        dkga=4,
    ),
    "01",
)
NEXT = key_change.Side(replace(OLD.vending_key, sgc="203557", krn=6, base_date=2035), "02")


def beside(side: key_change.Side, **changes: object) -> key_change.Side:
    return replace(side, vending_key=replace(side.vending_key, **changes))  # type: ignore[arg-type]


def refused(old: key_change.Side, new: key_change.Side, tct: int = 2) -> str:
    with pytest.raises(SaleError) as caught:
        key_change.check_change(old, new, NOW, tct)
    return caught.value.code


def test_two_sides_make_what_the_published_set_carries() -> None:
    assert key_change.new_key(OLD, NEXT, METER, STA) == NEW_STA
    assert key_change.new_key(OLD, NEXT, METER, MISTY1) == NEW_MISTY1
    assert not key_change.new_key(OLD, replace(OLD, ti="02"), METER, STA).rollover


@pytest.mark.parametrize(
    "new",
    [
        NEXT,
        replace(OLD, ti="02"),
        beside(OLD, krn=2),
        beside(OLD, ken=254),
        beside(OLD, base_date=2035),
        beside(OLD, kt=KeyType.DEFAULT),
        beside(OLD, secret=bytes(20)),
    ],
)
def test_each_change_of_an_attribute_is_a_key_change(new: key_change.Side) -> None:
    key_change.check_change(OLD, new, NOW, 2)


def test_the_same_key_again_is_no_key_change() -> None:
    assert refused(OLD, beside(OLD, test=True)) == "KEY_CHANGE_NOTHING"


def test_an_initial_key_comes_only_after_an_initial_key() -> None:
    initial = beside(OLD, kt=KeyType.INITIAL)
    assert refused(OLD, initial) == "KEY_CHANGE_TYPE"
    key_change.check_change(initial, beside(initial, krn=2), NOW, 2)


def test_a_common_key_needs_a_card() -> None:
    common = beside(OLD, kt=KeyType.COMMON)
    assert refused(OLD, common) == "KEY_CHANGE_TYPE"
    key_change.check_change(OLD, common, NOW, 1)


def test_an_expired_key_is_left_and_never_entered() -> None:
    expired = beside(OLD, krn=2, ken=85)
    assert refused(OLD, expired) == "KEY_CHANGE_EXPIRED"
    key_change.check_change(expired, OLD, NOW, 2)


def test_an_ended_key_is_left_and_never_entered() -> None:
    ended = beside(OLD, krn=2, issue_until=NOW - timedelta(days=1))
    assert refused(OLD, ended) == "KEY_ISSUE_ENDED"
    key_change.check_change(ended, OLD, NOW, 2)


def test_a_base_date_that_ended_takes_no_more_meters() -> None:
    early = beside(OLD, base_date=1993)
    assert refused(OLD, early) == "BASE_DATE_ENDED"
    key_change.check_change(early, OLD, NOW, 2)


def test_a_key_that_may_not_make_key_changes_makes_none() -> None:
    assert refused(beside(OLD, permitted=frozenset({(0, 0)})), NEXT) == "KEY_SUBCLASS"
    key_change.check_change(beside(OLD, permitted=frozenset({(2, 3)})), NEXT, NOW, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"kt": 2},
        {"krn": True},
        {"krn": 6.0},
        {"ken": 255.0},
        {"ti": 2},
        {"sgc": 203557},
        {"key": "bdc28dcf6005434d"},
        {"rollover": 1},
    ],
)
def test_what_the_tokens_carry_is_of_its_exact_type(change: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        replace(NEW_STA, **change)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.params) == (
        "KEY_CHANGE_FIELD",
        {"field": next(iter(change))},
    )


@pytest.mark.parametrize("ti", ["1", "001", "", "²1", 1, None])
def test_a_side_has_a_tariff_index_of_two_digits(ti: object) -> None:
    with pytest.raises(InputError, match="TARIFF_INDEX"):
        key_change.Side(OLD.vending_key, ti)  # type: ignore[arg-type]


def test_an_ea_that_is_only_its_number_makes_the_same_set() -> None:
    for ea, new in ((STA, NEW_STA), (MISTY1, NEW_MISTY1)):
        plain = int(ea)
        assert key_change.blocks(plain, new) == key_change.blocks(ea, new)  # type: ignore[arg-type]


def test_the_clock_rule_of_the_group_says_when_a_key_has_expired() -> None:
    """KEN 85 of 2014 ends at 22:55 on the group's wall clock."""
    expiring = beside(OLD, krn=2, ken=85)
    lagos, moment = timezone(timedelta(hours=1)), datetime(2024, 9, 18, 22, 0, tzinfo=UTC)
    key_change.check_change(OLD, expiring, moment, 2)
    with pytest.raises(SaleError, match="KEY_CHANGE_EXPIRED"):
        key_change.check_change(OLD, expiring, moment, 2, zone=lagos)


def test_the_clock_rule_of_the_group_says_when_a_base_date_begins() -> None:
    expired = beside(OLD, krn=2, base_date=2035, ken=0)
    lagos, moment = timezone(timedelta(hours=1)), datetime(2035, 2, 15, 11, 30, tzinfo=UTC)
    key_change.check_change(OLD, expired, moment, 2)  # 65 536 minutes end at 12:15
    with pytest.raises(SaleError, match="KEY_CHANGE_EXPIRED"):
        key_change.check_change(OLD, expired, moment, 2, zone=lagos)
    before = datetime(2034, 12, 31, 23, 30, tzinfo=UTC)
    for zone in (UTC, lagos):
        key_change.check_change(OLD, beside(OLD, base_date=2035), before, 2, zone=zone)
    azores, begun = timezone(timedelta(hours=-1)), datetime(2035, 1, 1, 0, 30, tzinfo=UTC)
    key_change.check_change(OLD, beside(OLD, base_date=2035), begun, 2, zone=azores)
