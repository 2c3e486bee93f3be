"""Tariffs computed again the slow and obvious way, from the text of the pack alone.

Fractions throughout, every tenth of a kWh walked one after the other, nothing of the engine:
what both find is right, or wrong twice in the same way.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from math import floor

from posapp.domain.money import CURRENCIES
from posapp.pricing.situation import Situation

Row = dict[str, object]


def half_up(amount: Fraction) -> int:
    """Half away from zero."""
    return floor(amount + Fraction(1, 2)) if amount >= 0 else -half_up(-amount)


def rounded(amount: Fraction, rule: str) -> int:
    """As the README says of `money_rounding`."""
    if amount < 0:
        return -rounded(-amount, rule)
    below = floor(amount)
    rest = amount - below
    if rule == "down" or rest == 0:
        return below
    if rule == "up" or rest > Fraction(1, 2):
        return below + 1
    if rest < Fraction(1, 2):
        return below
    return below + (rule == "half_up" or below % 2)


def _months(earlier, later) -> int:
    return max(0, (later.year * 12 + later.month) - (earlier.year * 12 + earlier.month))


class SlowTariff:
    """A pack's text for one meter. Sums are minor units; units are tenths of a kWh."""

    def __init__(self, text: str, situation: Situation) -> None:
        self.head = tomllib.loads(text, parse_float=Fraction)
        self.now = situation
        self.scale = CURRENCIES[self.head["currency"]].scale
        self.components = self.head["component"]
        self.sells_money = any(c["kind"] == "credit" for c in self.components)
        self.step = 1 if self.sells_money else situation.ct_ratio
        self.money_rule = self.head.get("money_rounding", "half_up")
        self.free_code, self.free_tenths = "", 0
        counted = 0
        for c in self.components:
            if c["kind"] == "free_units" and self._holds(c) and not self.free_code:
                self.free_code = c["code"]
                self.free_tenths = max(0, int(c["units"] * 10) - situation.free_tenths)
                if c["counts_in_blocks"]:
                    counted = situation.free_tenths + self.free_tenths
        self.unpriced = counted
        self.start = situation.bought_tenths + counted
        self.has_bought = situation.bought_tenths > 0

    # ------------------------------------------------------------ what holds, and for how much

    def _holds(self, component) -> bool:
        when = component.get("when", {})
        average = self.now.average_tenths or 0
        if "average_above" in when and not average > when["average_above"] * 10:
            return False
        if "average_up_to" in when and average > when["average_up_to"] * 10:
            return False
        if "months" in when and self.now.at.month not in when["months"]:
            return False
        return "entitled" not in when or when["entitled"] == self.now.entitled

    @staticmethod
    def _spans(component) -> bool:
        when = component.get("when", {})
        return "month_above" in when or "month_up_to" in when

    def _in_span(self, component, month: Fraction) -> bool:
        when = component.get("when", {})
        if month <= when.get("month_above", 0) * 10:
            return False
        return "month_up_to" not in when or month <= when["month_up_to"] * 10

    def _paid(self, printed) -> Fraction:
        """A printed figure in minor units of the currency that is paid."""
        value = Fraction(printed)
        if "pegged" in self.head:
            value *= Fraction(self.now.rate.rate)
            if "decimals" in self.head["pegged"]:
                places = 10 ** self.head["pegged"]["decimals"]
                value = Fraction(half_up(value * places), places)
        return value * self.scale

    def _kwh_price(self, printed) -> Fraction:
        if self.head.get("prices_in") == "minor":
            printed = Fraction(printed) / self.scale
        return self._paid(printed)

    # ------------------------------------------------------------ what climbs with the units

    def _table(self, component) -> Iterator[tuple[Fraction | None, Fraction]]:
        """(end in tenths of the month, minor units a tenth) of each block."""
        if component["kind"] == "per_kwh":
            price = component.get("price")
            for row in component.get("prices", ()):
                since = row["from"]
                since = since if isinstance(since, datetime) else datetime(*since.timetuple()[:3])
                if since <= self.now.at:
                    price = row["price"]
            yield None, self._kwh_price(price) / 10
            return
        months = 1
        if component.get("skipped_months") == "add_up":
            months = max(1, _months(self.now.last_bought or self.now.day, self.now.day))
        for row in component["blocks"]:
            end = Fraction(row["up_to"]) * 10 * months if "up_to" in row else None
            yield end, self._kwh_price(row["price"]) / 10

    def _whole_month(self, component, month: Fraction) -> Fraction:
        """A month of so many tenths from its very first."""
        total, begin = Fraction(0), Fraction(0)
        for end, price in self._table(component):
            stop = month if end is None else min(month, end)
            if stop > begin:
                total += (stop - begin) * price
                begin = stop
        return total

    def _energy(self, component, tenths: Fraction) -> Fraction:
        if not self._holds(component):
            return Fraction(0)
        before, after = Fraction(self.start), self.start + tenths
        if not self._spans(component):
            return self._whole_month(component, after) - self._whole_month(component, before)
        free = self._whole_month(component, Fraction(self.unpriced))
        cost = Fraction(0)
        if self._in_span(component, after):
            cost += self._whole_month(component, after) - free
        if self.has_bought and self._in_span(component, before):
            cost -= self._whole_month(component, before) - free
        return cost

    def parts(self, tenths: Fraction | int) -> dict[str, Fraction]:
        """What each component costs for `tenths` > 0, dues left out."""
        tenths = Fraction(tenths)
        found: dict[str, Fraction] = {}
        for c in self.components:
            cost = Fraction(0)
            if c["kind"] in ("blocks", "per_kwh"):
                cost = self._energy(c, tenths)
            elif c["kind"] == "credit":
                cost = tenths
            elif c["kind"] == "monthly_fee" and self._spans(c) and self._holds(c):
                cost += self._paid(c["amount"]) * self._in_span(c, self.start + tenths)
                if self.has_bought:
                    cost -= self._paid(c["amount"]) * self._in_span(c, Fraction(self.start))
            elif self._is_on_top(c):
                cost = sum((found[code] for code in c["of"]), cost) * Fraction(c["percent"]) / 100
            found[c["code"]] = cost
        return found

    def cost(self, tenths: Fraction | int) -> Fraction:
        """T(units), dues left out."""
        return sum(self.parts(tenths).values(), Fraction(0)) if tenths else Fraction(0)

    # ------------------------------------------------------------ what is due first

    def _is_on_top(self, c) -> bool:
        on_top = c["kind"] == "levy" or (c["kind"] == "vat" and not c["included"])
        return on_top and self._holds(c)

    def taxed(self, code: str) -> Fraction:
        """What one unit of money of a component costs with every levy and tax on it."""
        taxes = (c for c in self.components if self._is_on_top(c) and code in c["of"])
        return 1 + sum(
            (Fraction(c["percent"]) / 100 * self.taxed(c["code"]) for c in taxes), Fraction(0)
        )

    def debts(self, c) -> list:
        """The debts that an arrears component takes back, in its order."""
        owing = [d for d in self.now.debts if d.balance_minor > 0]
        if "accounts" in c:
            owing = [d for d in owing if d.account in c["accounts"]]
        if c.get("order") == "listed":
            return [d for name in c["accounts"] for d in owing if d.account == name]
        return sorted(owing, key=lambda d: (d.since, d.account))

    def owed(self, c, payment: Fraction) -> Fraction:
        """What there is to settle of a due, without its taxes."""
        state = self.now.fee(c["code"])
        if c["kind"] == "arrears":
            return Fraction(sum(d.balance_minor for d in self.debts(c)))
        if c["kind"] == "channel_fee":
            fee = self._paid(c.get("amount", 0)) + payment * Fraction(c.get("percent", 0)) / 100
            fee = max(fee, self._paid(c.get("least", 0)))
            return min(fee, self._paid(c["most"])) if "most" in c else fee
        periods = 0
        if c["kind"] == "daily_fee":
            if state.through is not None:
                periods = max(0, self.now.day.toordinal() - state.through.toordinal())
            periods = min(periods, c.get("days_max", periods))
        elif state.through is None:
            periods = 1
        else:
            periods = _months(state.through, self.now.day)
            lost = c.get("skipped_months", "lost") == "lost"
            periods = min(periods, 1 if lost else c.get("months_max", periods))
        return state.owed_minor + periods * self._paid(c["amount"])

    def is_due(self, c) -> bool:
        fees = ("daily_fee", "channel_fee", "arrears", "monthly_fee")
        return c["kind"] in fees and not self._spans(c) and self._holds(c)

    def dues(self, payment: Fraction | int) -> dict[str, Fraction]:
        """What a payment settles first, without taxes, by component."""
        payment = left = Fraction(payment)
        found: dict[str, Fraction] = {}
        for c in filter(self.is_due, self.components):
            gives = left
            if "share" in c:
                of = left if c.get("share_of") == "rest" else payment
                gives = min(gives, of * Fraction(c["share"]) / 100)
            if "most" in c and c["kind"] != "channel_fee":
                gives = min(gives, Fraction(c["most"]) * self.scale)
            gross = min(gives, self.owed(c, payment) * self.taxed(c["code"]))
            found[c["code"]] = gross / self.taxed(c["code"])
            left -= gross
        return found

    def left(self, payment: int) -> Fraction:
        """What of a payment is left for energy."""
        taken = self.dues(payment).items()
        return payment - sum((sum_ * self.taxed(code) for code, sum_ in taken), Fraction(0))

    # ------------------------------------------------------------ money to units

    def raw_tenths(self, left: Fraction) -> Fraction:
        """The largest number of tenths that `left` covers, where more never costs less."""
        best, tenth = Fraction(0), 0
        while True:
            half, whole = self.cost(tenth + Fraction(1, 2)), self.cost(tenth + 1)
            begin, climb = 2 * half - whole, 2 * (whole - half)  # straight within a tenth
            if begin >= left:
                return best
            best = tenth + min(Fraction(1), (left - begin) / climb)
            if best < tenth + 1:
                return best
            tenth += 1

    def steps(self, raw_tenths: Fraction) -> int:
        """Whole steps of the grid."""
        steps = raw_tenths / self.step
        match self.head["unit_rounding"]:
            case "down":
                return floor(steps)
            case "up":
                return -floor(-steps)
        return floor(steps + Fraction(1, 2))

    # ------------------------------------------------------------ the lines

    def net(self, code: str) -> Fraction:
        """The share of a printed price that is no included VAT."""
        for c in self.components:
            if c["kind"] == "vat" and c["included"] and code in c["of"]:
                return 100 / (100 + Fraction(c["percent"]))
        return Fraction(1)

    def line_sums(self, payment: int, raw: Fraction) -> dict[str, int]:
        """Lines that follow the money: fees, arrears by account, levies, taxes. Nought left out."""
        dues, at_money = self.dues(payment), self.parts(raw) if raw else {}
        gross: dict[str, Fraction] = {}
        found: dict[str, int] = {}
        for c in self.components:
            code = c["code"]
            gross[code] = at_money.get(code, Fraction(0)) + dues.get(code, Fraction(0))
            if self._is_on_top(c):
                share = Fraction(c["percent"]) / 100
                gross[code] = sum((gross[b] for b in c["of"]), Fraction(0)) * share
            elif c["kind"] == "vat" and c["included"]:
                base = sum((gross[b] for b in c["of"]), Fraction(0))
                found[code] = self._line(base - base * 100 / (100 + Fraction(c["percent"])))
                continue
            if c["kind"] == "arrears":
                rest = self._line(dues.get(code, Fraction(0)))
                for debt in self.debts(c):
                    paid = min(rest, debt.balance_minor)
                    found[f"{code} {debt.account}"] = paid
                    rest -= paid
            elif self.is_due(c) or self._is_on_top(c):
                found[code] = self._line(gross[code] * self.net(code))
        return {code: amount for code, amount in found.items() if amount}

    def _line(self, amount: Fraction) -> int:
        return rounded(amount, self.money_rule)
