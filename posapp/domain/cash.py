"""What happens to a drawer's cash between two sales, and what a ledger is told of it."""

from __future__ import annotations

from enum import IntEnum


class CashKind(IntEnum):
    """Why cash moved; the numbers are written in the journal.

    IN is change brought from the safe, OUT an expense paid from the drawer, DROP what goes to the
    safe. DRAWER is the drawer opened without a sale; no cash moves. DEPOSIT leaves the safe for
    the bank. RETURN gives back what a customer paid for a sale that never got its token.
    """

    IN = 1
    OUT = 2
    DROP = 3
    DRAWER = 4
    DEPOSIT = 5
    RETURN = 6

    @property
    def moves_cash(self) -> bool:
        """Whether it has an amount."""
        return self is not CashKind.DRAWER

    @property
    def from_drawer(self) -> bool:
        """Whether it needs an open shift: it is about the drawer, not the safe."""
        return self is not CashKind.DEPOSIT
