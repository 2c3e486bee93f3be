"""What a meter has bought this month: the state a tariff's blocks and fees depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MonthLedger:
    """Tenths of a kWh bought in the local month before this sale, and whether its fee is paid."""

    units_tenths: int = 0
    fee_paid: bool = False
