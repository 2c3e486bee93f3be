"""Meters and tokens for the tests of the virtual meter."""

from __future__ import annotations

from dataclasses import replace

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.sts import ciphers, crc, key_change, keys, tokens
from posapp.sts.meter import MeterDesign, MeterResult, VirtualMeter

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
NUMBER, LONG_NUMBER = MeterNumber("58000079523"), MeterNumber("0100000000008")
VENDING = keys.VendingKey(
    secret=bytes.fromhex("abababababababab949494949494949401234567"),
    sgc="201457",
    krn=1,
    kt=KeyType.UNIQUE,
    base_date=2014,
    ken=255,
    dkga=4,
)
BIRTH = 6_000_000
RND = 5


def key_of(ea: EncryptionAlgorithm, number: MeterNumber = NUMBER, ti: str = "01") -> bytes:
    return keys.decoder_key(VENDING, number, ti, ea)


def a_meter(
    ea: EncryptionAlgorithm = STA, number: MeterNumber = NUMBER, **options: object
) -> VirtualMeter:
    """Born at BIRTH. Options of its design may be given like those of the meter."""
    fields = MeterDesign.__dataclass_fields__
    design = MeterDesign(**{k: v for k, v in options.items() if k in fields})  # type: ignore[arg-type]
    others = {k: v for k, v in options.items() if k not in fields}
    chosen = {"first_tid": BIRTH, "design": design, **others}
    return VirtualMeter(number, key_of(ea, number), ea, SAMPLE, **chosen)  # type: ignore[arg-type]


def a_credit(
    tid: int,
    units: int = 100,
    ea: EncryptionAlgorithm = STA,
    key: bytes | None = None,
    subclass: int = 0,
) -> str:
    return tokens.credit(key or key_of(ea), ea, subclass, RND, tid, units, SAMPLE)


def some_money(tid: int, units: int, subclass: int = 4) -> str:
    return tokens.currency_credit(key_of(STA), STA, subclass, tid, units, SAMPLE)


def a_management(kind: tokens.Management, tid: int, value: int) -> str:
    """Also with values that no till makes."""
    return sealed(2, kind << 44 | RND << 40 | tid << 16 | value)


def a_change(ea: EncryptionAlgorithm, **changes: object) -> key_change.NewKey:
    """To another group, revision, tariff and base date; `changes` to what the tokens carry."""
    new = replace(VENDING, base_date=2035, sgc="203557", krn=6)
    change = key_change.NewKey(
        key=keys.decoder_key(new, NUMBER, "02", ea),
        kt=KeyType.UNIQUE,
        krn=6,
        ti="02",
        ken=255,
        sgc="203557",
        rollover=True,
    )
    return replace(change, **changes)  # type: ignore[arg-type]


def a_set(
    ea: EncryptionAlgorithm = STA, *, third_token: bool = False, **changes: object
) -> list[str]:
    """The tokens of `a_change` under the meter's first key."""
    change = a_change(ea, **changes)
    return list(key_change.change_set(key_of(ea), ea, change, SAMPLE, third_token=third_token))


def sealed(token_class: int, data48: int, ea: EncryptionAlgorithm = STA) -> str:
    """A token that no honest maker makes: any 48 bits with the right checksum."""
    return sealed_under(key_of(ea), ea, token_class, data48)


def sealed_under(key: bytes, ea: EncryptionAlgorithm, token_class: int, data48: int) -> str:
    """The same under any key."""
    in_money = token_class == 0 and 4 <= data48 >> 44 <= 7
    checksum = crc.currency_field(data48) if in_money else crc.field(token_class, data48)
    block = data48 << 16 | checksum
    if token_class != 1:
        block = ciphers.encrypt(ea, key, block, SAMPLE)
    return tokens.digits_of(tokens.insert_class(block, token_class))


def refused(meter: VirtualMeter, digits: str, expected: MeterResult) -> None:
    """The meter says so and nothing in it changes."""
    before = meter.to_state()
    assert meter.enter(digits) is expected
    assert meter.to_state() == before
