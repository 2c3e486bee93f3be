"""What a quote costs: the sell page asks for one at every key press."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, localcontext

from posapp import paths
from posapp.errors import SaleError
from posapp.pricing.cost import Costing
from posapp.pricing.exact import EXACT
from posapp.pricing.pack import TariffPack, load_pack
from posapp.pricing.quote import by_money, money_quote
from posapp.pricing.situation import Debt, FeeState, Rate, Situation
from posapp.pricing.terms import bind
from tests.benchmarks.row import Row

INDICATION_MS = 0.3
EVALUATIONS_MAX = 40
ROUNDS = 500
BATCHES = 5
PRODUCTS = 1000  # a loop about as long as a quote: the noise of the machine hits both alike
# A quote is some dozens of exact products and fractions, its lines, taxes and advice.
TARGET_RATIO = 5.0


def _packs() -> Iterator[TariffPack]:
    for file in sorted((paths.resources() / "tariffs").glob("*.toml")):
        yield load_pack(file.read_text("utf-8"), file.name)


def _situation(pack: TariffPack, number: int) -> Situation:
    """Months of all sizes; every other one with a fee that is due and a debt."""
    at = pack.effective_from + timedelta(days=20)
    paid = tuple((c.code, FeeState(at.date())) for c in pack.components)
    meter = Situation(
        at=at,
        bought_tenths=number,
        average_tenths=number,
        entitled=number % 3 == 0,
        last_bought=at.date() - timedelta(days=15),
        fees=paid if number % 2 else (),
        debts=() if number % 2 else (Debt("water", 120_000, at.date()),),
    )
    if pack.pegged is None:
        return meter
    return replace(meter, rate=Rate(pack.pegged.currency.code, Decimal("129.5"), at.date()))


def _p99_ms(work: Callable[[int], object]) -> float:
    """The best of some batches, in processor time of this thread.

    What else the machine does is not the quote, and another process that empties the caches
    makes one batch slow, not all.
    """
    found = []
    for _ in range(BATCHES):
        spent = []
        for number in range(ROUNDS):
            start = time.thread_time_ns()
            work(number)
            spent.append(time.thread_time_ns() - start)
        found.append(sorted(spent)[ROUNDS * 99 // 100] / 1e6)
    return min(found)


def _multiply(number: int) -> Decimal:
    """The bare thing: exact products and sums of prices and units."""
    total, price = Decimal(0), Decimal("18.57")
    with localcontext(EXACT):
        for units in range(number, number + PRODUCTS):
            total += price * units
    return total


def _quoting(pack: TariffPack) -> Callable[[int], None]:
    situations = [_situation(pack, number) for number in range(ROUNDS)]

    def quote(number: int) -> None:
        with suppress(SaleError):  # a sum in the gap of a cliff costs its quote too
            by_money(pack, 50_000 + number * 97, situations[number])

    return quote


def bench_quote() -> list[Row]:
    """The 99th percentile of a quote by money beside a bare loop of products, and the promise."""
    rows = []
    for pack in _packs():
        bare_ms = _p99_ms(_multiply)
        ours_ms = _p99_ms(_quoting(pack))
        rows.append(Row(f"quote, {pack.reference}, p99", ours_ms, bare_ms, "ms", TARGET_RATIO))
        rows.append(Row("  the same as a figure", ours_ms, INDICATION_MS, "ms", 1))
    return rows


def bench_evaluations() -> list[Row]:
    """The most times that a quote of each shipped pack asks for the cost of units."""
    rows = []
    for pack in _packs():
        most = 0
        with localcontext(EXACT):
            for number in range(ROUNDS):
                costing = Costing(bind(pack, _situation(pack, number)))
                with suppress(SaleError):
                    money_quote(costing, 50 + number * number)
                most = max(most, costing.evaluations)
        rows.append(Row(f"evaluations, {pack.reference}", most, EVALUATIONS_MAX, "", 1))
    return rows
