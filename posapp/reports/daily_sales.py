"""The daily sales report: one A4 page for the file, one slip for the drawer.

Both are made of the same `DailyFacts`; nothing is added up here.
"""

from __future__ import annotations

from functools import partial

from posapp.domain.cash import CashKind
from posapp.domain.energy import units_text
from posapp.domain.ids import ReceiptNumber
from posapp.domain.money import amount_text, money_text
from posapp.domain.sale import LineKind
from posapp.reports.daily_facts import DailyFacts, Identity, ShiftRow, TariffRow, facts_from
from posapp.reports.document import (
    Align,
    Block,
    Check,
    Column,
    Cut,
    Document,
    Figure,
    Figures,
    Foot,
    Heading,
    KeyValue,
    Pair,
    Row,
    Rule,
    RuleStyle,
    Section,
    Signatures,
    Table,
    Text,
    literal,
)
from posapp.reports.ended import why_no_token
from posapp.reports.texts import (
    clock_text,
    date_text,
    long_date_text,
    tender_kind_text,
    time_text,
)
from posapp.reports.words import Words, words

EXPLAINED_MAX = 4  # abandoned receipts told one by one; the Z and the JSON have them all

__all__ = ["DailyFacts", "build_daily", "build_daily_slip", "facts_from"]


def build_daily(facts: DailyFacts) -> Document:
    """The A4 report; one page for a usual day."""
    say = words(facts.language)
    control = (Section(say("daily.control"), tuple(_control(facts, say))),)
    tokens = (
        Section(say("daily.tokens"), (_tokens(facts, say),)),
        Section(say("daily.collected"), tuple(_collected(facts, say))),
    )
    types = (Section(say("daily.by_type"), tuple(_types(facts, say))),)
    tenders = (Section(say("daily.by_tender"), (_tenders(facts, say),)),)
    left = (
        Section(say("daily.float"), tuple(_float(facts, say))),
        Section(say("daily.exceptions"), tuple(_exceptions(facts, say))),
    )
    right = (Section(say("daily.identities"), tuple(_identities(facts, say))),)
    blocks: tuple[Block, ...] = (
        _heading(facts, say),
        _figures(facts, say),
        Pair(control, tokens),
        Section(say("daily.by_tariff"), (_tariffs(facts, say),)),
        Pair(types, tenders),
        Section(
            say("daily.by_shift"), (_shifts(facts, say), *_reasons(facts, say), *_moves(facts, say))
        ),
        Pair(left, right),
        _sign(facts, say),
        _page_foot(facts, say),
    )
    return Document("daily", _title(facts, say), say.language, facts.site.zone, blocks)


def build_daily_slip(facts: DailyFacts) -> Document:
    """The same day on a slip: sections A, C, D, E, G and the identities."""
    say = words(facts.language)
    site = facts.site
    money = partial(amount_text, unit=site.currency)
    blocks: list[Block] = [
        Text(literal(site.utility).upper(), Align.CENTER, bold=True, size=2),
        Text(f"{literal(site.vendor)}, {literal(site.vendor_address)}", Align.CENTER),
        Rule(),
        KeyValue(say("daily.slip_title"), date_text(facts.business_date), bold=True),
        KeyValue(f"{literal(site.till_name)} {site.till_code}", _made_short(facts)),
        Rule(),
        KeyValue(say("daily.sales"), str(facts.issued)),
        KeyValue(say("daily.units_paid"), units_text(facts.units_tenths)),
        KeyValue(_sold_label(facts, say), money(facts.gross_minor), bold=True),
        *_slip_part(say("daily.control"), _control(facts, say)),
        *_slip_part(say("daily.by_tariff"), _slip_tariffs(facts, say)),
        *_slip_part(say("daily.by_type"), _types(facts, say)),
        *_slip_part(say("daily.by_tender"), _slip_tenders(facts, say)),
        Rule(),
        Text(say("daily.by_shift"), bold=True),
    ]
    for row in facts.shifts:
        blocks += _slip_shift(facts, row, say)
    blocks += _moves(facts, say)
    blocks += _slip_part(say("daily.float"), _float(facts, say))
    blocks += _slip_part(say("daily.exceptions"), _exceptions(facts, say))
    blocks += _slip_part(say("daily.identities"), _identities(facts, say))
    labels = (_cashier(facts, say), say("daily.sign_supervisor"))
    chain = say("receipt.chain", code=literal(facts.chain_code))
    blocks += [Rule(), Signatures(labels), Text(chain, Align.CENTER), Cut()]
    return Document("daily", _title(facts, say), say.language, site.zone, tuple(blocks))


# ---------------------------------------------------------------- head and figures


def _title(facts: DailyFacts, say: Words) -> str:
    return f"{say('daily.title')} {date_text(facts.business_date)}"


def _sold_label(facts: DailyFacts, say: Words) -> str:
    return say("daily.sold", currency=facts.site.currency.symbol)


def _made_short(facts: DailyFacts) -> str:
    return time_text(facts.made_at, facts.site.zone)


def _heading(facts: DailyFacts, say: Words) -> Heading:
    site = facts.site
    day = long_date_text(facts.business_date, say)
    if facts.first_sale_at is None or facts.last_sale_at is None:
        subtitle = say("daily.no_sales", date=day)
    else:
        first = clock_text(facts.first_sale_at, site.zone)
        last = clock_text(facts.last_sale_at, site.zone)
        subtitle = say("daily.between", date=day, first=first, last=last)
    shifts = ", ".join(_shift_name(row) for row in facts.shifts)
    note = say(
        "daily.place" if shifts else "daily.place_no_shift",
        utility=literal(site.utility),
        vendor=literal(site.vendor),
        address=literal(site.vendor_address),
        till=literal(site.till_name),
        shifts=shifts,
    )
    waiting = say("daily.waiting", count=facts.waiting_entries, clock=facts.clock_corrections)
    made = say("daily.made", time=_made_short(facts))
    return Heading(say("daily.title"), subtitle, note, site.till_code, (made, waiting))


def _shift_name(row: ShiftRow) -> str:
    return f"{row.number} (Z {row.z_number})" if row.z_number else str(row.number)


def _figures(facts: DailyFacts, say: Words) -> Figures:
    money = partial(amount_text, unit=facts.site.currency)
    return Figures(
        (
            Figure(_sold_label(facts, say), money(facts.gross_minor)),
            Figure(say("daily.units_paid"), units_text(facts.units_tenths)),
            Figure(say("daily.sales"), f"{facts.issued:,}"),
            Figure(_average_label(facts, say), _average(facts.gross_minor, facts)),
            Figure(say("daily.variance"), money(facts.variance_minor)),
        )
    )


def _average_label(facts: DailyFacts, say: Words) -> str:
    return say("daily.average", currency=facts.site.currency.symbol)


def _average(gross_minor: int, facts: DailyFacts, units_tenths: int | None = None) -> str:
    """Minor units per kWh, half up, in integers; a dash where nothing was sold."""
    units = facts.units_tenths if units_tenths is None else units_tenths
    if units == 0:
        return "-"
    return amount_text((gross_minor * 20 + units) // (2 * units), facts.site.currency)


# ---------------------------------------------------------------- sections


def _control(facts: DailyFacts, say: Words) -> list[Block]:
    code = facts.site.till_code
    first = str(ReceiptNumber(code, facts.first_receipt)) if facts.first_receipt else "-"
    last = str(ReceiptNumber(code, facts.last_receipt)) if facts.last_receipt else "-"
    blocks: list[Block] = [
        KeyValue(say("daily.first_receipt"), first),
        KeyValue(say("daily.last_receipt"), last),
        KeyValue(say("daily.issued"), f"{facts.issued:,}"),
        KeyValue(say("daily.abandoned"), str(facts.abandoned)),
    ]
    if facts.unfinished:
        blocks.append(KeyValue(say("daily.unfinished"), str(facts.unfinished), bold=True))
    blocks.append(KeyValue(say("daily.gaps"), str(facts.gaps), bold=True))
    blocks.append(KeyValue(say("daily.copies"), str(facts.copies)))
    for number, reason in facts.explained[:EXPLAINED_MAX]:
        blocks.append(KeyValue(f"  {ReceiptNumber(code, number)}", why_no_token(reason, say)))
    if len(facts.explained) > EXPLAINED_MAX:
        more = say("shift.more", count=len(facts.explained) - EXPLAINED_MAX)
        blocks.append(Text(f"  {more}"))
    return blocks


def _tokens(facts: DailyFacts, say: Words) -> Table:
    titles = ("daily.kind", "daily.sold_tokens", "daily.made_tokens", "daily.difference")
    numbers = (facts.tokens_intended, facts.tokens_made)
    cells = tuple(f"{n:,}" for n in (*numbers, numbers[0] - numbers[1]))
    rows = [Row((say("daily.credit"), *cells)), Row((say("daily.all"), *cells), total=True)]
    if facts.module is not None:
        made, ours = facts.module
        counted = (f"{ours:,}", f"{made:,}", f"{ours - made:,}")
        rows.append(Row((say("daily.module_book"), *counted)))
    return Table(_columns(say, titles), tuple(rows))


def _columns(say: Words, titles: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(
        Column(say(key), Align.RIGHT if place else Align.LEFT) for place, key in enumerate(titles)
    )


_TARIFF_LINES = (
    ("daily.energy", LineKind.ENERGY),
    ("daily.levy", LineKind.LEVY),
    ("daily.fee", LineKind.FEE),
    ("daily.tax", LineKind.TAX),
    ("daily.arrears", LineKind.ARREARS),
    ("daily.rounding", LineKind.ROUNDING),
)


def _tariffs(facts: DailyFacts, say: Words) -> Table:
    money = partial(amount_text, unit=facts.site.currency)
    used = [
        (key, kind)
        for key, kind in _TARIFF_LINES
        if kind is LineKind.ENERGY or any(row.of(kind) for row in facts.tariffs)
    ]
    titles = [say(key) for key in ("daily.tariff", "daily.sales", "daily.kwh")]
    titles += [say(key) for key, _ in used]
    titles += [say("daily.gross"), _average_label(facts, say)]

    def row(name: str, rows: tuple[TariffRow, ...], *, total: bool = False) -> Row:
        units = sum(r.units_tenths for r in rows)
        gross = sum(r.gross_minor for r in rows)
        cells = [name, f"{sum(r.sales for r in rows):,}", units_text(units)]
        cells += [money(sum(r.of(kind) for r in rows)) for _, kind in used]
        cells += [money(gross), _average(gross, facts, units)]
        return Row(tuple(cells), total)

    rows = [row(literal(r.name), (r,)) for r in facts.tariffs]
    rows.append(row(say("daily.all"), facts.tariffs, total=True))
    columns = (
        Column(title, Align.RIGHT if place else Align.LEFT) for place, title in enumerate(titles)
    )
    return Table(tuple(columns), tuple(rows))


def _types(facts: DailyFacts, say: Words) -> list[Block]:
    money = partial(amount_text, unit=facts.site.currency)
    blocks: list[Block] = []
    for row in facts.types:
        name = say(f"daily.type_{row.kind.name.lower()}")
        blocks.append(KeyValue(f"{name} ({row.sales:,})", money(row.amount_minor)))
    if not facts.types:
        blocks.append(KeyValue(say("daily.type_sale"), "0"))
    if facts.late[0]:
        blocks.append(KeyValue(say("daily.late", count=facts.late[0]), money(facts.late[1])))
    blocks += [
        KeyValue(say("daily.type_refused"), str(facts.refused)),
        KeyValue(say("daily.type_cancelled"), str(facts.cancelled)),
    ]
    return blocks


def _collected(facts: DailyFacts, say: Words) -> list[Block]:
    money = partial(amount_text, unit=facts.site.currency)
    blocks: list[Block] = []
    for row in facts.collected:
        code = literal(row.code).replace("_", " ")
        name = say(f"daily.kind_{row.kind.name.lower()}", code=code)
        blocks.append(KeyValue(f"{name} ({row.sales:,})", money(row.amount_minor)))
    return blocks or [Text(say("daily.nothing_collected"))]


def _tenders(facts: DailyFacts, say: Words) -> Table:
    money = partial(amount_text, unit=facts.site.currency)
    columns = (
        Column(say("daily.tender"), Align.LEFT),
        Column(say("daily.sales")),
        Column(facts.site.currency.symbol),
    )
    rows = [
        Row((tender_kind_text(row.kind, say), f"{row.sales:,}", money(row.kept_minor)))
        for row in facts.tenders
    ]
    kept = sum(row.kept_minor for row in facts.tenders)
    rows.append(Row((say("daily.all"), f"{facts.issued:,}", money(kept)), total=True))
    return Table(columns, tuple(rows))


def _shifts(facts: DailyFacts, say: Words) -> Table:
    money = partial(amount_text, unit=facts.site.currency)
    titles = ("shift", "sales", "gross", "opening", "cash_sales", "moved", "expected", "counted")
    keys = tuple(f"daily.{name}" for name in (*titles, "shift_variance"))

    def known(amount: int | None) -> str:
        return say("daily.shift_open") if amount is None else money(amount)

    rows = [
        Row(
            (
                f"{row.number} {literal(row.operator_name)}",
                f"{row.sales:,}",
                money(row.gross_minor),
                money(row.opening_minor),
                money(row.cash_minor),
                money(row.moved_minor),
                known(row.expected_minor),
                known(row.counted_minor),
                known(row.variance_minor),
            )
        )
        for row in facts.shifts
    ]
    sums = (
        sum(row.gross_minor for row in facts.shifts),
        sum(row.opening_minor for row in facts.shifts),
        sum(row.cash_minor for row in facts.shifts),
        sum(row.moved_minor for row in facts.shifts),
        sum(row.expected_minor or 0 for row in facts.shifts),
        sum(row.counted_minor or 0 for row in facts.shifts),
        facts.variance_minor,
    )
    count = f"{sum(row.sales for row in facts.shifts):,}"
    cells = (say("daily.all"), count, *(money(amount) for amount in sums))
    rows.append(Row(cells, total=True))
    return Table(_columns(say, keys), tuple(rows))


def _reasons(facts: DailyFacts, say: Words) -> list[Block]:
    found: list[Block] = []
    for row in facts.shifts:
        variance = row.variance_minor
        if variance and row.reason:
            sign = say("daily.over" if variance > 0 else "daily.short")
            amount = amount_text(abs(variance), facts.site.currency)
            reason = literal(row.reason)
            text = say(
                "daily.shift_reason", shift=row.number, sign=sign, amount=amount, reason=reason
            )
            found.append(Text(text))
    return found


def _moves(facts: DailyFacts, say: Words) -> list[Block]:
    """Cash that moved without a sale, a line a shift."""
    found: list[Block] = []
    for row in facts.shifts:
        told = ", ".join(_move_text(facts, say, *move) for move in row.moves)
        if told:
            found.append(Text(say("daily.shift_moves", shift=row.number, moves=told)))
    return found


def _move_text(facts: DailyFacts, say: Words, kind: CashKind, count: int, amount: int) -> str:
    name = say(f"cash.{kind.name.lower()}")
    if not kind.moves_cash:
        return f"{name} ({count})"
    return f"{name} ({count}) {amount_text(amount, facts.site.currency)}"


def _float(facts: DailyFacts, say: Words) -> list[Block]:
    row = facts.float_row
    if row is None:
        return [Text(say("daily.no_lease"))]
    money = partial(amount_text, unit=facts.site.currency)
    until = date_text(facts.site.local(row.valid_until).date())
    blocks: list[Block] = [
        KeyValue(say("daily.authorised"), money(row.authorised_minor)),
        KeyValue(say("daily.sold_before"), money(row.sold_before_minor)),
        KeyValue(say("daily.sold_today"), money(row.sold_today_minor)),
    ]
    if row.held_minor:
        blocks.append(KeyValue(say("daily.held"), money(row.held_minor)))
    available = say("daily.available", until=until)
    blocks.append(KeyValue(available, money(row.available_minor), bold=True))
    if facts.commission_minor:
        blocks.append(KeyValue(say("daily.commission"), money(facts.commission_minor)))
    return blocks


def _exceptions(facts: DailyFacts, say: Words) -> list[Block]:
    shorts = sum(1 for row in facts.shifts if row.variance_minor)
    numbers = (
        ("daily.refusals", facts.abandoned),
        ("daily.unfinished", facts.unfinished),
        ("daily.copies", facts.copies),
        ("daily.unconfirmed", facts.unconfirmed_slips),
        ("daily.shorts", shorts),
        ("daily.clock", facts.clock_corrections),
    )
    rare = (("daily.overrides", facts.overrides), ("daily.orphans", facts.orphans))
    told = (*numbers, *((key, count) for key, count in rare if count))
    return [KeyValue(say(key), str(count), bold=bool(count)) for key, count in told]


def _identities(facts: DailyFacts, say: Words) -> list[Block]:
    return [
        Check(identity.holds, say(identity.key), _sides(identity, facts))
        for identity in facts.identities
    ]


def _sides(identity: Identity, facts: DailyFacts) -> str:
    if identity.money:
        return amount_text(identity.sides[0], facts.site.currency)
    first, *rest = (f"{side:,}" for side in identity.sides)
    return f"{first} = {' + '.join(rest)}" if rest else first


# ---------------------------------------------------------------- foot


def _cashier(facts: DailyFacts, say: Words) -> str:
    if not facts.shifts:
        return say("daily.sign_cashier_any")
    return say("daily.sign_cashier", shift=facts.shifts[-1].number)


def _sign(facts: DailyFacts, say: Words) -> Signatures:
    """The code ties the paper to the books: date, till, sums and chain head."""
    money = facts.gross_minor
    code = facts.chain_code.replace(" ", "")
    day = facts.business_date.isoformat()
    data = f"POSAPP-DAY {day} {facts.site.till_code} {facts.issued} {money} {code}"
    return Signatures((_cashier(facts, say), say("daily.sign_supervisor")), literal(data))


def _page_foot(facts: DailyFacts, say: Words) -> Foot:
    code, till = literal(facts.chain_code), literal(facts.site.till_name)
    chain = say("daily.foot_chain", code=code, till=till)
    return Foot(chain, say("daily.foot_same"), say("daily.page", n="{n}", of="{of}"))


# ---------------------------------------------------------------- the slip's own parts


def _slip_part(title: str, blocks: list[Block]) -> list[Block]:
    return [Rule(), Text(title, bold=True), *blocks]


def _slip_tariffs(facts: DailyFacts, say: Words) -> list[Block]:
    money = partial(amount_text, unit=facts.site.currency)
    blocks: list[Block] = []
    for row in facts.tariffs:
        blocks.append(KeyValue(f"{literal(row.name)} ({row.sales})", money(row.gross_minor)))
        units = say("receipt.kwh", units=units_text(row.units_tenths))
        blocks.append(Text(f"  {units}"))
    return blocks


def _slip_tenders(facts: DailyFacts, say: Words) -> list[Block]:
    money = partial(amount_text, unit=facts.site.currency)
    blocks: list[Block] = [
        KeyValue(f"{tender_kind_text(row.kind, say)} ({row.sales})", money(row.kept_minor))
        for row in facts.tenders
    ]
    kept = sum(row.kept_minor for row in facts.tenders)
    total = money_text(kept, facts.site.currency)
    return [*blocks, Rule(RuleStyle.SUM), KeyValue(say("daily.all"), total, bold=True)]


def _slip_shift(facts: DailyFacts, row: ShiftRow, say: Words) -> list[Block]:
    money = partial(amount_text, unit=facts.site.currency)
    name = f"{row.number} {literal(row.operator_name)} ({row.sales})"
    pairs = (
        ("daily.opening", row.opening_minor),
        ("daily.cash_sales", row.cash_minor),
        ("daily.moved", row.moved_minor),
        ("daily.expected", row.expected_minor),
        ("daily.counted", row.counted_minor),
        ("daily.shift_variance", row.variance_minor),
    )
    blocks: list[Block] = [KeyValue(name, money(row.gross_minor))]
    for key, amount in pairs:
        text = say("daily.shift_open") if amount is None else money(amount)
        blocks.append(KeyValue("  " + say(key), text))
    return blocks
