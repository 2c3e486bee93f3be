"""Tariffs made for tests: one by hand in a line, or random ones with every kind of component."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from posapp.pricing.pack import TariffPack, load_pack
from posapp.pricing.situation import Debt, FeeState, Rate, Situation

NOW = datetime(2025, 8, 13, 10, 30)
FRESH = Situation(at=NOW)
ACCOUNTS = ("water", "fines", "old")


def toml(value: Any) -> str:
    """A value as a clerk would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)


def pack_text(components: Iterable[dict[str, Any]], **head: Any) -> str:
    """A whole pack; `head` adds to or replaces what stands at its top."""
    fields: dict[str, Any] = {
        "format": 1,
        "code": "TEST",
        "version": 7,
        "name": "Test tariff",
        "currency": "KES",
        "effective_from": date(2025, 7, 1),
        "unit_rounding": "nearest",
        "source": "made up",
        **head,
    }
    tables = [("component", c) for c in components]
    tables.append(("example", {"name": "one", "buy": 1, "cost": 1}))
    lines = [f"{key} = {toml(value)}" for key, value in fields.items()]
    for name, table in tables:
        lines.append(f"\n[[{name}]]")
        lines += [f"{key} = {toml(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def pack_of(*components: dict[str, Any], **head: Any) -> TariffPack:
    return load_pack(pack_text(components, **head), "test.toml")


def blocks(
    prices: Iterable[Decimal | str], ends: Iterable[int] = (), **more: Any
) -> dict[str, Any]:
    """Energy in blocks; `ends` in tenths of a kWh."""
    rows: list[dict[str, Any]] = [{"price": Decimal(p)} for p in prices]
    for row, end in zip(rows, ends, strict=False):
        row["up_to"] = Decimal(end) / 10
    return {"kind": "blocks", "code": "energy", "blocks": rows, **more}


def vat(percent: str, *of: str, included: bool = False) -> dict[str, Any]:
    percentage = Decimal(percent)
    return {"kind": "vat", "code": "vat", "percent": percentage, "of": [*of], "included": included}


@dataclass(frozen=True)
class Plan:
    """A plain tariff in words a test can say; prices in major units a kWh, ends in tenths."""

    prices: tuple[Decimal, ...] = (Decimal("16.50"), Decimal("18.57"))
    ends: tuple[int, ...] = (1000,)
    fee: Decimal | None = None
    levy: Decimal | None = None
    vat: Decimal | None = Decimal("16")
    included: bool = False
    rounding: str = "nearest"
    currency: str = "KES"

    def text(self) -> str:
        parts = [blocks(self.prices, self.ends)]
        if self.fee is not None:
            parts.insert(0, {"kind": "monthly_fee", "code": "fee", "amount": self.fee})
        if self.levy is not None:
            parts.append({"kind": "levy", "code": "rural", "percent": self.levy, "of": ["energy"]})
        if self.vat is not None:
            parts.append(vat(str(self.vat), *(p["code"] for p in parts), included=self.included))
        return pack_text(parts, currency=self.currency, unit_rounding=self.rounding)

    def pack(self) -> TariffPack:
        return load_pack(self.text(), "test.toml")


# ---------------------------------------------------------------- random ones


@dataclass(frozen=True)
class Drawn:
    """A random tariff. 0.1 kWh of it costs at least one minor unit."""

    components: tuple[dict[str, Any], ...]
    head: dict[str, Any] = field(hash=False)

    @property
    def text(self) -> str:
        return pack_text(self.components, **self.head)

    def pack(self) -> TariffPack:
        return load_pack(self.text, "test.toml")

    def has(self, *kinds: str) -> bool:
        return any(c["kind"] in kinds for c in self.components)

    @property
    def jumps(self) -> bool:
        """Whether some limit of the month prices all of it anew."""
        return any(
            "month_above" in c.get("when", {}) or "month_up_to" in c.get("when", {})
            for c in self.components
        )

    def __repr__(self) -> str:
        return f"Drawn(\n{self.text})"


def decimals(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(least), Decimal(most), places=places)


PRICES = st.integers(0, 4).flatmap(lambda places: decimals("11", "40", places))
CHEAP = decimals("0.01", "9", 4)
SUMS = decimals("0.01", "90", 2)


def _maybe(draw: st.DrawFn, table: dict[str, Any], **fields: st.SearchStrategy[Any]) -> None:
    for key, strategy in fields.items():
        if draw(st.booleans()):
            table[key] = draw(strategy)


def _cap(draw: st.DrawFn, table: dict[str, Any]) -> None:
    """At most three dues take at most 30 % each: something is left for energy."""
    if draw(st.booleans()):
        table["share"] = draw(decimals("1", "30", 1))
        _maybe(draw, table, share_of=st.sampled_from(["payment", "rest"]))
    _maybe(draw, table, most=decimals("1", "90", 2))


WHEN = st.sampled_from(
    [{"entitled": False}, {"months": [7, 8]}, {"months": [1]}, {"average_up_to": 150}]
)


@st.composite
def _dues(draw: st.DrawFn) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind in draw(st.permutations(["monthly_fee", "daily_fee", "channel_fee", "arrears"])):
        if draw(st.integers(0, 2)):
            continue
        table: dict[str, Any] = {"kind": kind, "code": kind}
        match kind:
            case "monthly_fee":
                table["amount"] = draw(SUMS)
                kinds = st.sampled_from(["lost", "add_up"])
                _maybe(draw, table, skipped_months=kinds, months_max=st.integers(1, 5))
            case "daily_fee":
                table["amount"] = draw(decimals("0.01", "9", 2))
                _maybe(draw, table, days_max=st.integers(1, 30))
            case "channel_fee":
                table["amount"] = draw(SUMS)
                _maybe(draw, table, percent=decimals("0.1", "5", 1), least=decimals("0", "20", 2))
                _maybe(draw, table, most=decimals("20", "40", 2))
            case "arrears":
                _maybe(draw, table, accounts=st.permutations(ACCOUNTS[:2]).map(list))
                if "accounts" in table:
                    _maybe(draw, table, order=st.sampled_from(["oldest", "listed"]))
        if kind != "channel_fee":
            _cap(draw, table)
        _maybe(draw, table, when=WHEN)
        found.append(table)
    return found


@st.composite
def _block_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    ends = sorted(draw(st.lists(st.integers(1, 250), max_size=3, unique=True)))
    prices = draw(st.lists(PRICES, min_size=len(ends) + 1, max_size=len(ends) + 1))
    return list(blocks(prices, ends)["blocks"])


@st.composite
def _energy(draw: st.DrawFn) -> list[dict[str, Any]]:
    kind = draw(st.sampled_from(["blocks", "blocks", "per_kwh", "dated", "classes"]))
    table: dict[str, Any] = {"kind": "blocks", "code": "energy"}
    if kind == "blocks":
        table["blocks"] = draw(_block_rows())
        if draw(st.booleans()):
            table["skipped_months"] = draw(st.sampled_from(["lost", "add_up"]))
        return [table]
    table["kind"] = "per_kwh"
    if kind == "per_kwh":
        return [{**table, "price": draw(PRICES)}]
    if kind == "dated":
        days = [date(2025, 1, 1), date(2025, 8, 13), date(2025, 9, 1)]
        rows = [{"from": day, "price": draw(PRICES)} for day in days]
        return [{**table, "prices": rows, "until": datetime(2026, 1, 1, 12)}]
    small = {**table, "code": "small", "price": draw(PRICES), "when": {"average_up_to": 20}}
    return [small, {**table, "price": draw(PRICES), "when": {"average_above": 20}}]


@st.composite
def _classes_of_the_month(draw: st.DrawFn, *, upwards: bool) -> list[dict[str, Any]]:
    """A limit in the month, energy on both sides and perhaps fees that come and go with it."""
    limit = Decimal(draw(st.integers(1, 250))) / 10
    low, high = draw(PRICES), draw(PRICES)
    if upwards:
        low, high = sorted((low, high))
    below, above = {"month_up_to": limit}, {"month_above": limit}
    found: list[dict[str, Any]] = [
        {"kind": "per_kwh", "code": "lifeline", "price": low, "when": below},
        {"kind": "blocks", "code": "energy", "blocks": [{"price": high}], "when": above},
    ]
    if draw(st.booleans()):
        amount = draw(SUMS)
        found.append({"kind": "monthly_fee", "code": "charge", "amount": amount, "when": above})
    if not upwards and draw(st.booleans()):
        amount = draw(SUMS)
        found.append({"kind": "monthly_fee", "code": "small_charge", "amount": amount})
        found[-1]["when"] = below
    return found


@st.composite
def _surcharges(draw: st.DrawFn) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if draw(st.booleans()):
        table = {"kind": "per_kwh", "code": "fuel", "price": draw(CHEAP), "counts_as": "levy"}
        found.append(table)
    if draw(st.integers(0, 3)) == 0:
        rows = [{"from": date(2025, 1, 1), "price": draw(CHEAP)}]
        rows.append({"from": date(2025, 8, 1), "price": draw(st.just(Decimal(0)) | CHEAP)})
        found.append({"kind": "per_kwh", "code": "forex", "prices": rows, "counts_as": "levy"})
    return found


@st.composite
def _percentages(draw: st.DrawFn, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Levies of chosen components, levies of levies, and a tax on top or included."""
    codes = [p["code"] for p in parts if p["kind"] != "free_units"]
    found: list[dict[str, Any]] = []
    levied: set[str] = set()

    def some(known: list[str]) -> list[str]:
        chosen = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True))
        if "lifeline" in chosen and "energy" in known and "energy" not in chosen:
            chosen.append("energy")  # or a limit upwards could make the month cheaper
        return chosen

    for number in range(draw(st.integers(0, 2))):
        of = some([*codes, *(f["code"] for f in found)])
        levied.update(of)
        table = {"kind": "levy", "code": f"levy{number}", "of": of}
        table["percent"] = draw(decimals("0.1", "20", 1))
        _maybe(draw, table, when=WHEN)
        found.append(table)
    if draw(st.integers(0, 3)) == 0:
        return found
    percent = str(draw(decimals("0", "25", 1)))
    debtors = {p["code"] for p in parts if p["kind"] == "arrears"}
    plain = [c for c in codes if c not in levied | debtors]
    if plain and draw(st.booleans()):
        return [*found, vat(percent, *some(plain), included=True)]
    return [*found, vat(percent, *some([*codes, *(f["code"] for f in found)]))]


@st.composite
def _heads(draw: st.DrawFn) -> dict[str, Any]:
    head: dict[str, Any] = {
        "currency": draw(st.sampled_from(["KES", "UGX", "TND"])),
        "unit_rounding": draw(st.sampled_from(["up", "nearest", "down"])),
    }
    rules = st.sampled_from(["half_up", "half_even", "up", "down"])
    _maybe(draw, head, money_rounding=rules, leftover=st.sampled_from(["rounding", "change"]))
    if draw(st.integers(0, 3)) == 0:
        head["pegged"] = {"currency": "USD", "days_max": 7}
        _maybe(draw, head["pegged"], decimals=st.integers(2, 4))
    if draw(st.integers(0, 3)) == 0:
        head["cash_rounding"] = {"step": draw(st.sampled_from([1, 5, 10])), "rule": draw(rules)}
    return head


@st.composite
def tariffs(draw: st.DrawFn, *, cliffs: str = "none", dues: bool = True) -> Drawn:
    """Random tariffs; `cliffs` "up" may jump upwards at a limit of the month, "sure" does,
    "any" jumps either way.

    Without `dues` there is nothing that the first sale of a month has and the second has not.
    """
    if cliffs in ("any", "sure") or (cliffs == "up" and draw(st.booleans())):
        parts = draw(_classes_of_the_month(upwards=cliffs != "any"))
    else:
        parts = draw(_energy())
    parts += draw(_surcharges())
    if dues:
        parts = [*draw(_dues()), *parts]
    if dues and draw(st.integers(0, 2)) == 0:
        table = {"kind": "free_units", "code": "free", "counts_in_blocks": draw(st.booleans())}
        table["units"] = Decimal(draw(st.integers(1, 100))) / 10
        _maybe(draw, table, when=st.just({"entitled": True}))
        parts.insert(draw(st.integers(0, len(parts))), table)
    if not dues:
        parts[0].pop("skipped_months", None)
    parts += draw(_percentages(parts))
    return Drawn(tuple(parts), draw(_heads()))


@st.composite
def money_tariffs(draw: st.DrawFn) -> Drawn:
    """For meters that count money."""
    parts = [*draw(_dues()), {"kind": "credit", "code": "credit"}]
    head = draw(_heads())
    head.pop("pegged", None)
    head["unit_rounding"] = "down"
    return Drawn((*parts, *draw(_percentages(parts))), head)


@st.composite
def situations(draw: st.DrawFn, *, ratios: tuple[int, ...] = (1,)) -> Situation:
    """Any month of any meter, with debts and fees behind."""
    through = st.none() | st.integers(0, 200).map(lambda days: NOW.date() - timedelta(days=days))
    codes = draw(st.sets(st.sampled_from(["monthly_fee", "daily_fee"])))
    states = st.builds(FeeState, through, st.integers(0, 5000))
    debts = [
        Debt(account, draw(st.integers(0, 20_000)), date(2025, 1, draw(st.integers(1, 28))))
        for account in sorted(draw(st.sets(st.sampled_from(ACCOUNTS))))
    ]
    return Situation(
        at=NOW,
        bought_tenths=draw(st.integers(0, 300)),
        free_tenths=draw(st.sampled_from([0, 0, 20, 200])),
        average_tenths=draw(st.none() | st.integers(0, 3000)),
        entitled=draw(st.booleans()),
        last_bought=draw(through),
        fees=tuple((code, draw(states)) for code in sorted(codes)),
        debts=tuple(debts),
        rate=Rate("USD", draw(decimals("1", "3", 4)), NOW.date()),
        ct_ratio=draw(st.sampled_from(ratios)),
    )


def after(situation: Situation, quote: Any) -> Situation:
    """The meter's situation once a quote was sold."""
    fees = {**dict(situation.fees), **dict(quote.fees)}
    owed = dict(quote.debts)
    return replace(
        situation,
        bought_tenths=situation.bought_tenths + quote.units_tenths,
        free_tenths=situation.free_tenths + quote.free_tenths,
        last_bought=situation.day,
        fees=tuple(fees.items()),
        debts=tuple(
            replace(d, balance_minor=owed.get(d.account, d.balance_minor)) for d in situation.debts
        ),
    )
