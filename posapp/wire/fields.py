"""Reads maps with integer keys that came over a line: every field has a type and a limit.

Used by every message and feed body here; what does not fit is InputError MESSAGE_INVALID.
"""

from __future__ import annotations

from typing import Any

from posapp.errors import InputError

INT_MAX = (1 << 63) - 1  # what a database column and every other language can hold
TEXT_MAX = 200


def bad(field: object) -> InputError:
    """The error of a field that is missing, of another type, or out of range."""
    return InputError("MESSAGE_INVALID", field=field)


class Fields:
    """A checked view of one map. Unknown keys are ignored: a newer sender may have more."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict) or not all(type(key) is int for key in value):
            raise bad("map")
        self._map: dict[int, Any] = value

    def integer(
        self, key: int, low: int = 0, high: int = INT_MAX, default: int | None = None
    ) -> int:
        """An integer in [low, high]; `default` when it is left out."""
        value = self._map.get(key, default)
        if type(value) is not int or not low <= value <= high:
            raise bad(key)
        return value

    def text(self, key: int, limit: int = TEXT_MAX, default: str | None = None) -> str:
        """A string of at most `limit` characters."""
        value = self._map.get(key, default)
        if not isinstance(value, str) or len(value) > limit:
            raise bad(key)
        return value

    def data(
        self, key: int, *, length: int = 0, limit: int = 0, default: bytes | None = None
    ) -> bytes:
        """Bytes of exactly `length`, or of at most `limit`."""
        value = self._map.get(key, default)
        if not isinstance(value, bytes):
            raise bad(key)
        if (length and len(value) != length) or (limit and len(value) > limit):
            raise bad(key)
        return value

    def boolean(self, key: int) -> bool:
        """True or false; false when it is left out."""
        value = self._map.get(key, False)
        if not isinstance(value, bool):
            raise bad(key)
        return value

    def items(self, key: int, limit: int) -> list[Any]:
        """A list of at most `limit` items; empty when it is left out."""
        value = self._map.get(key, [])
        if not isinstance(value, list) or len(value) > limit:
            raise bad(key)
        return value

    def mapping(self, key: int) -> dict[int, Any]:
        """A map with integer keys inside this one, as it is."""
        return self.nested(key)._map

    def nested(self, key: int) -> Fields:
        """A map inside this one."""
        return Fields(self._map.get(key))


def without(body: dict[int, Any], usual: dict[int, Any]) -> dict[int, Any]:
    """The body less the fields that have their usual value."""
    return {key: value for key, value in body.items() if usual.get(key, body) != value}
