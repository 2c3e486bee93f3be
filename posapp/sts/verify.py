"""Any twenty digits: what they show without a key, and what is odd about them under one.

`read` needs no key; `verify` asks `tokens.decode` and then looks for what no till would make.
`explain` builds on both to say why a meter refused.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from fractions import Fraction

from posapp.domain.meter import ALL_REGISTERS, EncryptionAlgorithm, KeyType
from posapp.errors import InputError
from posapp.sts import amounts
from posapp.sts import tid as tids
from posapp.sts.ciphers import sample_tables
from posapp.sts.sta import StaTables
from posapp.sts.tokens import (
    CURRENCY_SUBCLASSES,
    LAYOUTS,
    REGISTERS,
    TOKEN_BITS,
    WATT_FIELDS,
    DecodedToken,
    Management,
    TokenClass,
    decode,
    extract_class,
    number_of,
)

CRC_CHANCE = Fraction(1, 1 << 16)  # a block under a wrong key has a right checksum this often
FUTURE_SLACK = timedelta(days=1)  # clocks of other tills, and groups that count in local time
_TESTS = 18  # control bits with a meaning; all bits set asks for every test
_KEY_SECTIONS = (3, 4, 8, 9)
_UNDEFINED = (Management.TARIFF_RATE, Management.WATER_METER_FACTOR)
_FIELDS = 1 << 16


# ---------------------------------------------------------------- without a key


@dataclass(frozen=True, slots=True)
class TokenRead:
    """What digits show to anyone. `bits` are the 66 bits of the token, the first one first.

    `test` is the whole token when the class is 1; when such a token is damaged it is None and
    `problem` is the code TOKEN_CRC or TOKEN_SUBCLASS. Class 3 has the problem TOKEN_CLASS.
    """

    token_class: int
    bits: str = field(repr=False)
    encrypted_block: int = field(repr=False)
    test: DecodedToken | None
    problem: str | None


def read(digits: str) -> TokenRead:
    """The class, the 66 bits and the block of twenty digits; a test token (class 1) whole.

    Raises InputError TOKEN_FORM, TOKEN_RANGE.
    """
    number = number_of(digits)
    token_class, block = extract_class(number)
    test, problem = None, None
    if token_class == TokenClass.TEST:
        try:  # never encrypted: no key and no tables are looked at
            test = decode(digits, b"", EncryptionAlgorithm.STA, sample_tables())
        except InputError as error:
            problem = error.code
    elif token_class == TokenClass.RESERVED:
        problem = "TOKEN_CLASS"
    return TokenRead(token_class, f"{number:0{TOKEN_BITS}b}", block, test, problem)


# ---------------------------------------------------------------- what is expected


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one token is asked for; more is legal but odd. All are above 0.

    `units` of 0.1 kWh, 0.1 m3 or 0.1 minute; `currency` of 0.00001; `watts` of a power limit.
    A token may carry up to one step of its range more, as it is rounded up.
    """

    units: int = 100_000
    currency: int = 100_000_000_000
    watts: int = 1_000_000

    @property
    def carried_units(self) -> int:
        """What a token for `units` carries."""
        return _carried(self.units)

    @property
    def carried_currency(self) -> int:
        """What a token for `currency` carries."""
        limit = min(self.currency, amounts.CURRENCY_MAX)
        return amounts.decode_currency(*amounts.encode_currency(limit))

    @property
    def carried_watts(self) -> int:
        """What a token for `watts` carries."""
        return _carried(self.watts)


def _carried(limit: int) -> int:
    return amounts.decode_units(amounts.encode_units(min(limit, amounts.UNITS_MAX)))


@dataclass(frozen=True, slots=True)
class Expectation:
    """Where and when a token can have come from. `now` and `manufactured` are aware.

    `base_date`, `ken` and `kt` are those of the key; `credits` the credit subclasses that the
    meter serves; `reserved` is true for a token that wants the reserved minute, 00:01.
    """

    now: datetime
    base_date: int
    ken: int = tids.KEN_NEVER
    kt: KeyType = KeyType.UNIQUE
    manufactured: datetime | None = None
    credits: frozenset[int] = frozenset(range(8))
    reserved: bool = False
    limits: Limits = field(default_factory=Limits)
    zone: tzinfo = UTC
    slack: timedelta = FUTURE_SLACK

    def __post_init__(self) -> None:
        for moment in (self.now, self.manufactured):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("a time without a zone")

    @property
    def first_tid(self) -> int:
        """The minute the meter was made in, 0 when nobody knows or the base date is younger."""
        return 0 if self.manufactured is None else max(0, self._minutes(self.manufactured))

    @property
    def last_tid(self) -> int:
        """The minute of now and the slack; negative before the base date begins."""
        # The slack is added to the minutes: added to the moment it could leave the calendar.
        return min(self._minutes(self.now) + self.slack // timedelta(minutes=1), tids.TID_MAX)

    def _minutes(self, moment: datetime) -> int:
        return tids.minutes_at(moment, self.base_date, zone=self.zone)


class Doubt(StrEnum):
    """What no till should have made. A meter accepts some of it all the same."""

    TID_BEFORE_METER = "tid_before_meter"
    TID_IN_FUTURE = "tid_in_future"
    TID_RESERVED = "tid_reserved"  # the 00:01 of a day, on a token that should not have it
    KEY_EXPIRED = "key_expired"
    KEY_TYPE_CREDIT = "key_type_credit"  # a credit under an initial or a default key
    CREDIT_UNUSUAL = "credit_unusual"  # a kind of credit that the meter does not serve
    AMOUNT_ZERO = "amount_zero"
    AMOUNT_NEGATIVE = "amount_negative"
    AMOUNT_LARGE = "amount_large"
    REGISTER_UNKNOWN = "register_unknown"
    RESERVED_NOT_ZERO = "reserved_not_zero"
    VALUE_UNDEFINED = "value_undefined"  # the standard reserves the content (one source)
    CONTROL_UNKNOWN = "control_unknown"
    MAKER_UNKNOWN = "maker_unknown"  # not two or four decimal digits
    NEW_KRN = "new_krn"
    NEW_TI = "new_ti"
    NEW_KEY_TYPE = "new_key_type"
    NEW_SGC = "new_sgc"
    KEY_SECTION = "key_section"  # a section that sets for this EA do not have


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose checksum fits, and what is odd about it. `made_at` is aware UTC."""

    token: DecodedToken
    doubts: tuple[Doubt, ...]
    made_at: datetime | None

    @property
    def plausible(self) -> bool:
        """Whether nothing is odd."""
        return not self.doubts


def verify(
    digits: str,
    decoder_key: bytes,
    ea: EncryptionAlgorithm,
    tables: StaTables,
    expectation: Expectation,
) -> Verified:
    """The token that digits are under a decoder key, and what is odd about it.

    `made_at` is the minute its TID stands for, None for tests and key changes. Raises like
    `tokens.decode`; what is odd is never an error.
    """
    token = decode(digits, decoder_key, ea, tables)
    made_at = None
    if token.tid is not None:
        made_at = tids.time_of(token.tid, expectation.base_date, zone=expectation.zone)
    return Verified(token, doubts(token, ea, expectation), made_at)


def doubts(
    token: DecodedToken, ea: EncryptionAlgorithm, expectation: Expectation
) -> tuple[Doubt, ...]:
    """What is odd about a decoded token, in the order of `Doubt`."""
    found: set[Doubt] = set()
    if token.tid is not None:
        found |= _tid_doubts(token.tid, expectation)
    if token.token_class == TokenClass.CREDIT:
        found |= _credit_doubts(token, expectation)
    elif token.token_class == TokenClass.TEST:
        found |= _test_doubts(token)
    elif token.subclass in _KEY_SECTIONS:
        found |= _section_doubts(token, ea)
    else:
        found |= _management_doubts(token, expectation)
    return tuple(doubt for doubt in Doubt if doubt in found)


def _named(*rules: tuple[bool, Doubt]) -> set[Doubt]:
    return {doubt for odd, doubt in rules if odd}


def _tid_doubts(tid: int, expectation: Expectation) -> set[Doubt]:
    return _named(
        (tid < expectation.first_tid, Doubt.TID_BEFORE_METER),
        (tid > expectation.last_tid, Doubt.TID_IN_FUTURE),
        (tids.is_reserved(tid) and not expectation.reserved, Doubt.TID_RESERVED),
        (tids.is_expired(tid, expectation.ken), Doubt.KEY_EXPIRED),
    )


def _credit_doubts(token: DecodedToken, expectation: Expectation) -> set[Doubt]:
    units = token.units or 0
    in_money = token.subclass in CURRENCY_SUBCLASSES
    limits = expectation.limits
    return _named(
        (expectation.kt in (KeyType.INITIAL, KeyType.DEFAULT), Doubt.KEY_TYPE_CREDIT),
        (token.subclass not in expectation.credits, Doubt.CREDIT_UNUSUAL),
        (token.units == 0, Doubt.AMOUNT_ZERO),
        (in_money and token.fields["s_and_e"] >= 8, Doubt.AMOUNT_NEGATIVE),
        (
            units > (limits.carried_currency if in_money else limits.carried_units),
            Doubt.AMOUNT_LARGE,
        ),
    )


def _test_doubts(token: DecodedToken) -> set[Doubt]:
    control, maker = token.fields["control"], token.fields.get("maker", 0)
    if token.subclass == 2:
        return _named((token.fields["zero"] != 0, Doubt.RESERVED_NOT_ZERO))
    width = dict(LAYOUTS[1, token.subclass].fields)["control"]
    known = control == (1 << width) - 1 or 0 < control < 1 << _TESTS
    return _named(
        (not known, Doubt.CONTROL_UNKNOWN),
        (maker > (9999 if token.subclass == 1 else 99), Doubt.MAKER_UNKNOWN),
    )


def _management_doubts(token: DecodedToken, expectation: Expectation) -> set[Doubt]:
    value, subclass = token.fields["value"], token.subclass
    if subclass in WATT_FIELDS:
        watts = amounts.decode_units(value)
        return _named((watts > expectation.limits.carried_watts, Doubt.AMOUNT_LARGE))
    odd_register = value not in REGISTERS and value != ALL_REGISTERS
    return _named(
        (subclass == Management.CLEAR_CREDIT and odd_register, Doubt.REGISTER_UNKNOWN),
        (subclass == Management.CLEAR_TAMPER and value != 0, Doubt.RESERVED_NOT_ZERO),
        (subclass in _UNDEFINED and value != 0, Doubt.VALUE_UNDEFINED),
    )


def _section_doubts(token: DecodedToken, ea: EncryptionAlgorithm) -> set[Doubt]:
    fields, is_misty1 = token.fields, ea == EncryptionAlgorithm.MISTY1
    if token.subclass == 3:
        return _named(
            (not 1 <= fields["krn"] <= 9, Doubt.NEW_KRN),
            (fields["kt"] == KeyType.INITIAL, Doubt.NEW_KEY_TYPE),
        )
    if token.subclass == 4:
        return _named((fields["ti"] > 99, Doubt.NEW_TI))
    if token.subclass == 9:
        return _named(
            (not is_misty1, Doubt.KEY_SECTION),
            (fields["sgcho"] << 12 > 999_999, Doubt.NEW_SGC),
        )
    if is_misty1:
        return set()
    content = token.block >> 16 & (1 << 44) - 1  # a set of three: SGC 24, then 20 zero bits
    return _named(
        (content >> 20 > 999_999, Doubt.NEW_SGC),
        (content & (1 << 20) - 1 != 0, Doubt.RESERVED_NOT_ZERO),
    )


# ---------------------------------------------------------------- how much a fit is worth


def coincidence(token_class: int, ea: EncryptionAlgorithm, expectation: Expectation) -> Fraction:
    """How often a random block of this class has a right checksum and nothing odd, exactly.

    This is the chance that one wrong key, or one wrong set of digits, looks right; 0 for
    class 3, of which everything is odd.
    """
    if token_class == TokenClass.RESERVED:
        return Fraction(0)
    by_subclass = {
        TokenClass.CREDIT: _credit_share,
        TokenClass.TEST: _test_share,
        TokenClass.MANAGEMENT: _management_share,
    }[TokenClass(token_class)]
    shares = (by_subclass(subclass, ea, expectation) for subclass in range(16))
    return CRC_CHANCE * sum(shares, Fraction(0)) / 16


def _credit_share(subclass: int, _ea: EncryptionAlgorithm, expectation: Expectation) -> Fraction:
    odd_key = expectation.kt in (KeyType.INITIAL, KeyType.DEFAULT)
    if odd_key or subclass > 7 or subclass not in expectation.credits:
        return Fraction(0)
    if subclass in CURRENCY_SUBCLASSES:  # 20 bits: the sign, five of exponent, the mantissa
        limit = expectation.limits.carried_currency
        good = _fields_up_to(limit, lambda f: amounts.decode_currency(f >> 16, f & 0xFFFF), 1 << 19)
        amount = Fraction(good, 1 << 20)
    else:
        good = _fields_up_to(expectation.limits.carried_units, amounts.decode_units, _FIELDS)
        amount = Fraction(good, _FIELDS)
    return amount * _tid_share(expectation)


def _test_share(subclass: int, _ea: EncryptionAlgorithm, _expectation: Expectation) -> Fraction:
    tests = 1 << _TESTS  # any choice of them but none, or every bit
    shares = (Fraction(tests * 100, 1 << 44), Fraction(tests * 10_000, 1 << 44), Fraction(1, 256))
    return shares[subclass] if subclass < len(shares) else Fraction(0)


def _management_share(subclass: int, ea: EncryptionAlgorithm, expectation: Expectation) -> Fraction:
    is_misty1 = ea == EncryptionAlgorithm.MISTY1
    sections = {
        3: Fraction(9, 16) * Fraction(3, 4),
        4: Fraction(100, 256),
        8: Fraction(1) if is_misty1 else Fraction(1_000_000, 1 << 44),
        9: Fraction((999_999 >> 12) + 1, 1 << 12) if is_misty1 else Fraction(0),
    }
    if subclass in sections:
        return sections[subclass]
    watts = _fields_up_to(expectation.limits.carried_watts, amounts.decode_units, _FIELDS) + 1
    good: dict[int, int] = {
        Management.MAXIMUM_POWER_LIMIT: watts,
        Management.MAXIMUM_PHASE_UNBALANCE: watts,
        Management.CLEAR_CREDIT: len(REGISTERS) + 1,
        Management.TARIFF_RATE: 1,
        Management.CLEAR_TAMPER: 1,
        Management.WATER_METER_FACTOR: 1,
        Management.EXTENDED_WRITE: _FIELDS,
    }
    return Fraction(good.get(subclass, 0), _FIELDS) * _tid_share(expectation)


def _fields_up_to(limit: int, value_of: Callable[[int], int], count: int) -> int:
    """How many fields carry more than nothing and at most `limit`; values rise with fields."""
    return max(0, bisect_right(range(count), limit, key=value_of) - 1)


def _tid_share(expectation: Expectation) -> Fraction:
    low, high = expectation.first_tid, expectation.last_tid
    if expectation.ken != tids.KEN_NEVER:
        high = min(high, ((expectation.ken + 1) << 16) - 1)
    if high < low:
        return Fraction(0)
    count = high - low + 1
    if not expectation.reserved:
        count -= _reserved_up_to(high) - _reserved_up_to(low - 1)
    return Fraction(count, tids.TID_MAX + 1)


def _reserved_up_to(tid: int) -> int:
    """How many of the TIDs 0..tid are reserved."""
    return (tid - tids.RESERVED_MINUTE) // tids.MINUTES_PER_DAY + 1 if tid >= 0 else 0
