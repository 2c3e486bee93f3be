"""What the sell page shows before a customer is found, read from the store in one go. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posapp.domain.meter import MeterNumber
from posapp.domain.sale import SOLD_STATES
from posapp.services.slips import pack_name

if TYPE_CHECKING:
    from posapp.ports import FoundMeter, PrintJob, Reader, SaleRecord


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


def tariff_names(reader: Reader) -> tuple[tuple[str, str], ...]:
    """(code, name) of every tariff on this till; one that cannot be read keeps its code."""
    return tuple((code, pack_name(reader, code)) for code in reader.tariff_codes())
