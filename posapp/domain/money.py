"""Money as an integer of minor units with its currency. Never a float."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from posapp.errors import InputError

AMOUNT_MINOR_MAX = 10**12  # ten billion major units: above this it is a typing mistake


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency: its code, its number of minor digits (0 to 3) and its sign."""

    code: str
    minor_digits: int
    symbol: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z]{3}", self.code) or not 0 <= self.minor_digits <= 3:
            raise InputError("CURRENCY_INVALID", code=self.code)

    @property
    def scale(self) -> int:
        """Minor units in one major unit."""
        return int(10**self.minor_digits)


# ISO 4217 codes of the places this till is made for; a tariff pack names one of them.
CURRENCIES = {
    code: Currency(code, digits, symbol)
    for code, digits, symbol in (
        ("KES", 2, "KSh"),
        ("ZAR", 2, "R"),
        ("UGX", 0, "USh"),
        ("TZS", 2, "TSh"),
        ("GHS", 2, "GH₵"),
        ("NGN", 2, "₦"),
        ("XOF", 0, "F CFA"),
        ("XAF", 0, "F CFA"),
        ("ETB", 2, "Br"),
        ("MZN", 2, "MT"),
        ("TND", 3, "DT"),
        ("USD", 2, "$"),
        ("EUR", 2, "€"),
        ("INR", 2, "₹"),
        ("RWF", 0, "FRw"),
        ("BIF", 0, "FBu"),
        ("ZMW", 2, "K"),
        ("MWK", 2, "MK"),
        ("NAD", 2, "N$"),
        ("BWP", 2, "P"),
        ("ZWG", 2, "ZiG"),
        ("SZL", 2, "E"),
        ("LSL", 2, "L"),
        ("AOA", 2, "Kz"),
        ("CDF", 2, "FC"),
        ("GMD", 2, "D"),
        ("GNF", 0, "FG"),
        ("LRD", 2, "L$"),
        ("SLE", 2, "Le"),
        ("SSP", 2, "SS£"),
        ("SDG", 2, "SDG"),
        ("MGA", 2, "Ar"),
        ("MUR", 2, "Rs"),
        ("EGP", 2, "E£"),
        ("DZD", 2, "DA"),
        ("MAD", 2, "DH"),
        ("BDT", 2, "৳"),
        ("PKR", 2, "Rs"),
        ("NPR", 2, "Rs"),
        ("PHP", 2, "₱"),
        ("PGK", 2, "K"),
        ("FJD", 2, "FJ$"),
        ("HTG", 2, "G"),
    )
}


def currency(code: str) -> Currency:
    """The currency of an ISO code. Raises InputError CURRENCY_INVALID."""
    try:
        return CURRENCIES[code]
    except KeyError:
        raise InputError("CURRENCY_INVALID", code=code) from None


def parse_amount(text: str, unit: Currency) -> int:
    """Minor units of what a person typed: digits, one optional separator, spaces ignored.

    Raises InputError AMOUNT_LETTERS, AMOUNT_DECIMALS or AMOUNT_TOO_LARGE; nothing is rounded.
    """
    cleaned = re.sub(r"[\s_']", "", text)
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d*)?", cleaned):
        cleaned = cleaned.replace(",", "")
    match = re.fullmatch(r"(\d*)(?:[.,](\d*))?", cleaned)
    if not match or not cleaned.strip(".,") or not cleaned.isascii():
        raise InputError("AMOUNT_LETTERS", text=text[:40])
    major, minor = match.group(1) or "0", match.group(2) or ""
    if len(minor) > unit.minor_digits:
        raise InputError("AMOUNT_DECIMALS", text=text[:40], digits=unit.minor_digits)
    if len(major) > 15:
        raise InputError("AMOUNT_TOO_LARGE", text=text[:40])
    amount = int(major) * unit.scale + int(minor.ljust(unit.minor_digits, "0") or "0")
    if amount > AMOUNT_MINOR_MAX:
        raise InputError("AMOUNT_TOO_LARGE", text=text[:40])
    return amount


def amount_text(amount_minor: int, unit: Currency, *, grouped: bool = True) -> str:
    """`1,700.00` for 170000; U+2212 before a negative amount. Same on every machine."""
    whole, part = divmod(abs(amount_minor), unit.scale)
    text = f"{whole:,}" if grouped else str(whole)
    if unit.minor_digits:
        text += f".{part:0{unit.minor_digits}d}"
    return ("\u2212" if amount_minor < 0 else "") + text


def money_text(amount_minor: int, unit: Currency) -> str:
    """`KSh 1,700.00`: the sign once, then the amount."""
    return f"{unit.symbol} {amount_text(amount_minor, unit)}"


def round_minor(amount: Decimal) -> int:
    """Half up to a whole minor unit (the counter's rule; product of exact decimals)."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
