"""Digits of many tokens against one token at a time: amounts, checksums, credit, key changes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber, luhn_digit
from posapp.errors import InputError, PosError, SaleError
from posapp.sts import amounts, ciphers, crc, key_change, numbers, tokens
from posapp.sts.bulk import digits
from posapp.sts.bulk import key_change as bulk_change
from posapp.sts.bulk import tokens as bulk
from posapp.sts.bulk.arrays import ROWS_A_CHUNK, groups

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
LENGTHS = {STA: 8, MISTY1: 16}
algorithms = st.sampled_from((STA, MISTY1))
MONEY_MAX = 10**18


def text(rows: np.ndarray) -> list[str]:
    return [row.tobytes().decode("ascii") for row in rows]


def integers(values: list[int]) -> np.ndarray:
    return np.array(values, np.int64)


def chance(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def some_keys(rows: int, ea: EncryptionAlgorithm, seed: int = 1) -> np.ndarray:
    return chance(seed).integers(0, 256, (rows, LENGTHS[ea])).astype(np.uint8)


# ---------------------------------------------------------------- steps


@given(st.lists(st.integers(0, (1 << 48) - 1)), st.integers(0, 2))
def test_checksums_in_bulk_are_the_checksums(data: list[int], token_class: int) -> None:
    columns = np.array(data, np.uint64)
    expected = [crc.field(token_class, d) for d in data]
    assert bulk.checksums(token_class, columns).tolist() == expected
    expected = [crc.currency_field(d) for d in data]
    assert bulk.currency_checksums(columns).tolist() == expected


@given(st.lists(st.integers(0, (1 << 64) - 1)), st.integers(0, 3))
def test_twenty_digits_in_bulk_are_the_twenty_digits(blocks: list[int], token_class: int) -> None:
    edges = [0, (1 << 64) - 1, 3 << 27, 10**12 - 1, 10**12, 10**12 | 3 << 27, 73709551616]
    found = digits.token_digits(np.array(blocks + edges, np.uint64), token_class)
    assert text(found) == [
        tokens.digits_of(tokens.insert_class(block, token_class)) for block in blocks + edges
    ]


@given(st.lists(st.one_of(st.integers(0, amounts.UNITS_MAX), st.integers(0, 20_000))))
def test_units_in_bulk_are_encoded_alike(units: list[int]) -> None:
    edges = [0, 16_383, 16_384, 180_214, 180_215, 180_224, 1_818_524, 1_818_525, 18_201_624]
    found = bulk.encode_units(integers(units + edges))
    assert found.tolist() == [amounts.encode_units(u) for u in units + edges]


@given(st.lists(st.one_of(st.integers(-MONEY_MAX, MONEY_MAX), st.integers(-(10**9), 10**9))))
def test_money_in_bulk_is_encoded_alike(units: list[int]) -> None:
    starts = [16_384 * (10**e - 1) // 9 for e in range(15)]
    edges = [u for start in starts for u in (start - 1, start, -start, 1 - start)]
    found = bulk.encode_currency(integers(units + edges + [MONEY_MAX, -MONEY_MAX]))
    expected = [amounts.encode_currency(u) for u in units + edges + [MONEY_MAX, -MONEY_MAX]]
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


bodies = st.one_of(
    st.integers(0, 10**10 - 1).map("{:010d}".format),
    st.integers(0, 10**12 - 1).map("{:012d}".format),
)


@given(st.lists(bodies))
def test_check_digits_and_pans_in_bulk(made: list[str]) -> None:
    meters = [MeterNumber(body + luhn_digit(body)) for body in made]
    places, long = digits.number_places(meters)
    assert digits.right_check_digit(places).all()
    assert text(digits.pans(places, long).T) == [numbers.pan(meter) for meter in meters]
    wrong = places.copy()
    wrong[-1] = (wrong[-1] - 48 + 1) % 10 + 48
    assert not digits.right_check_digit(wrong).any()


@given(st.lists(st.integers(0, 5)))
def test_groups_hold_every_row_once(which: list[int]) -> None:
    found = {value: rows.tolist() for value, rows in groups(integers(which))}
    assert found == {v: [i for i, w in enumerate(which) if w == v] for v in sorted(set(which))}


# ---------------------------------------------------------------- credit


@given(
    algorithms,
    st.integers(0, 3),
    st.lists(
        st.tuples(
            st.integers(0, 15), st.integers(0, (1 << 24) - 1), st.integers(0, amounts.UNITS_MAX)
        ),
        max_size=5,
    ),
)
def test_credit_in_bulk_is_credit(
    ea: EncryptionAlgorithm, subclass: int, rows: list[tuple[int, int, int]]
) -> None:
    keys = some_keys(len(rows), ea)
    columns = integers(rows).reshape(-1, 3).T
    found = bulk.credit(keys, ea, subclass, *columns, SAMPLE)
    assert text(found) == [
        tokens.credit(key.tobytes(), ea, subclass, *row, SAMPLE)
        for key, row in zip(keys, rows, strict=True)
    ]


@given(
    algorithms,
    st.integers(4, 7),
    st.lists(
        st.tuples(st.integers(0, (1 << 24) - 1), st.integers(-MONEY_MAX, MONEY_MAX)), max_size=5
    ),
)
def test_credit_in_money_in_bulk(
    ea: EncryptionAlgorithm, subclass: int, rows: list[tuple[int, int]]
) -> None:
    keys = some_keys(len(rows), ea)
    columns = integers(rows).reshape(-1, 2).T
    found = bulk.currency_credit(keys, ea, subclass, *columns, SAMPLE)
    assert text(found) == [
        tokens.currency_credit(key.tobytes(), ea, subclass, *row, SAMPLE)
        for key, row in zip(keys, rows, strict=True)
    ]


def test_tokens_beyond_one_chunk_are_all_made() -> None:
    rows = ROWS_A_CHUNK + 1
    column = np.arange(rows)
    keys = some_keys(rows, MISTY1)
    found = bulk.credit(keys, MISTY1, 0, column % 16, column, column, SAMPLE)
    for row in (0, rows - 2, rows - 1):
        key = keys[row].tobytes()
        expected = tokens.credit(key, MISTY1, 0, row % 16, row, row, SAMPLE)
        assert found[row].tobytes().decode() == expected


@pytest.mark.parametrize(
    ("subclass", "rnd", "tid", "units", "code"),
    [
        (4, 0, 0, 0, "TOKEN_SUBCLASS"),
        (0, 16, 0, 0, "TOKEN_FIELD"),
        (0, -1, 0, 0, "TOKEN_FIELD"),
        (0, 0, 1 << 24, 0, "TID_RANGE"),
        (0, 0, -1, 0, "TID_RANGE"),
        (0, 0, 0, amounts.UNITS_MAX + 1, "TOKEN_UNITS_RANGE"),
        (0, 0, 0, -1, "TOKEN_UNITS_RANGE"),
    ],
)
def test_one_row_that_does_not_fit_stops_all_and_is_named(
    subclass: int, rnd: int, tid: int, units: int, code: str
) -> None:
    columns = [integers([1, 1, value, 1]) for value in (rnd, tid, units)]
    with pytest.raises(PosError, match=code) as caught:
        bulk.credit(some_keys(4, STA), STA, subclass, *columns, SAMPLE)
    with pytest.raises(type(caught.value), match=code):  # as the single path says it
        tokens.credit(bytes(8), STA, subclass, rnd, tid, units, SAMPLE)
    if code != "TOKEN_SUBCLASS":
        assert caught.value.params["row"] == 2


@pytest.mark.parametrize(
    ("subclass", "tid", "units", "code"),
    [
        (3, 0, 0, "TOKEN_SUBCLASS"),
        (4, 1 << 24, 0, "TID_RANGE"),
        (4, 0, MONEY_MAX + 1, "TOKEN_UNITS_RANGE"),
        (4, 0, -MONEY_MAX - 1, "TOKEN_UNITS_RANGE"),
    ],
)
def test_money_that_does_not_fit_is_refused(subclass: int, tid: int, units: int, code: str) -> None:
    with pytest.raises((InputError, SaleError), match=code):
        bulk.currency_credit(
            some_keys(1, STA), STA, subclass, integers([tid]), integers([units]), SAMPLE
        )


# ---------------------------------------------------------------- key changes

NEW = bulk_change.NewKeys(
    keys=some_keys(1, STA),
    kt=integers([2]),
    krn=integers([1]),
    ti=integers([1]),
    ken=integers([255]),
    sgc=integers([123456]),
    rollover=np.array([False]),
)


@given(
    algorithms,
    st.booleans(),
    st.lists(
        st.tuples(
            st.sampled_from(KeyType),
            st.integers(1, 9),
            st.integers(0, 99),
            st.integers(0, 255),
            st.integers(0, 999_999),
            st.booleans(),
        ),
        max_size=5,
    ),
)
def test_key_change_sets_in_bulk_are_the_sets(
    ea: EncryptionAlgorithm, third: bool, rows: list[tuple[KeyType, int, int, int, int, bool]]
) -> None:
    old, new = some_keys(len(rows), ea, 1), some_keys(len(rows), ea, 2)
    columns = [integers([int(row[i]) for row in rows]) for i in range(6)]
    found = bulk_change.change_sets(
        old, ea, bulk_change.NewKeys(new, *columns[:5], columns[5] == 1), SAMPLE, third_token=third
    )
    expected = []
    for old_key, new_key, (kt, krn, ti, ken, sgc, rollover) in zip(old, new, rows, strict=True):
        one = key_change.NewKey(
            new_key.tobytes(), kt, krn, f"{ti:02d}", ken, f"{sgc:06d}", rollover
        )
        made = key_change.change_set(old_key.tobytes(), ea, one, SAMPLE, third_token=third)
        expected.append(list(made))
    assert [text(row) for row in found] == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("kt", 4), ("krn", 0), ("krn", 10), ("ti", 100), ("ken", -1), ("ken", 256), ("sgc", 10**6)],
)
def test_a_new_key_outside_its_range_is_refused(name: str, value: int) -> None:
    with pytest.raises(InputError, match="KEY_CHANGE_FIELD") as caught:
        replace(NEW, **{name: integers([value])})
    assert caught.value.params == {"field": name}


def test_new_keys_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="DECODER_KEY_LENGTH"):
        bulk_change.change_sets(some_keys(1, MISTY1), MISTY1, NEW, SAMPLE)
    with pytest.raises(InputError, match="DECODER_KEY_LENGTH"):
        bulk_change.change_sets(some_keys(1, MISTY1), STA, NEW, SAMPLE)


def test_new_keys_never_show() -> None:
    shown = repr(replace(NEW, keys=np.full((1, 8), 201, np.uint8)))
    assert "201" not in shown
