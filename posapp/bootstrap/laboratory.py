"""The laboratory: makes, reads and explains tokens with test keys, for `posapp sts`.

Everything is answered as values that JSON can hold; `posapp.cli.sts` prints them for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from posapp import config, paths
from posapp.clock import Clock, Randomness, SystemClock, SystemRandomness
from posapp.codec.files import read_json, read_text
from posapp.domain.digits import is_digits
from posapp.domain.meter import ALL_REGISTERS, EncryptionAlgorithm, MeterNumber
from posapp.errors import ConfigError, InputError
from posapp.security_module.reference.keys import load_key_file
from posapp.sts import amounts, ciphers, explain, sta, tokens
from posapp.sts.key_change import Side, change_set, check_change, new_key
from posapp.sts.keys import VendingKey, check_issue
from posapp.sts.meter import MeterResult
from posapp.sts.meter_tests import read_tests
from posapp.sts.scan import read_scan
from posapp.sts.sta import StaTables
from posapp.sts.tid_book import TidBook
from posapp.sts.tokens import Management, TokenClass
from posapp.sts.verify import Expectation, Verified, read, verify

Payload = dict[str, Any]

TEXTS_BYTES_MAX = 64 * 1024
RECORD_BYTES_MAX = 8 << 20  # the longest history of a meter takes a quarter of it
CREDITS = ("electricity", "water", "gas", "time")
MANAGEMENT = {
    "power-limit": Management.MAXIMUM_POWER_LIMIT,
    "phase-unbalance": Management.MAXIMUM_PHASE_UNBALANCE,
    "clear-credit": Management.CLEAR_CREDIT,
    "clear-tamper": Management.CLEAR_TAMPER,
    "tariff-rate": Management.TARIFF_RATE,
    "water-factor": Management.WATER_METER_FACTOR,
    "extended": Management.EXTENDED_WRITE,
}


def refuse_in_service(folder: Path | None = None) -> None:
    """Laboratory tools do not run where a till is in service.

    A till is, unless its store's key lies in a file (which only tests and demos allow) and its
    head office is on this computer. `folder` is the till's, None the user's own. Raises
    ConfigError LABORATORY_IN_SERVICE(folder), and what `config.load` raises.
    """
    home = folder or paths.data_folder()
    if not (home / config.FILE_NAME).exists():
        return
    till = config.load(home)
    host = urlsplit(till.head_office_url).hostname
    if till.store_key != "keyfile" or host not in (None, "127.0.0.1", "::1", "localhost"):
        raise ConfigError("LABORATORY_IN_SERVICE", folder=str(home))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose key is meant, as the command line says it. `vending_keys` are all marked test.

    Either the vending key of (`sgc`, `krn`) is used, or the bare `decoder_key`, which needs no
    meter number and counts time from `base_date`.
    """

    number: MeterNumber | None
    ea: EncryptionAlgorithm
    sgc: str
    krn: int
    ti: str
    tct: int
    vending_keys: tuple[VendingKey, ...] = field(repr=False)
    decoder_key: bytes | None = field(repr=False)
    base_date: int

    @property
    def given(self) -> bool:
        """Whether any key was named at all."""
        return bool(self.vending_keys) or self.decoder_key is not None

    def side(self, sgc: str, krn: int, ti: str) -> Side:
        """A vending key of the file with a tariff index. Raises ConfigError KEY_NOT_IN_FILE."""
        for key in self.vending_keys:
            if (key.sgc, key.krn) == (sgc, krn):
                return Side(key, ti)
        raise ConfigError("KEY_NOT_IN_FILE", sgc=sgc, krn=krn)

    def meter(self) -> MeterNumber:
        """The meter. Raises InputError METER_NEEDED."""
        if self.number is None:
            raise InputError("METER_NEEDED")
        return self.number


class Laboratory:
    """Test keys only. `zone` is the clock rule of the supply group."""

    def __init__(
        self,
        tables: StaTables,
        zone: tzinfo = UTC,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
    ) -> None:
        self._tables = tables
        self.zone = zone
        self._clock = clock or SystemClock()
        self._randomness = randomness or SystemRandomness()

    # ------------------------------------------------------------ make

    def credit(
        self,
        wanted: Wanted,
        amount: Decimal,
        *,
        of: str,
        money: bool,
        count: int,
        reserved: bool,
        at: datetime | None,
    ) -> Payload:
        """`count` credits of `amount`: kWh, m3 or minutes, or with `money` of the currency.

        Raises InputError AMOUNT_NEGATIVE for less than nothing in units, OPTIONS_APART(one,
        other), and SaleError and InputError as the standard's rules do.
        """
        if amount < 0 and not money:
            raise InputError("AMOUNT_NEGATIVE")
        if reserved and count != 1:
            raise InputError("OPTIONS_APART", one="--reserved", other="--count")
        subclass = CREDITS.index(of) + (4 if money else 0)
        key, ea = self._key(wanted), wanted.ea
        units = amounts.whole_units(
            amount, amounts.UNITS_PER_CURRENCY if money else amounts.UNITS_PER_KWH
        )
        made = []
        for number in self._tids(wanted, (0, subclass), count, reserved=reserved, at=at):
            if money:
                digits = tokens.currency_credit(key, ea, subclass, number, units, self._tables)
            else:
                rnd = self._nibble()
                digits = tokens.credit(key, ea, subclass, rnd, number, units, self._tables)
            made.append(self._token(digits, wanted, key) | {"asked": str(amount)})
        return {"tokens": made}

    def management(
        self, wanted: Wanted, subclass: Management, value: int, *, at: datetime | None
    ) -> Payload:
        """A management token with its 16-bit value, watts already as an amount field."""
        key = self._key(wanted)
        (number,) = self._tids(wanted, (2, subclass), 1, reserved=False, at=at)
        digits = tokens.management(
            key, wanted.ea, subclass, self._nibble(), number, value, self._tables
        )
        return {"tokens": [self._token(digits, wanted, key)]}

    def _tids(
        self,
        wanted: Wanted,
        kind: tuple[int, int],
        count: int,
        *,
        reserved: bool,
        at: datetime | None,
    ) -> tuple[int, ...]:
        """The identifiers, once the vending key is known to make such tokens then."""
        moment = at or self._clock.now()
        book, number = TidBook(zone=self.zone), wanted.number or MeterNumber("0" * 11)
        base_date = self._base_date(wanted)
        if reserved:
            given: tuple[int, ...] = (book.give_reserved(number, base_date, moment),)
        else:
            given = book.give(number, base_date, moment, count)
        if wanted.decoder_key is None:
            vending_key = wanted.side(wanted.sgc, wanted.krn, wanted.ti).vending_key
            for one in given:
                check_issue(vending_key, kind, one, moment, wanted.tct)
        return given

    def _nibble(self) -> int:
        return self._randomness.bytes(1)[0] & 0xF

    # ------------------------------------------------------------ read

    def decode(self, wanted: Wanted, digits: str) -> Payload:
        """What twenty digits say, with a key or without. Raises InputError TOKEN_..."""
        if not wanted.given or read(digits).token_class == TokenClass.TEST:
            return _without_key(digits)
        return self._token(digits, wanted, self._key(wanted))

    def _token(self, digits: str, wanted: Wanted, key: bytes) -> Payload:
        """A token as it reads back under its key: what is made is never told from memory."""
        verified = verify(digits, key, wanted.ea, self._tables, self._expectation(wanted))
        return _verified(digits, verified)

    def _expectation(self, wanted: Wanted) -> Expectation:
        if wanted.decoder_key is not None:
            return Expectation(self._clock.now(), wanted.base_date, reserved=True, zone=self.zone)
        key = wanted.side(wanted.sgc, wanted.krn, wanted.ti).vending_key
        return Expectation(
            now=self._clock.now(),
            base_date=key.base_date,
            ken=key.ken,
            kt=key.kt,
            reserved=True,
            zone=self.zone,
        )

    # ------------------------------------------------------------ key change

    def key_change(self, wanted: Wanted, to: tuple[str, int, str], *, third_token: bool) -> Payload:
        """The set that takes one meter to the key of (SGC, KRN) and the tariff index `to`.

        Raises ConfigError KEY_NOT_IN_FILE, SaleError KEY_CHANGE_..., InputError.
        """
        old, new = wanted.side(wanted.sgc, wanted.krn, wanted.ti), wanted.side(*to)
        number, ea = wanted.meter(), wanted.ea
        check_change(old, new, self._clock.now(), wanted.tct, zone=self.zone)
        carried = new_key(old, new, number, ea)
        made = change_set(
            old.decoder_key(number, ea), ea, carried, self._tables, third_token=third_token
        )
        return {
            "meter": number.digits,
            "rollover": carried.rollover,
            "tokens": [
                {"digits": digits, "number": place, "of": len(made)}
                for place, digits in enumerate(made, start=1)
            ],
        }

    # ------------------------------------------------------------ explain

    def explain(
        self, wanted: Wanted, digits: str, record: Path, *, shown: str | None
    ) -> tuple[explain.Explanation, explain.Case]:
        """Why a meter refused the digits, from a record file and the keys of `wanted`.

        `shown` is what its display said: a `MeterResult` value or its number. Raises InputError
        EXPLAIN_RECORD(field, expected), METER_RESULT(shown), ConfigError FILE_UNREADABLE.
        """
        form = explain.from_json(_json(record))
        case = explain.Case(
            digits,
            form.record,
            self._clock.now(),
            self._tables,
            history=form.history,
            keys=wanted.vending_keys,
            others=form.others,
            shown=None if shown is None else _result(shown),
            zone=self.zone,
        )
        return explain.explain(case), case

    # ------------------------------------------------------------ keys

    def _key(self, wanted: Wanted) -> bytes:
        if wanted.decoder_key is not None:
            expected = ciphers.KEY_BYTES[wanted.ea]
            if len(wanted.decoder_key) != expected:
                length = len(wanted.decoder_key)
                raise InputError("DECODER_KEY_LENGTH", length=length, expected=expected)
            return wanted.decoder_key
        if not wanted.vending_keys:
            raise InputError("KEY_NEEDED")
        side = wanted.side(wanted.sgc, wanted.krn, wanted.ti)
        return side.decoder_key(wanted.meter(), wanted.ea)

    def _base_date(self, wanted: Wanted) -> int:
        if wanted.decoder_key is not None:
            return wanted.base_date
        return wanted.side(wanted.sgc, wanted.krn, wanted.ti).vending_key.base_date


def test_keys(file: Path | None) -> tuple[VendingKey, ...]:
    """The keys of a file marked test. Raises ConfigError KEYS_NOT_TEST, KEY_FILE_INVALID."""
    return () if file is None else load_key_file(file)


def _json(path: Path) -> object:
    try:
        return read_json(path, RECORD_BYTES_MAX)
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=error.strerror) from None
    except ValueError:
        raise InputError("EXPLAIN_RECORD", field="record", expected="JSON") from None


def _result(shown: str) -> MeterResult:
    for result in MeterResult:
        if shown in (result.value, str(result.status_number)):
            return result
    raise InputError("METER_RESULT", shown=shown[:40])


def meter_tests(texts: Path | None) -> Payload:
    """The fixed list of class 1, with the words of `texts` or the shipped ones.

    Raises InputError METER_TESTS(field), ConfigError FILE_UNREADABLE.
    """
    path = texts or paths.resources() / "sts" / "meter_tests.toml"
    try:
        text = read_text(path, TEXTS_BYTES_MAX)
    except (OSError, ValueError) as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=str(error)) from None
    return {
        "tests": [
            {
                "number": test.number,
                "bit": test.bit,
                "two_digit_makes": test.two_digit_makes,
                "four_digit_makes": test.four_digit_makes,
                "text": test.text,
                "confirmed": test.confirmed,
            }
            for test in read_tests(text)
        ]
    }


def meter_test(subclass: int, control: int, maker: int) -> Payload:
    """One token of class 1. Raises InputError TOKEN_SUBCLASS, TOKEN_FIELD."""
    digits = tokens.meter_test(subclass, control, maker)
    shown = read(digits).test
    assert shown is not None, "what was just made reads back"
    return {"digits": digits} | _plain(shown)


def management_value(kind: str, values: Sequence[str]) -> int:
    """The 16 bits that a management token of `kind` carries, from the words of a command line.

    Watts for the two limits, a register 0..7 or `all`, index and value or `63 FLAG on` for the
    extended set, else a number. Raises InputError MANAGEMENT_VALUE(kind, expected).
    """
    expected, count = _MANAGEMENT_VALUES[kind]
    if len(values) != count and not (kind == "extended" and len(values) == count + 1):
        raise InputError("MANAGEMENT_VALUE", kind=kind, expected=expected)
    try:
        return _management_value(kind, [value.lower() for value in values])
    except ValueError:
        raise InputError("MANAGEMENT_VALUE", kind=kind, expected=expected) from None


_MANAGEMENT_VALUES = {
    "power-limit": ("WATTS", 1),
    "phase-unbalance": ("WATTS", 1),
    "clear-credit": ("a register 0..7 or all", 1),
    "clear-tamper": ("nothing", 0),
    "tariff-rate": ("a value 0..65535", 1),
    "water-factor": ("a value 0..65535", 1),
    "extended": ("INDEX VALUE, or 63 FLAG on|off", 2),
}


def _management_value(kind: str, values: list[str]) -> int:
    if not all(value in ("all", "on", "off") or is_digits(value) for value in values):
        raise ValueError("no numbers")
    if kind == "clear-tamper":
        return 0
    if kind == "clear-credit" and values[0] == "all":
        return ALL_REGISTERS
    if kind == "extended" and len(values) == 3:
        if int(values[0]) != tokens.FLAGS_INDEX or values[2] not in ("on", "off"):
            raise ValueError("no flag")
        return tokens.flag_value(int(values[1]), on=values[2] == "on")
    first = int(values[0])
    if kind == "clear-credit" and first > 7:
        raise ValueError("no register")
    if MANAGEMENT[kind] in tokens.WATT_FIELDS:
        return amounts.encode_units(first)
    if kind == "extended":
        return tokens.extended_value(first, int(values[1]))
    return first


def _without_key(digits: str) -> Payload:
    shown = read(digits)
    payload: Payload = {"digits": tokens.digits_of(int(shown.bits, 2)), "class": shown.token_class}
    if shown.token_class == TokenClass.TEST:  # never encrypted; this says what is wrong with it
        return payload | _plain(tokens.decode(digits, b"", EncryptionAlgorithm.STA, sta.SAMPLE))
    if shown.token_class == TokenClass.RESERVED:
        raise InputError("TOKEN_CLASS", token_class=shown.token_class)
    return payload | {"needs": "key", "token66": f"{int(shown.bits, 2):017x}"}


def _verified(digits: str, verified: Verified) -> Payload:
    payload: Payload = {"digits": tokens.digits_of(tokens.number_of(digits))}
    payload |= _plain(verified.token)
    if verified.made_at is not None:
        payload["made_at"] = f"{verified.made_at:%Y-%m-%dT%H:%MZ}"
    payload["doubts"] = [doubt.value for doubt in verified.doubts]
    return payload


def _plain(token: tokens.DecodedToken) -> Payload:
    """A decoded token without anything of its key: a new key in the fields stays hidden."""
    payload: Payload = {
        "class": token.token_class,
        "subclass": token.subclass,
        "name": token.name,
        "fields": {
            name: value for name, value in token.fields.items() if name not in tokens.KEY_FIELDS
        },
    }
    if token.tid is not None:
        payload["tid"] = token.tid
    if token.units is not None:
        payload["units"] = token.units
        payload["amount"] = _amount(token.subclass, token.units)
    elif token.token_class == 2 and token.subclass in tokens.WATT_FIELDS:
        payload["watts"] = amounts.decode_units(token.fields["value"])
    return payload


def _amount(subclass: int, units: int) -> str:
    """Units as kWh, m3, minutes or currency, exactly: a token may carry 36 digits."""
    decimals = 5 if subclass in tokens.CURRENCY_SUBCLASSES else 1
    whole, rest = divmod(abs(units), 10**decimals)
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{rest:0{decimals}d}"


def meter_number(text: str) -> MeterNumber:
    """The meter of a number, a PAN or a card. Raises InputError METER_..., PAN_..., CARD_..."""
    return read_scan(text).number or MeterNumber.parse(text)


def moment(text: str, zone: tzinfo) -> datetime:
    """A time like 2026-11-20T09:00, in the group's clock rule unless it names an offset.

    Raises InputError TIME_FORM.
    """
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError("TIME_FORM", text=text[:40]) from None
