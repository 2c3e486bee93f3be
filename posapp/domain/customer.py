"""Customers: personal data, kept apart from sales and erasable on its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer of the utility. `customer_id` is head office's own number (> 0)."""

    customer_id: int
    name: str
    account: str = ""
    phone: str = ""
    address: str = ""


def mask_name(name: str) -> str:
    """`A**** W******`: first letters only, for paper."""
    return " ".join(w[0] + "*" * (len(w) - 1) if w else "" for w in name.split())


def mask_end(text: str, shown: int = 3) -> str:
    """`*******123`: only the last `shown` characters, nothing of a text no longer than twice that.

    For accounts and phones in exports.
    """
    if len(text) <= 2 * shown:
        return "*" * len(text)
    return "*" * (len(text) - shown) + text[-shown:]


def phone_ends(phone: str) -> str:
    """The last three digits of a phone number, or nothing."""
    digits = "".join(c for c in phone if c.isdigit())
    return digits[-3:] if len(digits) >= 6 else ""
