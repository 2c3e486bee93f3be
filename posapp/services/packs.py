"""Tariff packs are read from the store as text and parsed once."""

from __future__ import annotations

from functools import lru_cache

from posapp.pricing.pack import TariffPack, load_pack


@lru_cache(maxsize=64)
def parsed_pack(text: str, name: str) -> TariffPack:
    """The pack of a TOML text. Raises InputError TARIFF_INVALID."""
    return load_pack(text, name)
