"""One business day in integers, from the store's rows; `daily_sales.py` puts it on paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from posapp.domain.cash import CashKind
from posapp.domain.lease import Lease
from posapp.domain.sale import (
    OPEN_STATES,
    SOLD_STATES,
    LineKind,
    SaleKind,
    SaleState,
    TenderKind,
)
from posapp.domain.shift import Shift
from posapp.domain.site import Site
from posapp.journal.postings import Booking, tax_code
from posapp.ports import SaleRecord
from posapp.ports.ledger import CashRecord, ZRecord
from posapp.reports.tenders import kept_by_tender


@dataclass(frozen=True, slots=True)
class TariffRow:
    """What one tariff sold. `lines` holds minor units by kind of line, in LineKind's order."""

    tariff: str
    name: str
    sales: int
    units_tenths: int
    lines: tuple[int, ...]

    def of(self, kind: LineKind) -> int:
        """Minor units of one kind of line."""
        return self.lines[list(LineKind).index(kind)]

    @property
    def gross_minor(self) -> int:
        return sum(self.lines)


@dataclass(frozen=True, slots=True)
class TenderRow:
    """What came in one way; `kept_minor` has the change taken off."""

    kind: TenderKind
    sales: int
    kept_minor: int


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """The day's part of a shift. Expected and counted are None while it is open.

    `whole` says that the shift began and ended on this date, so that its cash can be checked.
    """

    number: int
    operator_name: str
    sales: int
    gross_minor: int
    opening_minor: int
    cash_minor: int
    expected_minor: int | None
    counted_minor: int | None
    reason: str
    whole: bool
    moves: tuple[tuple[CashKind, int, int], ...] = ()
    z_number: int = 0

    @property
    def moved_minor(self) -> int:
        """What went into the drawer less what came out of it, without sales."""
        return sum(amount if kind is CashKind.IN else -amount for kind, _, amount in self.moves)

    @property
    def variance_minor(self) -> int | None:
        """Counted less expected."""
        if self.counted_minor is None or self.expected_minor is None:
            return None
        return self.counted_minor - self.expected_minor


@dataclass(frozen=True, slots=True)
class TypeRow:
    """Sold sales of one kind; free units come with sales and free issues."""

    kind: SaleKind
    sales: int
    amount_minor: int
    free_tenths: int


@dataclass(frozen=True, slots=True)
class CollectedRow:
    """What was collected under one charge, debt, levy or tax code, and from how many sales."""

    kind: LineKind
    code: str
    sales: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class FloatRow:
    """The vendor's float as the lease and the sales leave it, in minor units."""

    authorised_minor: int
    sold_before_minor: int
    sold_today_minor: int
    held_minor: int
    available_minor: int
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """A sum that must hold: its words' key, whether it does, and the two sides."""

    key: str
    holds: bool
    sides: tuple[int, ...]
    money: bool = True


@dataclass(frozen=True, slots=True)
class DailyFacts:
    """Everything the daily report says; integers only, nothing is summed on paper."""

    site: Site
    business_date: date
    made_at: datetime
    chain_code: str
    first_sale_at: datetime | None
    last_sale_at: datetime | None
    first_receipt: int
    last_receipt: int
    issued: int
    refused: int
    cancelled: int
    unfinished: int
    gaps: int
    tokens_intended: int
    tokens_made: int
    tariffs: tuple[TariffRow, ...]
    tenders: tuple[TenderRow, ...]
    shifts: tuple[ShiftRow, ...]
    float_row: FloatRow | None
    identities: tuple[Identity, ...]
    copies: int = 0
    unconfirmed_slips: int = 0
    waiting_entries: int = 0
    clock_corrections: int = 0
    language: str = "en"
    z_numbers: tuple[int, ...] = ()
    types: tuple[TypeRow, ...] = ()
    collected: tuple[CollectedRow, ...] = ()
    explained: tuple[tuple[int, str], ...] = ()
    late: tuple[int, int] = (0, 0)
    module: tuple[int, int] | None = None
    orphans: int = 0
    commission_minor: int = 0
    overrides: int = 0
    held_minor: int = 0

    @property
    def abandoned(self) -> int:
        """Receipt numbers that ended without a token."""
        return self.refused + self.cancelled

    @property
    def gross_minor(self) -> int:
        return sum(row.gross_minor for row in self.tariffs)

    @property
    def units_tenths(self) -> int:
        return sum(row.units_tenths for row in self.tariffs)

    @property
    def variance_minor(self) -> int:
        """Over (+) or short (-) of all closed shifts together."""
        return sum(row.variance_minor or 0 for row in self.shifts)

    @property
    def all_hold(self) -> bool:
        """Whether every identity holds."""
        return all(identity.holds for identity in self.identities)


def facts_from(
    site: Site,
    business_date: date,
    sales: Iterable[SaleRecord],
    shifts: Sequence[Shift],
    *,
    made_at: datetime,
    chain_code: str,
    operator_names: Mapping[int, str],
    tariff_names: Mapping[str, str] | None = None,
    lease: Lease | None = None,
    vended_total_minor: int = 0,
    copies: int = 0,
    unconfirmed_slips: int = 0,
    waiting_entries: int = 0,
    clock_corrections: int = 0,
    language: str = "en",
    drawers: Mapping[int, Mapping[Booking, int]] | None = None,
    moves: Sequence[CashRecord] = (),
    zs: Sequence[ZRecord] = (),
    late: Sequence[SaleRecord] = (),
    overrides: int = 0,
) -> DailyFacts:
    """Sum a business date from its sales (all states) and the shifts they belong to.

    `drawers` are shifts' cash by kind of booking as the ledger has it, `late` sales of earlier
    days whose token came on this one; `moves` and `zs` are the day's. `vended_total_minor` is the
    store's running total, open sales included; `tariff_names` maps a tariff's code to its name.
    Works in integers; one pass over `sales`.
    """
    records = list(sales)
    sold = [record for record in records if record.state in SOLD_STATES]
    states, receipts = Counter(r.state for r in records), sorted(r.intent.receipt for r in records)
    tariffs = _by_tariff(sold, tariff_names or {})
    tenders = tuple(TenderRow(*row) for row in kept_by_tender(sold))
    plain = (_shift_row(site, business_date, shift, sold, operator_names) for shift in shifts)
    rows = tuple(_with_ledger(row, drawers or {}, moves, zs) for row in plain)
    open_minor = _amount(r for r in records if r.state in OPEN_STATES)
    float_row = _float(lease, vended_total_minor, _amount(sold), open_minor)
    first, last = (*receipts[:1], *receipts[-1:]) or (0, 0)
    facts = DailyFacts(
        site=site,
        business_date=business_date,
        made_at=made_at,
        chain_code=chain_code,
        first_sale_at=min((record.at for record in sold), default=None),
        last_sale_at=max((record.at for record in sold), default=None),
        first_receipt=first,
        last_receipt=last,
        issued=len(sold),
        refused=states[SaleState.REFUSED],
        cancelled=states[SaleState.CANCELLED],
        unfinished=sum(states[state] for state in OPEN_STATES),
        gaps=last - first + bool(receipts) - len(set(receipts)),
        tokens_intended=sum(len(record.intent.items_by_token) for record in sold),
        tokens_made=sum(len(record.tokens) for record in sold),
        tariffs=tariffs,
        tenders=tenders,
        shifts=rows,
        float_row=float_row,
        identities=_identities(sold, records, tariffs, tenders, rows, float_row),
        copies=copies,
        unconfirmed_slips=unconfirmed_slips,
        waiting_entries=waiting_entries,
        clock_corrections=clock_corrections,
        language=language,
        overrides=overrides,
        held_minor=open_minor,
    )
    return _explained(facts, records, sold, zs, late)


def _amount(records: Iterable[SaleRecord]) -> int:
    return sum(record.intent.amount_minor for record in records)


def _explained(
    facts: DailyFacts,
    records: Sequence[SaleRecord],
    sold: Sequence[SaleRecord],
    zs: Sequence[ZRecord],
    late: Sequence[SaleRecord],
) -> DailyFacts:
    """With kinds and codes of what was sold, the reason of each abandoned receipt, what the Zs
    say, and the module's book where it was compared.
    """
    facts = replace(
        facts,
        z_numbers=tuple(z.fact.number for z in zs),
        types=_types(sold),
        collected=_collected(sold),
        late=(len(late), sum(record.intent.amount_minor for record in late)),
        commission_minor=sum(c.amount_minor for z in zs for c in z.fact.commissions),
    )
    ended = (SaleState.REFUSED, SaleState.CANCELLED)
    told = tuple((r.intent.receipt, r.ended_reason) for r in records if r.state in ended)
    counts = [z.fact.module for z in zs if z.fact.module.compared]
    if not counts:
        return replace(facts, explained=told)
    made, ours = sum(c.module_tokens for c in counts), sum(c.ledger_tokens for c in counts)
    same = Identity("daily.check_module", made == ours, (made,), money=False)
    return replace(
        facts,
        explained=told,
        module=(made, ours),
        orphans=sum(len(count.orphans) for count in counts),
        identities=(*facts.identities, same),
    )


def _types(sold: Sequence[SaleRecord]) -> tuple[TypeRow, ...]:
    found = []
    for kind in SaleKind:
        own = [record.intent for record in sold if record.intent.kind is kind]
        if own:
            amount = sum(sale.amount_minor for sale in own)
            found.append(TypeRow(kind, len(own), amount, sum(s.free_tenths for s in own)))
    return tuple(found)


def _collected(sold: Sequence[SaleRecord]) -> tuple[CollectedRow, ...]:
    """Charges, arrears, payments, levies and taxes by code; a tax with its rate."""
    sums: dict[tuple[LineKind, str], list[int]] = {}
    for record in sold:
        for line in record.intent.lines:
            if line.kind not in (LineKind.ENERGY, LineKind.ROUNDING):
                code = tax_code(line) if line.kind is LineKind.TAX else line.code
                one = sums.setdefault((line.kind, code), [0, 0])
                one[0] += 1
                one[1] += line.amount_minor
    return tuple(CollectedRow(*key, *sums[key]) for key in sorted(sums))


def _with_ledger(
    row: ShiftRow,
    drawers: Mapping[int, Mapping[Booking, int]],
    moves: Sequence[CashRecord],
    zs: Sequence[ZRecord],
) -> ShiftRow:
    """The shift's cash as the ledger has it, its movements and its Z."""
    drawer = drawers.get(row.number)
    cash = row.cash_minor
    if drawer is not None:
        others = (Booking.OPENING, Booking.CASH, Booking.CLOSING)
        cash = sum(amount for kind, amount in drawer.items() if kind not in others)
    own = [m.fact for m in moves if m.fact.shift == row.number]
    told = []
    for kind in CashKind:
        amounts = [fact.amount_minor for fact in own if fact.kind is kind]
        if amounts:
            told.append((kind, len(amounts), sum(amounts)))
    number = next((z.fact.number for z in zs if z.fact.shift == row.number), 0)
    return replace(row, cash_minor=cash, moves=tuple(told), z_number=number)


def _by_tariff(sold: Sequence[SaleRecord], names: Mapping[str, str]) -> tuple[TariffRow, ...]:
    kinds = list(LineKind)
    lines: dict[str, list[int]] = {}
    sales: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for record in sold:
        code = record.intent.tariff.partition("@")[0]
        sums = lines.setdefault(code, [0] * len(kinds))
        for line in record.intent.lines:
            sums[kinds.index(line.kind)] += line.amount_minor
        sales[code] += 1
        units[code] += record.intent.units_tenths
    return tuple(
        TariffRow(code, names.get(code, code), sales[code], units[code], tuple(lines[code]))
        for code in sorted(lines)
    )


def _shift_row(
    site: Site,
    day: date,
    shift: Shift,
    sold: Sequence[SaleRecord],
    names: Mapping[int, str],
) -> ShiftRow:
    own = [record for record in sold if record.intent.shift == shift.number]
    cash = sum(kept for kind, _, kept in kept_by_tender(own) if kind is TenderKind.CASH)
    ends = (shift.opened_at, shift.closed_at or shift.opened_at)
    return ShiftRow(
        number=shift.number,
        operator_name=names.get(shift.operator_id, str(shift.operator_id)),
        sales=len(own),
        gross_minor=sum(record.intent.amount_minor for record in own),
        opening_minor=shift.opening_minor,
        cash_minor=cash,
        expected_minor=shift.expected_minor,
        counted_minor=shift.counted_minor,
        reason=shift.variance_reason,
        whole=all(site.business_date(moment) == day for moment in ends),
    )


def _float(lease: Lease | None, vended: int, sold: int, held: int) -> FloatRow | None:
    if lease is None:
        return None
    return FloatRow(
        authorised_minor=lease.authorised_total_minor,
        sold_before_minor=vended - sold - held,
        sold_today_minor=sold,
        held_minor=held,
        available_minor=lease.authorised_total_minor - vended,
        valid_until=lease.valid_until,
    )


def _identities(
    sold: Sequence[SaleRecord],
    records: Sequence[SaleRecord],
    tariffs: Sequence[TariffRow],
    tenders: Sequence[TenderRow],
    shifts: Sequence[ShiftRow],
    float_row: FloatRow | None,
) -> tuple[Identity, ...]:
    lines = sum(line.amount_minor for record in sold for line in record.intent.lines)
    received = sum(record.intent.received_minor for record in sold)
    change = sum(record.intent.change_minor for record in sold)
    change_fits = all(0 <= r.intent.change_minor <= _cash_in(r) for r in sold)
    by_tariff = sum(row.gross_minor for row in tariffs)
    by_tender = sum(row.kept_minor for row in tenders)
    by_shift = sum(row.gross_minor for row in shifts)
    closed = [row for row in shifts if row.whole and row.expected_minor is not None]
    expected = sum(row.expected_minor or 0 for row in closed)
    drawer = sum(row.opening_minor + row.cash_minor + row.moved_minor for row in closed)
    drawers_fit = all(
        r.opening_minor + r.cash_minor + r.moved_minor == r.expected_minor for r in closed
    )
    receipts = [record.intent.receipt for record in records]
    span = max(receipts) - min(receipts) + 1 if receipts else 0
    intended = sum(len(record.intent.items_by_token) for record in sold)
    made = sum(len(record.tokens) for record in sold)
    found = [
        Identity("daily.check_lines", lines == received - change and change_fits, (lines,)),
        Identity("daily.check_sums", by_tariff == by_tender == by_shift, (by_tariff,)),
        Identity("daily.check_cash", drawers_fit and expected == drawer, (expected,)),
    ]
    if float_row is not None:
        left = float_row.authorised_minor - float_row.sold_before_minor
        left -= float_row.sold_today_minor + float_row.held_minor
        whole = float_row.sold_before_minor >= 0 and float_row.available_minor >= 0
        fits = left == float_row.available_minor and whole
        found.append(Identity("daily.check_float", fits, (float_row.available_minor,)))
    ended = len(records) - len(sold)
    numbers = (span, len(sold), ended)
    fits = span == len(set(receipts)) == len(records)
    found.append(Identity("daily.check_receipts", fits, numbers, money=False))
    found.append(Identity("daily.check_tokens", made == intended, (made,), money=False))
    return tuple(found)


def _cash_in(record: SaleRecord) -> int:
    tenders = record.intent.tenders
    return sum(tender.received_minor for tender in tenders if tender.kind is TenderKind.CASH)
