"""What the sell page shows before a customer is found, read from the store in one go. No Qt."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posapp.domain.meter import MeterNumber
from posapp.domain.sale import SOLD_STATES, SaleState
from posapp.errors import StoreError
from posapp.services.slips import pack_name

if TYPE_CHECKING:
    from posapp.ports import FoundMeter, PrintJob, Reader, SaleRecord
    from posapp.services.till import Till

log = logging.getLogger("posapp.sale")


@dataclass(frozen=True, slots=True)
class LastSold:
    """The newest sale of this till, with whose it was and what became of its slip."""

    record: SaleRecord
    found: FoundMeter | None
    jobs: tuple[PrintJob, ...] = ()


@dataclass(frozen=True, slots=True)
class Idle:
    """`tariffs` is (code, name)."""

    recent: tuple[FoundMeter, ...]
    last: LastSold | None
    tariffs: tuple[tuple[str, str], ...]


def last_sold(reader: Reader) -> LastSold | None:
    """The newest sale that has a token."""
    record = reader.last_sale()
    if record is None or record.state not in SOLD_STATES:
        return None
    found = reader.meter(MeterNumber(record.intent.meter))
    return LastSold(record, found, reader.print_jobs_of_sale(record.intent.sale_id))


def last_seen(till: Till) -> LastSold | None:
    """The same for the screen: marked as seen first, so that no void comes after it. None also
    where it was taken back just now, or cannot be marked.
    """
    last = till.store.read(last_sold)
    if last is not None and last.record.state is not SaleState.REVEALED:
        try:
            till.sell.revealed(last.record.intent.sale_id)
        except StoreError as error:
            log.info("the last sale is not shown: %s", error.code)
            return None
    return last


def tariff_names(reader: Reader) -> tuple[tuple[str, str], ...]:
    """(code, name) of every tariff on this till; one that cannot be read keeps its code."""
    return tuple((code, pack_name(reader, code)) for code in reader.tariff_codes())
