"""Whatever is wrong has a code of its own, and each code a sentence of its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import PosError
from posapp.sts import amounts, ciphers, crc, key_change, keys, tid, tokens
from posapp.ui.messages import english

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
METER = MeterNumber("58000079523")
KEY = keys.VendingKey(
    secret=bytes.fromhex("abababababababab949494949494949401234567"),
    sgc="201457",
    krn=1,
    kt=KeyType.UNIQUE,
    base_date=2014,
    ken=85,
    dkga=4,
)
DECODER = keys.decoder_key(KEY, METER, "01", STA)


def a_token(token_class: int, block: int) -> str:
    """Digits with a right checksum of a class or subclass that nobody may make."""
    data = block << 16 | crc.field(token_class, block)
    encrypted = ciphers.encrypt(STA, DECODER, data, SAMPLE)
    return tokens.digits_of(tokens.insert_class(encrypted, token_class))


def changed(old: keys.VendingKey, new: keys.VendingKey) -> None:
    key_change.check_change(key_change.Side(old, "01"), key_change.Side(new, "01"), NOW, 2)


def decode(digits: str) -> tokens.DecodedToken:
    return tokens.decode(digits, DECODER, STA, SAMPLE)


VALID = replace(KEY, ken=255)
REFUSALS: dict[str, Callable[[], object]] = {
    "EA_UNKNOWN": lambda: ciphers.cipher(9, DECODER, SAMPLE),  # type: ignore[arg-type]
    "UNKNOWN_DKGA": lambda: replace(KEY, dkga=5),
    "DKGA_WITHDRAWN": lambda: replace(KEY, dkga=1),
    "DKGA_EA": lambda: keys.decoder_key(
        replace(KEY, dkga=2, secret=keys.with_odd_parity(bytes(8))), METER, "01", MISTY1
    ),
    "DECODER_KEY_LENGTH": lambda: tokens.credit(bytes(7), STA, 0, 0, 0, 1, SAMPLE),
    "VENDING_KEY_LENGTH": lambda: replace(KEY, secret=bytes(16)),
    "VENDING_KEY_PARITY": lambda: replace(KEY, dkga=2, secret=bytes(8)),
    "SGC_MISSING": lambda: replace(KEY, sgc=""),
    "KEY_EXPIRED": lambda: keys.check_issue(KEY, (0, 0), tid.tid_at(NOW, 2014), NOW, 2),
    "KEY_CHANGE_EXPIRED": lambda: changed(VALID, KEY),
    "TID_RANGE": lambda: tokens.credit(DECODER, STA, 0, 0, tid.TID_MAX + 1, 1, SAMPLE),
    "BASE_DATE_NOT_BEGUN": lambda: tid.tid_at(NOW, 2035),
    "BASE_DATE_ENDED": lambda: tid.tid_at(NOW, 1993),
    "BASE_DATE_UNKNOWN": lambda: tid.tid_at(NOW, 2000),
    "TOKEN_UNITS_RANGE": lambda: amounts.encode_units(amounts.UNITS_MAX + 1),
    "KEY_TYPE": lambda: keys.decoder_key(replace(KEY, kt=KeyType.INITIAL), METER, "01", STA),
    "KEY_TYPE_NO_CREDIT": lambda: keys.check_issue(
        replace(VALID, kt=KeyType.DEFAULT), (0, 0), 1, NOW, 2
    ),
    "KEY_TYPE_CARRIER": lambda: keys.check_issue(
        replace(VALID, kt=KeyType.COMMON), (0, 0), 1, NOW, 2
    ),
    "KEY_CHANGE_TYPE": lambda: changed(VALID, replace(VALID, kt=KeyType.COMMON)),
    "TOKEN_CLASS": lambda: decode(a_token(3, 0)),
    "TOKEN_SUBCLASS": lambda: decode(a_token(0, 15 << 44)),
    "TOKEN_RANGE": lambda: decode("9" * 20),
    "TOKEN_FORM": lambda: decode("1" * 19),
    "TOKEN_CRC": lambda: decode("1" * 20),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_each_mistake_has_its_own_code(code: str) -> None:
    with pytest.raises(PosError) as caught:
        REFUSALS[code]()
    assert caught.value.code == code
    told = english(caught.value)
    assert told.code == code
    assert "{" not in told.line


def test_each_code_has_its_own_sentence() -> None:
    told = set()
    for refuse in REFUSALS.values():
        with pytest.raises(PosError) as caught:
            refuse()
        told.add(english(caught.value).what)
    assert len(told) == len(REFUSALS)
