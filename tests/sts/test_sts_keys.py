"""Vending keys and the decoder keys made from them (6.5.3)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import InputError, Outcome, SaleError
from posapp.sts import keys, tid

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
METER, LONG_METER = MeterNumber("00000000000"), MeterNumber("0100000000008")
DES_KEY = keys.VendingKey(
    secret=bytes.fromhex("abababababababab"),
    sgc="123456",
    krn=1,
    kt=KeyType.UNIQUE,
    base_date=1993,
    ken=255,
    dkga=2,
)
LONG_KEY = keys.VendingKey(
    secret=bytes.fromhex("abababababababab949494949494949401234567"),
    sgc="201457",
    krn=1,
    kt=KeyType.UNIQUE,
    base_date=2014,
    ken=255,
    dkga=4,
)


FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))


def test_the_published_steps_of_dkga02() -> None:
    assert keys.pan_block(METER, KeyType.UNIQUE).hex() == "0072700000000000"
    assert keys.control_block(DES_KEY, "01").hex() == "2123456011ffffff"
    assert keys.des(DES_KEY.secret, bytes.fromhex("2151356011ffffff")).hex() == "6ca9aad4270fa73b"
    assert keys.decoder_key(DES_KEY, METER, "01", STA).hex() == "e653341f9d5bf36f"


@pytest.mark.parametrize(
    ("ea", "data", "expected"),
    [
        (
            STA,
            "0402303402313402303702303100040632303134353701320131"
            "1236303037323730303030303030303030303900000040",
            "87f3ecbb2e46b48f",
        ),
        (
            MISTY1,
            "0402303402313402313102303100040632303134353701320131"
            "1236303037323730303030303030303030303900000080",
            "929bd3a415c9420a05ec5ee9f3ce91c3",
        ),
    ],
)
def test_the_published_steps_of_dkga04(ea: EncryptionAlgorithm, data: str, expected: str) -> None:
    assert keys.dkga04_data(LONG_KEY, METER, "01", ea).hex() == data
    assert keys.decoder_key(LONG_KEY, METER, "01", ea).hex() == expected


def test_a_new_base_date_makes_a_new_key_only_under_dkga04() -> None:
    later = replace(LONG_KEY, base_date=2035, sgc="203557", krn=6)
    assert keys.decoder_key(later, METER, "02", STA).hex() == "bdc28dcf6005434d"
    assert keys.decoder_key(later, METER, "02", MISTY1).hex() == "39fa45a353cb729549dc515a68a25c98"
    des_later = replace(DES_KEY, base_date=2014)
    assert keys.decoder_key(des_later, METER, "01", STA) == keys.decoder_key(
        DES_KEY, METER, "01", STA
    )


def test_a_common_key_is_the_same_for_every_meter_of_its_group() -> None:
    common = replace(DES_KEY, kt=KeyType.COMMON)
    other = MeterNumber("58000079523")
    assert keys.pan_block(other, KeyType.COMMON).hex() == "0072700000000000"
    assert keys.decoder_key(common, METER, "01", STA) == keys.decoder_key(common, other, "01", STA)


@pytest.mark.parametrize(
    ("key", "meter"),
    [
        (replace(DES_KEY, kt=KeyType.INITIAL), METER),
        (replace(DES_KEY, kt=KeyType.COMMON), LONG_METER),
        (replace(LONG_KEY, kt=KeyType.COMMON), METER),
    ],
)
def test_key_types_that_sources_disagree_about_are_refused(
    key: keys.VendingKey, meter: MeterNumber
) -> None:
    with pytest.raises(InputError, match="KEY_TYPE"):
        keys.decoder_key(key, meter, "01", STA)


def test_a_des_key_makes_no_key_for_ea11() -> None:
    with pytest.raises(InputError, match="DKGA_EA"):
        keys.decoder_key(DES_KEY, METER, "01", MISTY1)


@pytest.mark.parametrize("ti", ["1", "001", "x1", "", "²1"])
def test_a_tariff_index_has_two_digits(ti: str) -> None:
    with pytest.raises(InputError, match="TARIFF_INDEX"):
        keys.decoder_key(LONG_KEY, METER, ti, STA)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"dkga": 1}, "DKGA_WITHDRAWN"),
        ({"dkga": 3}, "DKGA_WITHDRAWN"),
        ({"dkga": 5}, "UNKNOWN_DKGA"),
        ({"secret": b"short"}, "VENDING_KEY_LENGTH"),
        ({"dkga": 2}, "VENDING_KEY_LENGTH"),
        ({"dkga": 2, "secret": bytes(8)}, "VENDING_KEY_PARITY"),
        ({"sgc": "12345"}, "VENDING_KEY_ATTRIBUTE"),
        ({"krn": 0}, "VENDING_KEY_ATTRIBUTE"),
        ({"krn": 10}, "VENDING_KEY_ATTRIBUTE"),
        ({"base_date": 2000}, "VENDING_KEY_ATTRIBUTE"),
        ({"ken": 256}, "VENDING_KEY_ATTRIBUTE"),
        ({"sgc": ""}, "SGC_MISSING"),
        ({"active_from": datetime(2026, 1, 1)}, "VENDING_KEY_ATTRIBUTE"),
        ({"issue_until": datetime(2026, 1, 1)}, "VENDING_KEY_ATTRIBUTE"),
        ({"permitted": frozenset({(1, 0)})}, "VENDING_KEY_ATTRIBUTE"),
        ({"permitted": frozenset({(0, 16)})}, "VENDING_KEY_ATTRIBUTE"),
        ({"permitted": frozenset({"00"})}, "VENDING_KEY_ATTRIBUTE"),
        ({"permitted": [(0, 0)]}, "VENDING_KEY_ATTRIBUTE"),
        ({"kt": 3}, "VENDING_KEY_ATTRIBUTE"),
        ({"kt": 2.0}, "VENDING_KEY_ATTRIBUTE"),
        ({"krn": True}, "VENDING_KEY_ATTRIBUTE"),
        ({"krn": 1.0}, "VENDING_KEY_ATTRIBUTE"),
        ({"ken": 255.0}, "VENDING_KEY_ATTRIBUTE"),
        ({"base_date": 2014.0}, "VENDING_KEY_ATTRIBUTE"),
        ({"sgc": 201457}, "VENDING_KEY_ATTRIBUTE"),
        ({"secret": bytearray(20)}, "VENDING_KEY_ATTRIBUTE"),
        ({"secret": "a" * 20}, "VENDING_KEY_ATTRIBUTE"),
        ({"test": 1}, "VENDING_KEY_ATTRIBUTE"),
        ({"dkga": 4.0}, "UNKNOWN_DKGA"),
        ({"dkga": True}, "DKGA_WITHDRAWN"),
        ({"active_from": "2026-01-01"}, "VENDING_KEY_ATTRIBUTE"),
        ({"active_from": FIRST.replace(tzinfo=EAST)}, "VENDING_KEY_ATTRIBUTE"),
        ({"active_from": FIRST.replace(tzinfo=WEST)}, "VENDING_KEY_ATTRIBUTE"),
        ({"issue_until": LAST.replace(tzinfo=WEST)}, "VENDING_KEY_ATTRIBUTE"),
        ({"issue_until": LAST.replace(tzinfo=EAST)}, "VENDING_KEY_ATTRIBUTE"),
        ({"issue_until": datetime(1969, 12, 31, 23, tzinfo=UTC)}, "VENDING_KEY_ATTRIBUTE"),
    ],
)
def test_each_wrong_vending_key_has_its_own_code(change: dict[str, object], code: str) -> None:
    with pytest.raises(InputError) as caught:
        replace(LONG_KEY, **change)  # type: ignore[arg-type]
    assert caught.value.code == code
    if "secret" not in change and change.get("dkga") != 2:
        with pytest.raises(InputError) as caught:
            replace(LONG_KEY.attributes(), **change)  # type: ignore[arg-type]
        assert caught.value.code == code


def test_the_limits_of_a_key_are_kept_in_utc() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=EAST)
    key = replace(LONG_KEY, active_from=noon, issue_until=datetime(9998, 12, 31, tzinfo=WEST))
    assert (key.active_from, key.active_from and key.active_from.tzinfo) == (noon, UTC)
    assert key.issue_until is not None
    assert key.issue_until.tzinfo is UTC
    assert key.attributes().active_from == noon


def test_a_key_type_that_is_only_its_number_counts_like_the_key_type() -> None:
    other = MeterNumber("58000079523")
    assert keys.pan_block(other, 3) == keys.pan_block(other, KeyType.COMMON)  # type: ignore[arg-type]


@given(st.binary(min_size=8, max_size=8))
def test_parity_changes_only_the_lowest_bits(secret: bytes) -> None:
    adjusted = keys.with_odd_parity(secret)
    assert all(b.bit_count() % 2 == 1 for b in adjusted)
    assert [b >> 1 for b in adjusted] == [b >> 1 for b in secret]
    assert replace(DES_KEY, secret=adjusted).secret == adjusted


def test_the_secret_of_a_vending_key_never_shows() -> None:
    shown = repr(LONG_KEY) + str(LONG_KEY)
    assert "abab" not in shown
    assert "\\xab" not in shown
    assert "201457" in shown


NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
ELECTRICITY, CLEAR_TAMPER = (0, 0), (2, 5)


def test_credit_is_refused_under_a_default_key_and_an_expired_one() -> None:
    keys.check_issue(LONG_KEY, ELECTRICITY, tid.TID_MAX, NOW, 2)
    default = replace(LONG_KEY, kt=KeyType.DEFAULT)
    with pytest.raises(SaleError) as caught:
        keys.check_issue(default, ELECTRICITY, 5, NOW, 2)
    assert caught.value.code == "KEY_TYPE_NO_CREDIT"
    assert caught.value.outcome is Outcome.NOT_EXECUTED
    keys.check_issue(default, CLEAR_TAMPER, 5, NOW, 2)
    for kind in (ELECTRICITY, CLEAR_TAMPER):
        with pytest.raises(SaleError, match="KEY_EXPIRED"):
            keys.check_issue(replace(LONG_KEY, ken=85), kind, 86 << 16, NOW, 2)


def test_a_common_key_needs_a_magnetic_card() -> None:
    common = replace(DES_KEY, kt=KeyType.COMMON)
    keys.check_issue(common, ELECTRICITY, 5, NOW, 1)
    with pytest.raises(SaleError, match="KEY_TYPE_CARRIER"):
        keys.check_issue(common, ELECTRICITY, 5, NOW, 2)


def test_a_key_makes_tokens_from_its_first_to_its_last_moment() -> None:
    second = timedelta(seconds=1)
    limited = replace(LONG_KEY, active_from=NOW, issue_until=NOW + second)
    for moment in (NOW, NOW + second):
        keys.check_issue(limited, ELECTRICITY, 5, moment, 2)
    with pytest.raises(SaleError) as caught:
        keys.check_issue(limited, ELECTRICITY, 5, NOW - second, 2)
    assert (caught.value.code, caught.value.params) == ("KEY_NOT_ACTIVE", {"active_from": NOW})
    with pytest.raises(SaleError) as caught:
        keys.check_issue(limited, ELECTRICITY, 5, NOW + 2 * second, 2)
    assert caught.value.code == "KEY_ISSUE_ENDED"


def test_a_key_makes_only_what_it_permits() -> None:
    limited = replace(LONG_KEY, permitted=keys.permitted_kinds(["0.0", "2.5"]))
    keys.check_issue(limited, ELECTRICITY, 5, NOW, 2)
    keys.check_issue(limited, CLEAR_TAMPER, 5, NOW, 2)
    with pytest.raises(SaleError) as caught:
        keys.check_issue(limited, (0, 1), 5, NOW, 2)
    assert caught.value.code == "KEY_SUBCLASS"
    nothing = replace(LONG_KEY, permitted=frozenset())
    with pytest.raises(SaleError, match="KEY_SUBCLASS"):
        keys.check_issue(nothing, ELECTRICITY, 5, NOW, 2)


@pytest.mark.parametrize("name", ["0", "0.1.2", "a.b", "", "0.-1", "²." + "1"])
def test_a_name_of_no_class_and_subclass_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="VENDING_KEY_ATTRIBUTE"):
        keys.permitted_kinds([name])


def test_a_key_is_not_for_tests_unless_it_is_marked_so() -> None:
    assert not LONG_KEY.test
