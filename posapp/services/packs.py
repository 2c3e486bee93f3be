"""Tariff packs are read from the store as text, parsed once and proven once on this machine."""

from __future__ import annotations

from functools import lru_cache

from posapp.errors import InputError
from posapp.pricing.pack import TariffPack, check_pack, load_pack


@lru_cache(maxsize=64)
def parsed_pack(text: str, name: str) -> TariffPack:
    """The pack of a TOML text, whose own examples come out right here too.

    Raises InputError TARIFF_INVALID, TARIFF_EXAMPLE(file, example).
    """
    pack = load_pack(text, name)
    for outcome in check_pack(pack):
        if not outcome.passed:
            raise InputError("TARIFF_EXAMPLE", file=name, example=outcome.name)
    return pack
