"""Credit for many meters: amounts, checksums and digits as in `posapp.sts.tokens`, a row each.

Start at `credit`. The checksum is linear, so three look-ups of 16 bits make one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from posapp.domain.meter import EncryptionAlgorithm
from posapp.errors import InputError, SaleError
from posapp.sts import amounts, crc
from posapp.sts.bulk.arrays import Blocks, Bytes, Flags, Integers, Words, slices
from posapp.sts.bulk.ciphers import prepared
from posapp.sts.bulk.digits import TOKEN_DIGITS, token_digits
from posapp.sts.sta import StaTables
from posapp.sts.tid import TID_MAX
from posapp.sts.tokens import CURRENCY_SUBCLASSES, TokenClass

_MONEY_MAX = 10**18  # units of 0.00001 that 64-bit sums carry; ten thousand milliards
_RND_MAX = 15


def credit(
    decoder_keys: Bytes,
    ea: EncryptionAlgorithm,
    subclass: int,
    rnd: Integers,
    tid: Integers,
    units: Integers,
    tables: StaTables,
) -> Bytes:
    """The digits of `posapp.sts.tokens.credit` for each row, as (rows, 20) bytes of ASCII.

    `decoder_keys` is (rows, 8 or 16) bytes; `rnd` four secure random bits, `tid` and `units` of
    0.1 kWh, 0.1 m3 or 0.1 minute a row. Nothing is made when one row does not fit: raises
    InputError TOKEN_SUBCLASS, TOKEN_FIELD(field, bits, row), DECODER_KEY_LENGTH; SaleError
    TID_RANGE(tid, maximum, row), TOKEN_UNITS_RANGE(units, maximum, row).
    """
    if subclass not in range(4):
        raise InputError("TOKEN_SUBCLASS", token_class=0, subclass=subclass)
    bad = _first((rnd < 0) | (rnd > _RND_MAX))
    if bad is not None:
        raise InputError("TOKEN_FIELD", field="rnd", bits=4, row=bad)
    _check_tids(tid)
    _check_units((units < 0) | (units > amounts.UNITS_MAX), units, amounts.UNITS_MAX)

    def blocks(rows: slice) -> Blocks:
        data = _data(subclass, rnd[rows], tid[rows], encode_units(units[rows]))
        return data << np.uint64(16) | checksums(TokenClass.CREDIT, data)

    return _sealed(decoder_keys, ea, blocks, tables)


def currency_credit(
    decoder_keys: Bytes,
    ea: EncryptionAlgorithm,
    subclass: int,
    tid: Integers,
    units: Integers,
    tables: StaTables,
) -> Bytes:
    """The digits of `posapp.sts.tokens.currency_credit` for each row; raises like `credit`.

    `units` are signed, of 0.00001 of the currency, within 10^18.
    """
    if subclass not in CURRENCY_SUBCLASSES:
        raise InputError("TOKEN_SUBCLASS", token_class=0, subclass=subclass)
    _check_tids(tid)
    _check_units((units > _MONEY_MAX) | (units < -_MONEY_MAX), units, _MONEY_MAX)

    def blocks(rows: slice) -> Blocks:
        s_and_e, field = encode_currency(units[rows])
        data = _data(subclass, s_and_e, tid[rows], field)
        return data << np.uint64(16) | currency_checksums(data)

    return _sealed(decoder_keys, ea, blocks, tables)


def encode_units(units: Integers) -> Integers:
    """`posapp.sts.amounts.encode_units` of each row, all within 0..UNITS_MAX."""
    exponent, mantissa = _encode_up(units)
    return exponent << 14 | mantissa


def encode_currency(units: Integers) -> tuple[Integers, Integers]:
    """`posapp.sts.amounts.encode_currency` of each row, all within ±10^18: S&E and field."""
    exponent, mantissa = _encode_up(np.maximum(units, 0))
    negative = units < 0
    if negative.any():
        owed = -units[negative]
        exponent[negative], mantissa[negative] = _encode_down(owed)
    return negative * 8 | exponent >> 2, (exponent & 3) << 14 | mantissa


def _steps() -> list[tuple[int, int, int]]:
    """Exponent, first value and step of each range that _MONEY_MAX can reach, smallest first."""
    steps = ((e, 16_384 * (int(10**e) - 1) // 9, int(10**e)) for e in range(32))
    return [step for step in steps if step[1] <= _MONEY_MAX]


def _encode_up(units: Integers) -> tuple[Integers, Integers]:
    """The smallest exponent that reaches each number, and the mantissa rounded up."""
    exponents, mantissas = np.zeros_like(units), np.zeros_like(units)
    rows = np.arange(len(units))
    for exponent, first, step in _steps():
        mantissa = np.maximum(0, -((first - units[rows]) // step))
        fits = mantissa <= amounts.MANTISSA_MAX
        exponents[rows[fits]], mantissas[rows[fits]] = exponent, mantissa[fits]
        rows = rows[~fits]
        if not len(rows):
            break
    return exponents, mantissas


def _encode_down(units: Integers) -> tuple[Integers, Integers]:
    """The largest exponent that does not pass each number, and the mantissa rounded down."""
    exponents, mantissas = np.zeros_like(units), np.zeros_like(units)
    for exponent, first, step in _steps():
        reached = units >= first
        exponents[reached] = exponent
        # Never above MANTISSA_MAX in the end: there the next range begins.
        mantissas[reached] = (units[reached] - first) // step
    return exponents, mantissas


# ---------------------------------------------------------------- checksums


@lru_cache(maxsize=8)  # three classes and money
def _checksum_tables(token_class: int, *, in_currency: bool) -> tuple[Words, Words, Words]:
    """What each 16-bit word of the 48 data bits does to the field; the first has the constant."""

    def field(data: int) -> int:
        return crc.currency_field(data) if in_currency else crc.field(token_class, data)

    constant = field(0)
    tables = []
    for place in (32, 16, 0):
        table = np.zeros(1, np.uint16)
        for bit in range(16):
            changed = np.uint16(field(1 << place + bit) ^ constant)
            table = np.concatenate((table, table ^ changed))
        tables.append(table)
    return tables[0] ^ np.uint16(constant), tables[1], tables[2]


def checksums(token_class: int, data48: Blocks) -> Words:
    """`posapp.sts.crc.field` of each row (6.3.7)."""
    return _checksums(_checksum_tables(token_class, in_currency=False), data48)


def currency_checksums(data48: Blocks) -> Words:
    """`posapp.sts.crc.currency_field` of each row (6.3.22)."""
    return _checksums(_checksum_tables(TokenClass.CREDIT, in_currency=True), data48)


def _checksums(tables: tuple[Words, Words, Words], data48: Blocks) -> Words:
    high, middle, low = (
        table.take((data48 >> np.uint64(place)).astype(np.uint16))
        for table, place in zip(tables, (32, 16, 0), strict=True)
    )
    return high ^ middle ^ low


# ---------------------------------------------------------------- together


def _data(subclass: int, nibble: Integers, tid: Integers, field: Integers) -> Blocks:
    """SubClass 4, RND or S&E 4, TID 24, Amount 16 bits (6.2.2)."""
    return (subclass << 44 | nibble << 40 | tid << 16 | field).astype(np.uint64)


def _sealed(
    decoder_keys: Bytes,
    ea: EncryptionAlgorithm,
    blocks: Callable[[slice], Blocks],
    tables: StaTables,
) -> Bytes:
    made = np.empty((len(decoder_keys), TOKEN_DIGITS), np.uint8)
    for rows in slices(len(decoder_keys)):
        encrypted = prepared(ea, decoder_keys[rows], tables).encrypt(blocks(rows))
        made[rows] = token_digits(encrypted, TokenClass.CREDIT)
    return made


def _check_tids(tid: Integers) -> None:
    bad = _first((tid < 0) | (tid > TID_MAX))
    if bad is not None:
        raise SaleError("TID_RANGE", tid=int(tid[bad]), maximum=TID_MAX, row=bad)


def _check_units(outside: Flags, units: Integers, maximum: int) -> None:
    bad = _first(outside)
    if bad is not None:
        raise SaleError("TOKEN_UNITS_RANGE", units=int(units[bad]), maximum=maximum, row=bad)


def _first(flags: Flags) -> int | None:
    """The first row that is marked."""
    return int(flags.argmax()) if flags.any() else None
