"""The people of a ceremony: what a PIN must be, and how two of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posapp.codec.signing import SigningKey
from posapp.errors import InputError

# No device guards these files: a stolen one is tried at the thief's leisure, so PINs are long.
PIN_CHARACTERS_MIN, PIN_CHARACTERS_MAX = 8, 128
NAME_CHARACTERS_MAX = 60


@dataclass(frozen=True, slots=True)
class Officer:
    """A person who makes and hands out vending keys. The signing key's repr hides it."""

    name: str
    key: SigningKey


def check_pin(pin: str) -> None:
    """Raise InputError OFFICER_PIN_FORM unless it has 8 to 128 printable characters."""
    if not PIN_CHARACTERS_MIN <= len(pin) <= PIN_CHARACTERS_MAX or not pin.isprintable():
        raise InputError("OFFICER_PIN_FORM", least=PIN_CHARACTERS_MIN)


def check_pins(pins: Sequence[str]) -> None:
    """Also raise InputError OFFICER_PIN_SAME: one person who knows both is one officer."""
    for pin in pins:
        check_pin(pin)
    if len(set(pins)) != len(pins):
        raise InputError("OFFICER_PIN_SAME")


def check_name(name: str) -> str:
    """The name without blanks around it. Raises InputError OFFICER_NAME."""
    cleaned = name.strip()
    if not 1 <= len(cleaned) <= NAME_CHARACTERS_MAX or not cleaned.isprintable():
        raise InputError("OFFICER_NAME")
    return cleaned
