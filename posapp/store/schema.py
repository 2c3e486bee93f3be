"""What the numbers in the tables mean; the tables themselves are made by `migrations`.

Tables that follow from the journal alone (`PROJECTED`) can be thrown away and made again.
"""

from __future__ import annotations

from datetime import date
from enum import IntEnum
from pathlib import Path

from posapp.domain.sale import SaleState

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
VERSION_TABLE = "schema_version"
STORE_FILE = "till.db"
FIRST_EPOCH = 1
RECOVERING = "recovering"  # a setting: a backup's moment (ms), until the module was asked

SEQ_BITS = 40  # a till that sells every second needs 34 000 years for these


def place_of(epoch: int, seq: int) -> int:
    """One integer that orders the journal over its epochs: the key of an entry and its sale."""
    return epoch << SEQ_BITS | seq


def seq_of(place: int) -> int:
    """The position within its epoch."""
    return place & (1 << SEQ_BITS) - 1


def month_of(day: date) -> int:
    """Months since year 0: a month as one integer."""
    return day.year * 12 + day.month - 1


class Stage(IntEnum):
    """`sale.state`: what the journal says of a sale. 0 and 4 are open (index `sale_open`)."""

    INTENT = 0
    ISSUED = 1
    REFUSED = 2
    CANCELLED = 3
    UNKNOWN = 4


class Step(IntEnum):
    """`sale.step`: local marks that are no facts and survive a rebuild as they are."""

    NONE = 0
    REQUESTED = 1
    REVEALED = 2


def sale_state(stage: int, step: int) -> SaleState:
    """The one vocabulary of everybody else."""
    if stage == Stage.INTENT and step == Step.REQUESTED:
        return SaleState.REQUESTED
    if stage == Stage.ISSUED and step == Step.REVEALED:
        return SaleState.REVEALED
    return _STATES[Stage(stage)]


_STATES = {
    Stage.INTENT: SaleState.INTENT,
    Stage.ISSUED: SaleState.ISSUED,
    Stage.REFUSED: SaleState.REFUSED,
    Stage.CANCELLED: SaleState.CANCELLED,
    Stage.UNKNOWN: SaleState.UNKNOWN,
}

# Table, columns that follow from the journal, its order. A rebuild compares exactly these.
PROJECTED: tuple[tuple[str, str, str], ...] = (
    (
        "sale",
        "place, sale_id, receipt, shift, operator_id, business_date, month, at_ms, meter,"
        " customer_id, tariff, currency, amount_minor, units_tenths, free_tenths, fee, state,"
        " items_place, ended_place, audit_no, reason, kind, batch, held",
        "place",
    ),
    (
        "override_signed",
        "place, at_ms, business_date, operation, first_id, second_id, reason, note, subject",
        "place",
    ),
    ("erased_person", "customer_id, place", "customer_id"),
    ("key_answer", "sale_place, place, took", "sale_place"),
    ("refund", "place, sale_place, shift, business_date, amount_minor, right_meter", "place"),
    ("sale_fee", "place, code, through, owed_minor", "place, code"),
    ("sale_line", "place, n, kind, code, amount_minor, units_tenths, rate", "place, n"),
    ("token", "place, n, kind, subclass, tid, units, value_minor, digits", "place, n"),
    (
        "booking",
        "place, kind, sale_place, shift, operator_id, business_date, currency",
        "place",
    ),
    ("posting", "place, account, code, amount_minor", "place, account, code"),
    ("cash_move", "place, kind, shift, business_date, amount_minor", "place"),
    (
        "z_report",
        "number, place, shift, business_date, module_id, audit_through",
        "number",
    ),
    ("orphan", "place, request_id, value_minor, settled_place, how, reason", "place"),
    ("tid", "meter, base_date, tid, reserved, place", "meter, base_date, tid"),
    (
        "shift",
        "number, operator_id, opened_ms, opening_minor, closed_ms, counted_minor,"
        " expected_minor, reason, business_date, closed_place",
        "number",
    ),
)
