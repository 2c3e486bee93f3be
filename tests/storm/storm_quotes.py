"""Random sales under every shipped tariff: `python -m tests.storm quotes`.

The promises: nothing but a known SaleError is raised, every quote adds up, what is owed after it
is what was owed less what it paid, a refusal names sums that can be sold, and the slow way of
tests/pricing finds the same units.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

from posapp import paths
from posapp.domain.sale import LineKind
from posapp.errors import SaleError
from posapp.pricing.components import DailyFee, MonthlyFee
from posapp.pricing.cost import Costing
from posapp.pricing.exact import EXACT
from posapp.pricing.pack import TariffPack, load_pack
from posapp.pricing.quote import Quote, by_money, by_units, money_quote
from posapp.pricing.situation import Debt, FeeState, Rate, Situation
from posapp.pricing.terms import bind
from posapp.sts.amounts import decode_units, encode_units
from tests.pricing.slow_pricing import SlowTariff

QUOTES = 100_000
FINDINGS_MOST = 20  # more of them say nothing new
EVALUATIONS_MAX = 40
ONE_STEP_TENTHS_MAX = 16_383  # up to here a token carries every tenth
SLOW_EVERY = 20  # the slow way is about as slow as twenty quotes
ACCOUNTS = ("account", "backlog", "rates", "water", "refuse", "rent")


@dataclass
class Tally:
    """What was sold, what was refused and by which code, and what broke."""

    sold: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


def a_situation(chance: random.Random, pack: TariffPack) -> Situation:
    """Any meter at any second of the pack's time."""
    until = pack.effective_until or pack.effective_from + timedelta(days=800)
    seconds = chance.randrange(int((until - pack.effective_from).total_seconds()))
    at = pack.effective_from + timedelta(seconds=seconds)
    if chance.random() < 0.05:
        at = at.replace(hour=23, minute=59, second=59)
    ago = [at.date() - timedelta(days=int(chance.expovariate(1 / 40))) for _ in range(2)]
    fees = tuple(
        (c.code, FeeState(chance.choice((None, ago[0])), chance.choice((0, 0, 1, 9_131, 60_000))))
        for c in pack.components
        if isinstance(c, (MonthlyFee, DailyFee)) and chance.random() < 0.7
    )
    debts = tuple(
        Debt(account, int(chance.expovariate(1 / 50_000)), date(2024, 1, 1 + place))
        for place, account in enumerate(chance.sample(ACCOUNTS, chance.choice((0, 0, 1, 3))))
    )
    rate = None
    if pack.pegged is not None:
        figure = Decimal(chance.randrange(1, 300_000)) / 100
        rate = Rate(pack.pegged.currency.code, figure, at.date())
    return Situation(
        at=at,
        bought_tenths=chance.choice((0, 300, int(chance.expovariate(1 / 1500)))),
        free_tenths=chance.choice((0, 0, 100, 600)),
        average_tenths=chance.choice((None, chance.randrange(6000))),
        entitled=chance.random() < 0.5,
        last_bought=chance.choice((None, ago[1])),
        fees=fees,
        debts=debts,
        rate=rate,
        ct_ratio=chance.choice((1, 1, 1, 1, 20, 400)),
    )


def an_amount(chance: random.Random) -> int:
    """From nought to more than any token carries; mostly what people pay."""
    return int(10 ** chance.choice((chance.uniform(0, 7), chance.uniform(3, 6), 11.5)))


class Sale:
    """One random sale; `broken` says in words what does not hold."""

    def __init__(self, pack: TariffPack, text: str, situation: Situation, tender: int) -> None:
        self.pack, self.text = pack, text
        self.situation, self.tender = situation, tender

    def quote(self) -> tuple[Quote, int]:
        with localcontext(EXACT):
            costing = Costing(bind(self.pack, self.situation))
            return money_quote(costing, self.tender), costing.evaluations

    def broken(self, quote: Quote, evaluations: int) -> list[str]:
        lines = sum(line.amount_minor for line in quote.lines)
        paid = {line.code: line.amount_minor for line in quote.lines}
        arrears = sum(line.amount_minor for line in quote.lines if line.kind is LineKind.ARREARS)
        before = {debt.account: debt.balance_minor for debt in self.situation.debts}
        fell = {account: before[account] - after for account, after in quote.debts}
        sold = sum(line.units_tenths for line in quote.lines if line.kind is LineKind.ENERGY)
        steps, rest = divmod(quote.units_tenths, self.situation.ct_ratio)
        promises = {
            "lines are not the amount": lines == quote.amount_minor,
            "amount and change are not the tender": lines + quote.back_minor == self.tender,
            "change below nought": quote.back_minor >= 0,
            "lines have other units": sold == quote.units_tenths + quote.free_tenths,
            "the token has other units": quote.carries_money
            or (rest == 0 and quote.token_units == steps > 0),
            "no token carries that": decode_units(encode_units(steps)) == steps,
            "a token for nothing": quote.token_units > 0,
            "arrears fell by something else": sum(fell.values()) == arrears,
            "an account fell by something else": all(
                0 <= part <= before[account] and part == self._paid_to(paid, account)
                for account, part in fell.items()
            ),
            "a fee is owed below nought": all(state.owed_minor >= 0 for _, state in quote.fees),
            "a fee is not settled today": all(
                state.through == self.situation.day for _, state in quote.fees
            ),
            "too many evaluations": evaluations <= EVALUATIONS_MAX,
        }
        return [words for words, kept in promises.items() if not kept]

    @staticmethod
    def _paid_to(paid: dict[str, int], account: str) -> int:
        return sum(amount for code, amount in paid.items() if code.endswith(f" {account}"))

    def back_again(self, quote: Quote) -> list[str]:
        """Its units priced by units, and the sum for them by money."""
        asked = by_units(self.pack, quote.units_tenths, self.situation)
        again = by_money(self.pack, asked.amount_minor, self.situation)
        if asked.units_tenths != quote.units_tenths or again.units_tenths != quote.units_tenths:
            return [f"by units and by money differ for {quote.units_tenths}"]
        return []

    def slowly(self, quote: Quote) -> list[str]:
        """The units lie where the tariff's rule puts them, by the slow way's cost."""
        slow = SlowTariff(self.text, self.situation)
        if quote.units_tenths > ONE_STEP_TENTHS_MAX * slow.step or slow.step > 1:
            return []
        left = slow.left(quote.amount_minor)
        below, above = {
            "down": (Fraction(0), Fraction(1)),
            "nearest": (Fraction(-1, 2), Fraction(1, 2)),
            "up": (Fraction(-1), Fraction(0)),
        }[self.pack.unit_rounding.value]
        least, most = (slow.cost(quote.units_tenths + side) for side in (below, above))
        if least <= left <= most:
            return []
        return [f"{left} minor units left for {quote.units_tenths}, slowly {least} to {most}"]

    def refused_wrongly(self, error: SaleError) -> list[str]:
        """The sums that a refusal names can be sold."""
        told = error.params
        match error.code:
            case "AMOUNT_BELOW_MINIMUM":
                least = int(str(told["minimum_minor"]))
                wrong = (
                    not self.tender < least
                    or by_money(self.pack, least, self.situation).amount_minor != least
                )
                return [f"the least sum {least} is not"] if wrong or self._sells(least - 1) else []
            case "AMOUNT_IN_GAP":
                lower, upper = int(str(told["lower_minor"])), int(str(told["upper_minor"]))
                units = by_money(self.pack, lower, self.situation).units_tenths
                good = lower <= self.tender < upper and units == told["lower_tenths"]
                return [] if good and self._sells(upper) else [f"no gap from {lower} to {upper}"]
            case "UNITS_ABOVE_TOKEN":
                most = int(str(told["maximum_minor"]))
                units = by_money(self.pack, most, self.situation).units_tenths
                good = most <= self.tender and units == told["maximum_tenths"]
                return [] if good else [f"the most {most} buys {units}"]
            case "TARIFF_PRICE_MISSING":
                return []
        return [f"an unknown refusal {error}"]

    def _sells(self, amount: int) -> bool:
        try:
            return by_money(self.pack, amount, self.situation).units_tenths > 0
        except SaleError:
            return False


def _one(chance: random.Random, sale: Sale, tally: Tally) -> list[str]:
    try:
        quote, evaluations = sale.quote()
    except SaleError as error:
        tally.refused[error.code] = tally.refused.get(error.code, 0) + 1
        return sale.refused_wrongly(error)
    tally.sold += 1
    found = sale.broken(quote, evaluations)
    if chance.randrange(SLOW_EVERY) == 0 and not quote.carries_money:
        found += sale.back_again(quote) + sale.slowly(quote)
    return found


def pour(seed: int, quotes: int, minutes: float) -> Tally:
    """At most `quotes` sales in `minutes`, the packs one after the other."""
    chance, tally, ends = random.Random(seed), Tally(), time.monotonic() + minutes * 60
    texts = [
        file.read_text("utf-8") for file in sorted((paths.resources() / "tariffs").glob("*.toml"))
    ]
    packs = [(load_pack(text, "shipped"), text) for text in texts]
    for number in range(quotes):
        if time.monotonic() > ends or len(tally.findings) >= FINDINGS_MOST:
            break
        pack, text = packs[number % len(packs)]
        sale = Sale(pack, text, a_situation(chance, pack), an_amount(chance))
        try:
            found = _one(chance, sale, tally)
        except Exception as error:  # the finding itself
            found = [f"raised {error!r}"]
        tally.findings += [
            f"{pack.reference}, {sale.tender}: {words}: {sale.situation}" for words in found
        ]
    return tally


def storm(seed: int, minutes: float) -> list[str]:
    """A hundred thousand quotes, or as many as fit."""
    return pour(seed, QUOTES, minutes).findings
