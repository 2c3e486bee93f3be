"""Everything at this till that waits for a person, and what that person may do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from posapp.domain.clock_limits import ClockState
from posapp.domain.sale import SaleState
from posapp.journal.restore_facts import OrphanSettled
from posapp.ports import (
    Clock,
    ModuleStatus,
    OrphanRecord,
    Reader,
    SaleRecord,
    SecurityModule,
    Store,
)
from posapp.services.slips import waiting_slips

ORPHANS_MAX = 100


class Matter(StrEnum):
    """What is unresolved; the worst first."""

    CLOCK_BACK = "clock_back"
    CLOCK_JUMPED = "clock_jumped"
    RESTORED = "restored"
    UNKNOWN_SALE = "unknown_sale"
    OPEN_SALE = "open_sale"
    ORPHAN = "orphan"
    MODULE_HOLD = "module_hold"
    CLOCK_AHEAD = "clock_ahead"
    SLIPS = "slips"


class Step(StrEnum):
    """What may be done; the screen says who may."""

    WAIT = "wait"
    ASK_MODULE = "ask_module"
    PRINT_CLAIM = "print_claim"
    SETTLE_AUDIT = "settle_audit"
    SET_CLOCK = "set_clock"
    CONFIRM_CLOCK = "confirm_clock"
    GO_ON = "go_on"
    COUNTED = "counted"
    NOT_PAID = "not_paid"
    SEE_MODULE = "see_module"
    SEE_PRINTER = "see_printer"


@dataclass(frozen=True, slots=True)
class Unresolved:
    """One row. `params` fill its sentence; `sale_id` or `seq` say what it is about."""

    matter: Matter
    steps: tuple[Step, ...]
    params: dict[str, object] = field(default_factory=dict)
    at: datetime | None = None
    sale_id: bytes = b""
    seq: int = 0


_CLOCKS = {
    ClockState.BACK: (Matter.CLOCK_BACK, (Step.SET_CLOCK, Step.WAIT)),
    ClockState.JUMPED: (Matter.CLOCK_JUMPED, (Step.CONFIRM_CLOCK, Step.SET_CLOCK)),
    ClockState.AHEAD: (Matter.CLOCK_AHEAD, (Step.CONFIRM_CLOCK, Step.SET_CLOCK)),
}


class ListUnresolved:
    """Runs on the lookup lane; asks no device, only what is known of it."""

    def __init__(self, store: Store, module: SecurityModule, clock: Clock) -> None:
        self._store = store
        self._module = module
        self._clock = clock

    def __call__(self) -> tuple[Unresolved, ...]:
        """All rows, the worst first; none when the till owes nobody anything.

        Raises StoreError.
        """
        status, now = self._module.status(), self._clock.now()
        rows = self._store.read(lambda reader: _rows(reader, status, now))
        order = list(Matter)
        return tuple(sorted(rows, key=lambda row: order.index(row.matter)))


def _rows(reader: Reader, status: ModuleStatus, now: datetime) -> list[Unresolved]:
    rows = [_sale(record, status) for record in reader.open_sales()]
    rows += [_orphan(orphan) for orphan in reader.orphans(ORPHANS_MAX)]
    floor = reader.clock_floor()
    clock = _CLOCKS.get(reader.clock_limits().judge(now, floor))
    if clock is not None:
        params: dict[str, object] = {"floor": floor, "now": now}
        rows.append(Unresolved(clock[0], clock[1], params))
    since = reader.recovering_since()
    if since is not None:
        steps = (Step.ASK_MODULE, Step.GO_ON)
        rows.append(Unresolved(Matter.RESTORED, steps, {"since": since}))
    if status.hold:
        rows.append(_hold(status))
    slips = waiting_slips(reader)
    if slips:
        rows.append(Unresolved(Matter.SLIPS, (Step.SEE_PRINTER,), {"count": slips}))
    return rows


def _sale(record: SaleRecord, status: ModuleStatus) -> Unresolved:
    sale = record.intent
    there = status.state.answers and status.module_id == sale.module_id
    # A claim or a book only where nobody can be asked: the module's own answer has the digits.
    steps = (Step.ASK_MODULE,) if there else (Step.WAIT, Step.PRINT_CLAIM, Step.SETTLE_AUDIT)
    unknown = record.state is SaleState.UNKNOWN
    params: dict[str, object] = {
        "receipt": sale.receipt,
        "amount_minor": sale.amount_minor,
        "meter": sale.meter,
        "module": sale.module_id,
    }
    matter = Matter.UNKNOWN_SALE if unknown else Matter.OPEN_SALE
    return Unresolved(matter, steps, params, record.at, sale.sale_id)


def _hold(status: ModuleStatus) -> Unresolved:
    params: dict[str, object] = {
        "hold": status.hold,
        "waiting": status.unacknowledged,
        "maximum": status.unacknowledged_max,
        "until": status.lease_until,
    }
    known = {name: value for name, value in params.items() if value is not None}
    return Unresolved(Matter.MODULE_HOLD, (Step.SEE_MODULE,), known)


def _orphan(orphan: OrphanRecord) -> Unresolved:
    found = orphan.found
    params: dict[str, object] = {"meter": found.meter, "amount_minor": found.value_minor}
    return Unresolved(
        Matter.ORPHAN, (Step.COUNTED, Step.NOT_PAID), params, orphan.at, seq=orphan.seq
    )


HOW = {Step.COUNTED: OrphanSettled.COUNTED, Step.NOT_PAID: OrphanSettled.NOT_PAID}
