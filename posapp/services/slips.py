"""Collects what a slip says, inside the transaction that stores it."""

from __future__ import annotations

from posapp.domain.meter import MeterNumber
from posapp.errors import InputError
from posapp.ports import PrintState, Reader, SaleRecord
from posapp.pricing.explain import Reason, compare
from posapp.reports.receipt import ReceiptFacts, build_receipt
from posapp.services.packs import parsed_pack
from posapp.services.quote import REASONS_MAX, breakdown
from posapp.services.situation import debts_left

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


def earlier_sale(reader: Reader, meter: str) -> SaleRecord | None:
    """The newest sale to a meter; ask before the outcome is written."""
    return reader.last_sale_of(MeterNumber(meter))


def receipt_of(
    reader: Reader, record: SaleRecord, *, certified: bool, earlier: SaleRecord | None
) -> tuple[str, bytes]:
    """Title and document of an issued sale's slip. `reader` is the outcome's own transaction."""
    intent = record.intent
    meter = MeterNumber(intent.meter)
    found = reader.meter(meter)
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
        last_purchase=None if earlier is None else site.local(earlier.at).date(),
        debts=tuple((d.account, d.balance_minor) for d in debts_left(reader, meter)),
        reasons=() if earlier is None else why_other_units(earlier, record),
        has_account=bool(found and found.customer and found.customer.account),
    )
    document = build_receipt(facts)
    return document.title, document.to_bytes()


def why_other_units(earlier: SaleRecord, now: SaleRecord) -> tuple[Reason, ...]:
    """Why a sale brought fewer or more units than the one before it to the same meter."""
    return compare(breakdown(earlier), breakdown(now))[:REASONS_MAX]


def operator_names(reader: Reader) -> dict[int, str]:
    """Names by number, for paper."""
    return {r.operator.operator_id: r.operator.name for r in reader.operators()}


def _tariff_name(reader: Reader, reference: str) -> str:
    code = reference.partition("@")[0]
    return pack_name(reader, code)


def pack_name(reader: Reader, code: str) -> str:
    """The name of a tariff, or its code when the pack of now cannot be read here."""
    for text in reader.tariff_packs(code):
        try:
            return parsed_pack(text, code).name
        except InputError:
            continue
    return code
