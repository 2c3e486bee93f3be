"""Whether a sale looks like a slip of the hand: the same once more, or far above the usual."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posapp.ports import LastSale

SECOND_SALE_WITHIN = timedelta(minutes=2)
FAR_ABOVE_USUAL = 5  # times the last amount


def doubt(last: LastSale | None, due_minor: int, now: datetime) -> str:
    """The code of the question to ask before this sale, beside the last one; mostly none."""
    if last is None:
        return ""
    if last.amount_minor == due_minor and now - last.at <= SECOND_SALE_WITHIN:
        return "SECOND_SALE"
    if last.amount_minor and due_minor > FAR_ABOVE_USUAL * last.amount_minor:
        return "FAR_ABOVE_USUAL"
    return ""
