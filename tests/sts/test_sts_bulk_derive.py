"""Decoder keys of many meters against one meter at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber, luhn_digit
from posapp.errors import InputError, PosError
from posapp.sts import keys
from posapp.sts.bulk import derive
from posapp.sts.bulk.digits import number_places

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1


def meter(body: str) -> MeterNumber:
    return MeterNumber(body + luhn_digit(body))


short_meters = st.integers(0, 10**10 - 1).map(lambda n: meter(f"{n:010d}"))
long_meters = st.integers(0, 10**12 - 1).map(lambda n: meter(f"{n:012d}"))
meters = st.one_of(short_meters, long_meters)


@st.composite
def vending_keys(draw: st.DrawFn, kts: tuple[KeyType, ...], dkgas: tuple[int, ...] = (2, 4)):
    dkga = draw(st.sampled_from(dkgas))
    length = 8 if dkga == 2 else 20
    secret = draw(st.binary(min_size=length, max_size=length))
    return keys.VendingKey(
        secret=keys.with_odd_parity(secret) if dkga == 2 else secret,
        sgc=f"{draw(st.integers(0, 999_999)):06d}",
        krn=draw(st.integers(1, 9)),
        kt=draw(st.sampled_from(kts)),
        base_date=draw(st.sampled_from((1993, 2014, 2035))),
        ken=draw(st.integers(0, 255)),
        dkga=dkga,
    )


PLAIN = (KeyType.DEFAULT, KeyType.UNIQUE)
tis = st.integers(0, 99).map("{:02d}".format)


@given(vending_keys(PLAIN, (4,)), st.lists(meters), tis, st.sampled_from((STA, MISTY1)))
def test_dkga04_in_bulk_is_dkga04(
    key: keys.VendingKey, numbers: list[MeterNumber], ti: str, ea: EncryptionAlgorithm
) -> None:
    found = derive.decoder_keys(key, numbers, ti, ea)
    assert [row.tobytes() for row in found] == [
        keys.decoder_key(key, number, ti, ea) for number in numbers
    ]


@given(vending_keys(PLAIN, (2,)), st.lists(meters), tis)
def test_dkga02_in_bulk_is_dkga02(
    key: keys.VendingKey, numbers: list[MeterNumber], ti: str
) -> None:
    found = derive.decoder_keys(key, numbers, ti, STA)
    assert [row.tobytes() for row in found] == [
        keys.decoder_key(key, number, ti, STA) for number in numbers
    ]


@given(vending_keys((KeyType.COMMON,), (2,)), st.lists(short_meters), tis)
def test_a_common_key_is_the_same_for_every_meter(
    key: keys.VendingKey, numbers: list[MeterNumber], ti: str
) -> None:
    found = derive.decoder_keys(key, numbers, ti, STA)
    assert [row.tobytes() for row in found] == [
        keys.decoder_key(key, number, ti, STA) for number in numbers
    ]
    assert len({row.tobytes() for row in found}) <= 1


@given(
    st.lists(vending_keys(PLAIN), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), meters, st.integers(0, 99)), max_size=12),
)
def test_vending_keys_of_both_kinds_may_be_mixed(
    vending: list[keys.VendingKey], rows: list[tuple[int, MeterNumber, int]]
) -> None:
    which = [choice % len(vending) for choice, _, _ in rows]
    places, long = number_places([number for _, number, _ in rows])
    found = derive.VendingKeys(vending).decoder_keys(
        np.array(which, np.int64), places, long, np.array([ti for *_, ti in rows], np.int64), STA
    )
    assert [row.tobytes() for row in found] == [
        keys.decoder_key(vending[i], number, f"{ti:02d}", STA)
        for i, (_, number, ti) in zip(which, rows, strict=True)
    ]


@given(
    vending_keys(tuple(KeyType)),
    meters,
    st.sampled_from((STA, MISTY1)),
    st.sampled_from(("01", "1")),
)
def test_what_one_meter_is_refused_many_are_refused(
    key: keys.VendingKey, number: MeterNumber, ea: EncryptionAlgorithm, ti: str
) -> None:
    try:
        expected = keys.decoder_key(key, number, ti, ea)
    except PosError as error:
        with pytest.raises(InputError, match=error.code):
            derive.decoder_keys(key, [number], ti, ea)
    else:
        assert derive.decoder_keys(key, [number], ti, ea).tobytes() == expected


def test_vending_keys_never_show() -> None:
    key = keys.VendingKey(b"secret00" * 2 + b"0000", "123456", 1, KeyType.UNIQUE, 2014, 255, 4)
    assert repr(derive.VendingKeys([key])) == "VendingKeys(1 keys)"
