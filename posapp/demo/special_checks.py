"""Whether the special orders of the day, its cash, its Z and its backup were right."""

from __future__ import annotations

from posapp.demo.checks import Check, Findings
from posapp.demo.day import Day
from posapp.demo.special import DROP_MINOR, FREE_TENTHS, Special
from posapp.demo.stage import Stage
from posapp.domain.cash import CashKind
from posapp.domain.meter import MeterNumber
from posapp.domain.permissions import Operation
from posapp.domain.sale import LineKind, SaleKind, TenderKind
from posapp.ports import SaleRecord
from posapp.services.till import Till

LIMIT = 50


def examine(stage: Stage, till: Till, day: Day, found: Findings) -> list[Check]:
    """Compare what was sold, written and printed with what was meant."""
    special = day.special
    if special is None:
        return [Check("the special orders were placed", False, "")]
    return [
        _free_units(special),
        _arrears(special),
        *_key(stage, till, special, found),
        _split(special),
        _given(till, day, special),
        *_cash(till, day),
        _backup(till, day),
    ]


def _free_units(special: Special) -> Check:
    intent = special.entitled.record.intent
    tokens = [item.units for item in intent.items]
    whole = intent.free_tenths > 0 and sum(tokens) == intent.units_tenths + intent.free_tenths
    return Check("free units came with a sale", whole, f"{intent.free_tenths} tenths")


def _arrears(special: Special) -> Check:
    intent = special.indebted.record.intent
    paid = sum(line.amount_minor for line in intent.lines if line.kind is LineKind.ARREARS)
    return Check("a part of a payment went to the debt", 0 < paid < intent.amount_minor, f"{paid}")


def _key(stage: Stage, till: Till, special: Special, found: Findings) -> list[Check]:
    record, wanted = special.changed_key.record, stage.town.pending_meter
    said = [found.verdicts[token].result for token in record.tokens]
    in_order = len(said) > 2 and said[-2:] == ["Accept", "Accept"]
    in_order = in_order and all(verdict.endswith("KCT") for verdict in said[:-2])
    known = till.store.read(lambda reader: reader.meter(MeterNumber(wanted.meter)))
    key = known.meter.configuration if known else None
    new = key is not None and (key.sgc, str(key.krn)) == (wanted.new_sgc, wanted.new_krn)
    down = new and known is not None and known.meter.pending is None
    sgc = key.sgc if key else ""
    return [
        Check("a meter took its new key, then the credit", in_order, ", ".join(said)),
        Check("the new key went up and came down as the meter's own", down, sgc),
    ]


def _split(special: Special) -> Check:
    intent = special.split.record.intent
    kinds = {tender.kind for tender in intent.tenders}
    paid = sum(tender.received_minor for tender in intent.tenders)
    right = kinds == {TenderKind.CASH, TenderKind.MOBILE} and paid == intent.amount_minor
    return Check("one sale was paid with two tenders", right, f"{paid}")


def _given(till: Till, day: Day, special: Special) -> Check:
    record: SaleRecord = special.free.record
    signed = till.store.read(lambda reader: reader.signatures_on(day.business_date, LIMIT))
    mine = [one for one in signed if one.operation == Operation.FREE_ISSUE.value]
    right = record.intent.kind is SaleKind.FREE_ISSUE and record.intent.amount_minor == 0
    right = right and sum(item.units for item in record.intent.items) == FREE_TENTHS
    two = len(mine) == 1 and mine[0].second_id not in (0, mine[0].first_id)
    return Check("a free issue took two people", right and two, f"{len(mine)} signed")


def _cash(till: Till, day: Day) -> list[Check]:
    moves = till.store.read(lambda reader: reader.cash_of_shift(1))
    dropped = [one.fact.amount_minor for one in moves if one.fact.kind is CashKind.DROP]
    zs = till.store.read(lambda reader: reader.zs_on(day.business_date))
    module = zs[0].fact.module if zs else None
    agrees = module is not None and module.compared and module.agrees
    tokens = f"{module.module_tokens} tokens" if module else ""
    return [
        Check("cash went to the safe", dropped == [DROP_MINOR], f"{dropped}"),
        Check("one Z closes the shift", len(zs) == 1 and zs[0].fact.number == 1, f"{len(zs)}"),
        Check("the Z has as many tokens as the module", agrees, tokens),
    ]


def _backup(till: Till, day: Day) -> Check:
    made = day.backup
    head = till.store.read(lambda reader: reader.head()).seq
    whole = made is not None and 0 < made.seq <= head and made.size_bytes > 0
    return Check("a backup was made and read back", whole, made.name if made else "")
