"""Tariffs made for tests, and the same tariffs computed again the slow and obvious way."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from posapp.domain.money import CURRENCIES
from posapp.pricing.month import MonthLedger
from posapp.pricing.pack import TariffPack, load_pack


@dataclass(frozen=True)
class Plan:
    """A tariff in words a test can say; prices in major units a kWh, ends in tenths of a kWh."""

    prices: tuple[Decimal, ...] = (Decimal("16.50"), Decimal("18.57"))
    ends: tuple[int, ...] = (1000,)
    fee: Decimal | None = None
    surcharge: Decimal | None = None
    levy: Decimal | None = None
    vat: Decimal | None = Decimal("16")
    included: bool = False
    rounding: str = "nearest"
    currency: str = "KES"

    @property
    def scale(self) -> int:
        return CURRENCIES[self.currency].scale

    def text(self) -> str:
        """As a clerk would write it."""
        lines = [
            "format = 1",
            'code = "TEST"',
            "version = 7",
            'name = "Test tariff"',
            f'currency = "{self.currency}"',
            "effective_from = 2025-07-01",
            f'unit_rounding = "{self.rounding}"',
            'source = "made up"',
        ]
        base = []
        if self.fee is not None:
            lines += ["[[component]]", 'kind = "monthly_fee"', 'code = "fee"']
            lines += [f"amount = {self.fee:f}"]
            base.append("fee")
        rows = [f"  {{ price = {p:f} }}," for p in self.prices]
        for index, end in enumerate(self.ends):
            rows[index] = f"  {{ up_to = {Decimal(end) / 10}, price = {self.prices[index]:f} }},"
        lines += ["[[component]]", 'kind = "blocks"', 'code = "energy"', "blocks = [", *rows, "]"]
        base.append("energy")
        if self.surcharge is not None:
            lines += ["[[component]]", 'kind = "per_kwh"', 'code = "fuel"']
            lines += [f"price = {self.surcharge:f}", 'counts_as = "levy"']
            base.append("fuel")
        if self.levy is not None:
            lines += ["[[component]]", 'kind = "levy"', 'code = "rural"']
            lines += [f"percent = {self.levy:f}", 'of = ["energy"]']
            base.append("rural")
        if self.vat is not None:
            lines += ["[[component]]", 'kind = "vat"', 'code = "vat"', f"percent = {self.vat:f}"]
            quoted = ", ".join(f'"{code}"' for code in base)
            lines += [f"of = [{quoted}]", f"included = {str(self.included).lower()}"]
        lines += ["[[example]]", 'name = "one"', "buy = 1", "cost = 1"]
        return "\n".join(lines) + "\n"

    def pack(self) -> TariffPack:
        return load_pack(self.text(), "test.toml")

    def cost(self, tenths: Fraction | int, month: MonthLedger) -> Fraction:
        """Minor units for `tenths` > 0, adding up unit by unit of the printed table."""
        tenths = Fraction(tenths)
        energy, start = Fraction(0), Fraction(month.units_tenths)
        stop = start + tenths
        for index, price in enumerate(self.prices):
            end = Fraction(self.ends[index]) if index < len(self.ends) else stop
            part = max(Fraction(0), min(stop, end) - start)
            energy += part * Fraction(price) / 10
            start += part
        fee = Fraction(0 if self.fee is None or month.fee_paid else self.fee)
        fuel = tenths / 10 * Fraction(self.surcharge or 0)
        rural = energy * Fraction(self.levy or 0) / 100
        total = energy + fee + fuel + rural
        if self.vat is not None and not self.included:
            total += total * Fraction(self.vat) / 100
        return total * self.scale

    def units_for(self, amount_minor: int, month: MonthLedger, most: int) -> int:
        """Tenths that `amount_minor` buys, by trying them one after the other."""
        whole = 0
        while whole < most and self.cost(whole + 1, month) <= amount_minor:
            whole += 1
        assert whole < most
        if self.rounding == "nearest":
            return whole + (self.cost(whole + Fraction(1, 2), month) <= amount_minor)
        if self.rounding == "up":
            return whole + (whole == 0 or self.cost(whole, month) < amount_minor)
        return whole


def decimals(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(least), Decimal(most), places=places)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Random tariffs in which 0.1 kWh costs at least one minor unit."""
    count = draw(st.integers(1, 4))
    places = draw(st.integers(0, 4))
    prices = draw(st.lists(decimals("11", "40", places), min_size=count, max_size=count))
    ends = draw(st.lists(st.integers(1, 300), min_size=count - 1, max_size=count - 1, unique=True))
    included = draw(st.booleans())
    return Plan(
        prices=tuple(prices),
        ends=tuple(sorted(ends)),
        fee=draw(st.none() | decimals("0.01", "300", 2)),
        surcharge=draw(st.none() | decimals("0.01", "9", 4)),
        levy=None if included else draw(st.none() | decimals("0.1", "30", 1)),
        vat=draw(decimals("0", "25", 1)) if included else draw(st.none() | decimals("0", "25", 1)),
        included=included,
        rounding=draw(st.sampled_from(["up", "nearest", "down"])),
        currency=draw(st.sampled_from(["KES", "UGX", "TND"])),
    )


MONTHS = st.builds(MonthLedger, st.integers(0, 400), st.booleans())
