"""English number words, for the sentence that is read aloud before a sale. No Qt.

Another language shows the digits instead until its words are here.
"""

from __future__ import annotations

from posapp.domain.money import Currency

_ONES = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_BIG = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_NAMES = {
    "KES": ("shillings", "cents"),
    "UGX": ("shillings", ""),
    "TZS": ("shillings", "cents"),
    "ZAR": ("rand", "cents"),
    "GHS": ("cedis", "pesewas"),
    "NGN": ("naira", "kobo"),
    "XOF": ("francs", ""),
    "XAF": ("francs", ""),
    "ETB": ("birr", "cents"),
    "MZN": ("meticais", "centavos"),
    "TND": ("dinars", "millimes"),
    "USD": ("dollars", "cents"),
    "EUR": ("euros", "cents"),
    "INR": ("rupees", "paise"),
}


def number_words(number: int) -> str:
    """`one thousand seven hundred` for 1700 (0 <= number < 10**12)."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    for size, name in _BIG:
        if number >= size:
            count, rest = divmod(number, size)
            words = f"{number_words(count)} {name}"
            if not rest:
                return words
            joint = " and " if rest < 100 else " "
            return words + joint + number_words(rest)
    raise AssertionError("every number has words")


def money_words(amount_minor: int, unit: Currency) -> str:
    """`one thousand seven hundred shillings`, with the minor part only if there is one."""
    whole, part = divmod(amount_minor, unit.scale)
    major, minor = _NAMES.get(unit.code, (unit.code, ""))
    words = f"{number_words(whole)} {major}"
    if part:
        words += f" and {number_words(part)} {minor}".rstrip()
    return words
