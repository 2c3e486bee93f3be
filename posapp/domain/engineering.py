"""Work on a meter that makes a token and no sale: what it is, for which order, with which value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from posapp.domain.energy import UNITS_TENTHS_MAX
from posapp.domain.meter import ALL_REGISTERS
from posapp.domain.permissions import Operation
from posapp.domain.sale import KeyTarget
from posapp.errors import InputError

WORK_ORDER_MAX = 40
_TEST_BITS = 36  # control field of a meter test for makers with two digits (IEC 62055-41 6.2.3)


class Task(StrEnum):
    """What the token does."""

    CLEAR_TAMPER = "clear_tamper"
    CLEAR_CREDIT = "clear_credit"
    POWER_LIMIT = "power_limit"
    PHASE_UNBALANCE = "phase_unbalance"
    CHANGE_KEY = "change_key"
    METER_TEST = "meter_test"

    @property
    def operation(self) -> Operation:
        """Whose right it takes."""
        if self is Task.PHASE_UNBALANCE:
            return Operation.POWER_LIMIT
        return Operation(self.value)


@dataclass(frozen=True, slots=True)
class Work:
    """One task under a work order (1..40 characters; a meter test needs none).

    `value` is watts of a limit, a register of CLEAR_CREDIT (65535: all), the control field of a
    METER_TEST. `target` is where CHANGE_KEY takes the meter. Raises InputError
    WORK_ORDER_MISSING, WORK_VALUE(field).
    """

    task: Task
    work_order: str = ""
    value: int = 0
    target: KeyTarget | None = None

    def __post_init__(self) -> None:
        order = self.work_order.strip()
        if len(order) > WORK_ORDER_MAX or (not order and self.task is not Task.METER_TEST):
            raise InputError("WORK_ORDER_MISSING")
        highest = {
            Task.POWER_LIMIT: UNITS_TENTHS_MAX,
            Task.PHASE_UNBALANCE: UNITS_TENTHS_MAX,
            Task.CLEAR_CREDIT: ALL_REGISTERS,
            Task.METER_TEST: (1 << _TEST_BITS) - 1,
        }.get(self.task, 0)
        lowest = 1 if self.task is Task.METER_TEST else 0
        if not lowest <= self.value <= highest:
            raise InputError("WORK_VALUE", field="value")
        if (self.target is not None) != (self.task is Task.CHANGE_KEY):
            raise InputError("WORK_VALUE", field="target")
