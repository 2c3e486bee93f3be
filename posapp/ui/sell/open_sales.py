"""Sales that were cut short: what the store knows of them now, and which is told first. No Qt.

The till asks the module by itself, so the screen follows each sale by its id until it ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from posapp.domain.sale import OPEN_STATES, SOLD_STATES
from posapp.errors import ModuleError, Outcome, PosError, SaleError
from posapp.services.recover import Recovery

if TYPE_CHECKING:
    from posapp.ports import Reader, SaleRecord


def surely_not_sold(error: PosError) -> bool:
    """Whether the service itself said that there is no token; anything else is not known."""
    known = isinstance(error, SaleError | ModuleError)
    return known and getattr(error, "outcome", None) is Outcome.NOT_EXECUTED


def not_known(error: PosError, meter: str, amount_minor: int) -> SaleError:
    """What is told of a sale whose outcome nobody knows; the service's own parameters count."""
    params: dict[str, object] = {"meter": meter, "amount_minor": amount_minor}
    params |= {name: error.params[name] for name in ("receipt", *params) if name in error.params}
    return SaleError("OUTCOME_UNKNOWN", outcome=Outcome.UNKNOWN, cause=error.code, **params)


def is_not_known(failure: PosError | None) -> bool:
    """Whether a failure says that an outcome is not known; nothing may hide that."""
    return getattr(failure, "outcome", None) is Outcome.UNKNOWN


def tells_of(failure: PosError | None, records: Iterable[SaleRecord]) -> bool:
    """Whether a failure says that the outcome of one of these sales is not known."""
    if failure is None or not is_not_known(failure):
        return False
    return failure.params.get("receipt") in {record.intent.receipt for record in records}


def interrupted(reader: Reader, told: SaleError, since: datetime) -> SaleRecord | None:
    """The sale that an error tells of: by its receipt, or what was begun for it since then."""
    receipt = told.params.get("receipt")
    if isinstance(receipt, int):
        return reader.sale_by_receipt(receipt)
    last = reader.last_sale()
    wanted = (told.params["meter"], told.params["amount_minor"])
    begun = reader.open_sales() if last is None else (*reader.open_sales(), last)
    for record in begun:
        intent = record.intent
        if (intent.meter, intent.amount_minor) == wanted and record.at >= since:
            return record
    return None


def of_receipt(reader: Reader, receipt: object) -> tuple[SaleRecord, ...]:
    """The sale with this number, if there is one."""
    record = reader.sale_by_receipt(receipt) if isinstance(receipt, int) else None
    return (record,) if record is not None else ()


def of_ids(reader: Reader, ids: Iterable[bytes]) -> tuple[SaleRecord, ...]:
    """These sales as they are now."""
    found = (reader.sale(sale_id) for sale_id in ids)
    return tuple(record for record in found if record is not None)


def learned(before: Recovery | None, records: Iterable[SaleRecord]) -> Recovery | None:
    """What is known after the store or the module was asked; None when there is nothing."""
    old = (*before.resolved, *before.unresolved) if before else ()
    known = {record.intent.sale_id: record for record in (*old, *records)}
    ended = tuple(r for r in known.values() if r.state not in OPEN_STATES)
    still_open = tuple(r for r in known.values() if r.state in OPEN_STATES)
    return Recovery(ended, still_open) if known else None


def told_first(recovery: Recovery | None) -> SaleRecord | None:
    """Money that goes back, then a token that was made, then what is not known yet."""
    if recovery is None:
        return None
    ended = sorted(recovery.resolved, key=lambda record: record.state in SOLD_STATES)
    return next(iter((*ended, *recovery.unresolved)), None)


def read(recovery: Recovery | None) -> Recovery | None:
    """A person read what was told first; an open sale stays."""
    first = told_first(recovery)
    if recovery is None or first is None:
        return None
    left = tuple(record for record in recovery.resolved if record is not first)
    return Recovery(left, recovery.unresolved) if left or recovery.unresolved else None
