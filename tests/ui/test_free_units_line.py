"""Free units on the quote have no price, and make no block of the units that are paid."""

from __future__ import annotations

from posapp.domain.money import currency
from posapp.domain.sale import LineKind, SaleLine
from posapp.ui.sell.words import line_of

KES = currency("KES")
FREE = SaleLine(LineKind.ENERGY, "free_units", 0, 200, "0")
ONE = SaleLine(LineKind.ENERGY, "block 1", 82_170, 498, "16.50")
TWO = SaleLine(LineKind.ENERGY, "block 2", 18_570, 100, "18.57")


def plain(text: str) -> str:
    """Without the marks that keep figures from left to right."""
    return "".join(char for char in text if char.isprintable())


def test_free_units_are_shown_without_a_price():
    lines = (FREE, ONE)
    shown = [line_of(line, lines, KES) for line in lines]
    assert [plain(line.words) for line in shown] == ["Free units", "Energy"]
    assert [plain(line.second) for line in shown] == ["20.0 kWh", "49.8 kWh × 16.50"]


def test_two_blocks_that_are_paid_keep_their_numbers():
    lines = (FREE, ONE, TWO)
    shown = [plain(line_of(line, lines, KES).words) for line in lines]
    assert shown == ["Free units", "Energy, block 1", "Energy, block 2"]
