"""What an X and a Z say, collected inside one transaction or snapshot."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from posapp.domain.commission import CommissionRule, Sold
from posapp.domain.money import Currency
from posapp.domain.operator import Operator
from posapp.domain.shift import CashCount, Shift
from posapp.errors import StoreError
from posapp.journal.cash_facts import NOT_COMPARED, Commission, ModuleCount
from posapp.journal.postings import Account, Booking
from posapp.ports import Reader
from posapp.ports.ledger import PeriodTotals, ZRecord
from posapp.reports.shift_slip import FloatFigures, ShiftFacts
from posapp.services.slips import operator_names, waiting_slips

DOCUMENT_BYTES_MAX = 1 << 20  # unpacked; a slip has some kilobytes


@dataclass(frozen=True, slots=True)
class Closing:
    """What only a Z has: its number, the count, the drawer before it was emptied."""

    number: int
    count: CashCount
    drawer: Mapping[Booking, int]
    module: ModuleCount
    signer: Operator | None
    printed: tuple[int, int]


def shift_facts(
    reader: Reader,
    shift: Shift,
    now: datetime,
    rules: tuple[CommissionRule, ...],
    closing: Closing | None = None,
) -> ShiftFacts:
    """The facts of an X (no `closing`) or a Z, over the journal since the last Z."""
    last, site = reader.last_z(), reader.site()
    after = last.fact.through_seq if last else 0
    through = reader.head().seq
    totals = reader.period(after, through)
    printed = closing.printed if closing else reader.print_counts(shift.number)
    name = operator_names(reader).get(shift.operator_id, str(shift.operator_id))
    return ShiftFacts(
        site=site,
        shift=shift,
        operator_name=name,
        totals=totals,
        drawer=closing.drawer if closing else reader.drawer_parts(shift.number),
        made_at=now,
        chain_code=reader.head().code,
        z_number=closing.number if closing else 0,
        count=closing.count if closing else CashCount(()),
        moves=reader.cash_of_shift(shift.number),
        held=reader.held_sales(),
        float_figures=float_figures(reader, last),
        commissions=earned(totals, site.currency, rules),
        module=closing.module if closing else NOT_COMPARED,
        signed_by=closing.signer.name if closing and closing.signer else "",
        previous_receipt=last.fact.last_receipt if last else 0,
        slips_printed=printed[0],
        copies_printed=printed[1],
        waiting_slips=waiting_slips(reader),
    )


def float_figures(reader: Reader, last: ZRecord | None) -> FloatFigures | None:
    """The vendor's float since the last Z; None before head office gave any."""
    lease = reader.lease()
    if lease is None:
        return None
    authorised = last.fact.authorised_minor if last else 0
    vended = last.fact.vended_minor if last else 0
    return FloatFigures(
        opening_minor=authorised - vended,
        topped_up_minor=lease.authorised_total_minor - authorised,
        sold_minor=reader.vended_total_minor() - vended,
    )


def earned(
    totals: PeriodTotals, unit: Currency, rules: tuple[CommissionRule, ...]
) -> tuple[Commission, ...]:
    """What each rule brings on a stretch; rules that bring nothing are left out."""
    sold = Sold(
        energy_minor=-totals.of(Account.ELECTRICITY),
        gross_minor=totals.gross_minor,
        units_tenths=totals.units_tenths,
        sales=totals.sales,
        free_tokens=totals.free_tokens,
    )
    found = (
        Commission(rule.code, rule.base(sold), str(rule.rate), rule.earned_minor(sold, unit))
        for rule in rules
    )
    return tuple(one for one in found if one.amount_minor)


def unpacked(document: bytes) -> bytes:
    """The bytes of a Z's document. Raises StoreError Z_DAMAGED."""
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(document, DOCUMENT_BYTES_MAX)
    except zlib.error:
        raise StoreError("Z_DAMAGED") from None
    if not inflate.eof:
        raise StoreError("Z_DAMAGED")
    return data
