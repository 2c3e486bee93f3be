"""The key each item of an order is made under: after a key-change set, the one it leads to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from posapp.domain.meter import MeterConfiguration
from posapp.journal.facts import SaleIntended, TokenItem


def keys_of(intent: SaleIntended) -> Iterator[tuple[TokenItem, MeterConfiguration]]:
    """The items in their order, each with its key; a set itself is made under the old one."""
    key = intent.configuration
    for item in intent.items:
        yield item, key
        if item.target is not None:
            target = item.target
            key = replace(key, sgc=target.sgc, krn=target.krn, ti=target.ti)
