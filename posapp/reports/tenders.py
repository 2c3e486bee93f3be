"""What came in by each way of paying, change taken off."""

from __future__ import annotations

from collections.abc import Iterable

from posapp.domain.sale import TenderKind
from posapp.ports import SaleRecord


def kept_by_tender(sold: Iterable[SaleRecord]) -> tuple[tuple[TenderKind, int, int], ...]:
    """(kind, sales, kept minor units) of every kind; change was given in cash."""
    counts = dict.fromkeys(TenderKind, 0)
    kept = dict.fromkeys(TenderKind, 0)
    for record in sold:
        intent = record.intent
        for kind in {tender.kind for tender in intent.tenders}:
            counts[kind] += 1
        for tender in intent.tenders:
            kept[tender.kind] += tender.received_minor
        kept[TenderKind.CASH] -= intent.change_minor
    return tuple((kind, counts[kind], kept[kind]) for kind in TenderKind)
