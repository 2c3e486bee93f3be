"""A meter's credit: what is left, and what was ever credited and consumed (6.3.6, 8.4).

Register numbers are the credit subclasses: 0 electricity, 1 water and 2 gas in 0.1 kWh and
0.1 m3, 3 time in 0.1 minute, 4 to 7 the same in 0.00001 of the currency.
"""

from __future__ import annotations

from posapp.domain.meter import ALL_REGISTERS
from posapp.sts.meter.result import MeterResult

FIRST_IN_MONEY = 4
# No source gives a capacity; this is a signed 32-bit register of 0.1 kWh, 0.1 m3 or 0.1 minute.
UNITS_MAX = (1 << 31) - 1
# Nor here: a signed 64-bit register, 92 million million of any currency. A token can carry
# 10^22 times as much, so without a limit one chance token would be credit for ever.
MONEY_MAX = (1 << 63) - 1


def _steps() -> tuple[tuple[int, int], ...]:
    """Step and beginning of each exponent's range: it begins where 16384 steps of the last end."""
    step, begin, found = 1, 0, []
    for _ in range(32):
        found.append((step, begin))
        step, begin = step * 10, begin + step * 16_384
    return tuple(found)


_RANGES = _steps()


def decoded(field: int, high_exponent: int = 0) -> int:
    """What exponent and mantissa of an amount or power field stand for (6.3.6.1, 6.3.6.2)."""
    step, begin = _RANGES[high_exponent << 2 | field >> 14]
    return begin + step * (field & 0x3FFF)


def register_max(register: int) -> int:
    """The most a register holds, and in money the most it can owe."""
    return UNITS_MAX if register < FIRST_IN_MONEY else MONEY_MAX


class Registers:
    """`credit` is what is left, `credited` and `consumed` only grow; each by register.

    `credited` counts deductions too. A register that never held anything is not listed.
    """

    def __init__(self) -> None:
        self.credit: dict[int, int] = {}
        self.credited: dict[int, int] = {}
        self.consumed: dict[int, int] = {}

    def take(self, register: int, front: int, field: int) -> MeterResult | None:
        """Add a token's amount, or say why not. `front` is RND, or sign and high exponent.

        A deduction may leave less than nothing, which the next credit makes good: the standard
        sets no floor, and refusing would leave the debt in the office's books only.
        """
        if register < FIRST_IN_MONEY:
            amount = decoded(field)
        else:
            amount = decoded(field, front & 7)
            if front & 8:
                amount = -amount
        total = self.credit.get(register, 0) + amount
        if abs(total) > register_max(register):
            return MeterResult.OVERFLOW_ERROR
        self.credit[register] = total
        self.credited[register] = self.credited.get(register, 0) + amount
        return None

    def clear(self, register: int) -> None:
        """Empty one register, or every one; debts go too, totals stay."""
        if register == ALL_REGISTERS:
            self.credit.clear()
        else:
            self.credit.pop(register, None)

    def run_down(self, register: int, units: int) -> int:
        """Consume up to `units`; what the register really had."""
        taken = max(0, min(units, self.credit.get(register, 0)))
        if taken:
            self.credit[register] -= taken
            self.consumed[register] = self.consumed.get(register, 0) + taken
        return taken

    @property
    def hold_credit(self) -> bool:
        """Whether anything is left to consume."""
        return any(value > 0 for value in self.credit.values())
