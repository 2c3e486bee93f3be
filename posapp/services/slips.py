"""Collects what a slip says, inside the transaction that stores it."""

from __future__ import annotations

from datetime import date

from posapp.domain.meter import MeterNumber
from posapp.domain.shift import CashCount, Shift
from posapp.errors import InputError
from posapp.ports import PrintState, Reader, SaleRecord
from posapp.reports.receipt import ReceiptFacts, build_receipt
from posapp.reports.shift_slip import build_shift_slip, shift_facts
from posapp.services.packs import parsed_pack

PAGE = 500
UNPRINTED = (
    PrintState.QUEUED,
    PrintState.SENDING,
    PrintState.SENT,
    PrintState.HELD,
    PrintState.UNCERTAIN,
)
UNPRINTED_MAX = 1000
COPY_QUEUED = "COPY_QUEUED"  # the spooler's word for: a copy in the queue stands for this slip


def waiting_slips(reader: Reader) -> int:
    """Slips that have not come out yet, each counted once."""
    jobs = reader.print_jobs(UNPRINTED, UNPRINTED_MAX)
    return sum(1 for job in jobs if job.held != COPY_QUEUED)


def last_purchase(reader: Reader, meter: str) -> date | None:
    """The local date of the newest sale to a meter; ask before the outcome is written."""
    found = reader.meter(MeterNumber(meter))
    if found is None or found.last_sale is None:
        return None
    return reader.site().local(found.last_sale.at).date()


def receipt_of(
    reader: Reader, record: SaleRecord, *, certified: bool, last: date | None
) -> tuple[str, bytes]:
    """Title and document of an issued sale's slip. `reader` is the outcome's own transaction."""
    intent = record.intent
    found = reader.meter(MeterNumber(intent.meter))
    site = reader.site()
    facts = ReceiptFacts(
        site=site,
        sale=intent,
        tokens=record.tokens,
        at=record.at,
        operator_name=operator_names(reader).get(intent.operator_id, str(intent.operator_id)),
        tariff_name=_tariff_name(reader, intent.tariff),
        chain_code=reader.head().code,
        certified=certified,
        last_purchase=last,
        has_account=bool(found and found.customer and found.customer.account),
    )
    document = build_receipt(facts)
    return document.title, document.to_bytes()


def shift_slip_of(
    reader: Reader, shift: Shift, count: CashCount, printed: int, copies: int
) -> tuple[str, bytes]:
    """Title and document of a closed shift's slip; `printed` and `copies` as in the journal."""
    facts = shift_facts(
        reader.site(),
        shift,
        operator_names(reader).get(shift.operator_id, str(shift.operator_id)),
        count,
        sales_of(reader, shift),
        chain_code=reader.head().code,
        slips_printed=printed,
        copies_printed=copies,
        waiting_slips=waiting_slips(reader),
    )
    document = build_shift_slip(facts)
    return document.title, document.to_bytes()


def sales_of(reader: Reader, shift: Shift) -> list[SaleRecord]:
    """All sales of a shift, read page by page."""
    records: list[SaleRecord] = []
    while True:
        after = records[-1].intent_seq if records else 0
        page = reader.sales_of_shift(shift.number, PAGE, after)
        records.extend(page)
        if len(page) < PAGE:
            return records


def operator_names(reader: Reader) -> dict[int, str]:
    """Names by number, for paper."""
    return {r.operator.operator_id: r.operator.name for r in reader.operators()}


def _tariff_name(reader: Reader, reference: str) -> str:
    code = reference.partition("@")[0]
    return pack_name(reader, code)


def pack_name(reader: Reader, code: str) -> str:
    """The name of a tariff, or its code when the pack of now cannot be read here."""
    text = reader.tariff_pack(code)
    try:
        return parsed_pack(text, code).name if text else code
    except InputError:
        return code
