"""What is handed over, part by part; Enter on a part that is too little keeps it and asks for
the rest. No Qt.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from posapp.domain.money import Currency, parse_amount
from posapp.domain.sale import Tender, TenderKind
from posapp.errors import PosError
from posapp.services.place import TENDERS_MAX
from posapp.ui.sell.state import SellState

SECOND_SALE_WITHIN = timedelta(minutes=2)
FAR_ABOVE_USUAL = 5  # times the last amount: asks once more


def doubt(state: SellState, now: datetime) -> str:
    """What the till asks before it sells: the code of a question, mostly none."""
    last = state.context.found.last_sale if state.context else None
    if last is None:
        return ""
    due = state.due_minor
    if last.amount_minor == due and now - last.at <= SECOND_SALE_WITHIN:
        return "SECOND_SALE"
    if last.amount_minor and due > FAR_ABOVE_USUAL * last.amount_minor:
        return "FAR_ABOVE_USUAL"
    return ""


def left_minor(state: SellState) -> int:
    """What the parts that are kept leave to pay."""
    return max(0, state.due_minor - sum(part.received_minor for part in state.parts))


def received_minor(state: SellState, unit: Currency) -> int:
    """What counts as handed over now; nothing typed means exactly what is left."""
    left = left_minor(state)
    if not state.received:
        return left
    try:
        typed = parse_amount(state.received, unit)
    except PosError:
        return 0
    return typed if state.tender is TenderKind.CASH else min(typed, left)


def missing_minor(state: SellState, unit: Currency) -> int:
    """How much is still to be handed over after this part; 0 when it is enough."""
    return max(0, left_minor(state) - received_minor(state, unit))


def has_reference(state: SellState) -> bool:
    """Whether the part says which payment it is, where that is needed."""
    if state.tender is TenderKind.CASH:
        return True
    name = state.reference.strip()
    taken = [(p.kind, p.reference.strip()) for p in state.parts]
    return bool(name) and (state.tender, name) not in taken


def makes_a_part(state: SellState, unit: Currency) -> bool:
    """Whether Enter would keep this as one part of several."""
    room = len(state.parts) < TENDERS_MAX - 1
    too_little = 0 < received_minor(state, unit) < left_minor(state)
    return room and too_little and has_reference(state)


def keep_part(state: SellState, unit: Currency) -> SellState:
    """The part is kept; the rest is asked for in cash."""
    part = tender_of(state, unit)
    return replace(
        state,
        parts=(*state.parts, part),
        tender=TenderKind.CASH,
        received="",
        reference="",
        guard="",
        problem=None,
        failure=None,
    )


def give_back(state: SellState) -> SellState:
    """The newest part goes back to the customer."""
    return replace(state, parts=state.parts[:-1], received="", reference="", guard="")


def tender_of(state: SellState, unit: Currency) -> Tender:
    """What is handed over now."""
    cash = state.tender is TenderKind.CASH
    reference = "" if cash else state.reference.strip()[:40]
    return Tender(state.tender, received_minor(state, unit), reference)


def all_tenders(state: SellState, unit: Currency) -> tuple[Tender, ...]:
    """The whole payment."""
    return (*state.parts, tender_of(state, unit))
