"""Strings of digits as people write them: with separators between groups, and plain.

Meter numbers, cards, PANs and tokens are all entered this way.
"""

from __future__ import annotations

from typing import TypeGuard

SEPARATORS = " \t.-\u00a0\u2009\u202f"  # between groups, on labels, receipts and screens
_NOTHING = dict.fromkeys(map(ord, SEPARATORS))


def joined(text: str) -> str:
    """What was typed or scanned, without the separators between groups."""
    return text.translate(_NOTHING)


def is_within(value: object, least: int, most: int) -> bool:
    """Whether `value` is a plain integer, neither a bool nor an enum, and in the range."""
    return type(value) is int and least <= value <= most


def is_digits(text: object, count: int | None = None) -> TypeGuard[str]:
    """Whether `text` is nothing but the digits 0 to 9, at least one or exactly `count`."""
    return (
        isinstance(text, str)
        and text.isascii()
        and text.isdigit()
        and (count is None or len(text) == count)
    )
