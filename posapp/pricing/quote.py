"""Prices a sale both ways: what a sum of money buys and what units cost, line by line.

Pure functions of pack and month ledger. `cost` has the arithmetic, `components` the lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import localcontext

from posapp.domain.energy import UNITS_TENTHS_MAX
from posapp.domain.money import Currency
from posapp.domain.sale import LineKind, SaleLine
from posapp.errors import SaleError
from posapp.pricing.components import EXACT, BlockEnergy, Sold, rate_text
from posapp.pricing.cost import Costing, Position
from posapp.pricing.month import MonthLedger
from posapp.pricing.tariff import TariffPack
from posapp.sts.amounts import decode_units, encode_units

ROUNDING = "rounding"  # the code of the line that closes the gap between lines and money


@dataclass(frozen=True, slots=True)
class Advice:
    """Something the customer may want to know before paying.

    BLOCK_LEFT(amount_minor, units_tenths, rate, next_rate): the units left in the present block
    and what they cost in all, when this sale goes beyond them.
    FEE_DUE(amount_minor): the fees of the month, taxed, that this sale pays first.
    """

    code: str
    params: dict[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quote:
    """A priced sale. The lines add up to `amount_minor`; `units_tenths` is what the token carries.

    `month` is the ledger it was priced under, before this sale.
    """

    tariff: str
    tariff_name: str
    currency: Currency
    amount_minor: int
    units_tenths: int
    lines: tuple[SaleLine, ...]
    month: MonthLedger
    advice: tuple[Advice, ...]


def by_money(pack: TariffPack, amount_minor: int, month: MonthLedger) -> Quote:
    """What `amount_minor` buys; the customer pays exactly that.

    Raises SaleError AMOUNT_BELOW_MINIMUM with `minimum_minor` where it does not buy 0.1 kWh, and
    UNITS_ABOVE_TOKEN with `maximum_tenths` and `maximum_minor` where one token cannot carry it.
    """
    with localcontext(EXACT):
        costing = Costing(pack, month)
        if amount_minor < costing.price(1):
            raise _below_minimum(costing)
        position = costing.position(amount_minor)
        units = costing.on_grid(position.raw_tenths)
        if units < 1:
            raise _below_minimum(costing)
        return _quote(costing, amount_minor, _carried(costing, units), position)


def by_units(pack: TariffPack, units_tenths: int, month: MonthLedger) -> Quote:
    """What `units_tenths` cost, or the next more a token can carry (IEC 62055-41 6.3.6).

    `by_money` of the answer's amount is the same quote wherever 0.1 kWh costs at least one minor
    unit. Raises SaleError as `by_money` does.
    """
    with localcontext(EXACT):
        costing = Costing(pack, month)
        if units_tenths < 1:
            raise _below_minimum(costing)
        carried = _carried(costing, units_tenths)
        amount_minor = max(costing.price(carried), costing.least_minor())
        return _quote(costing, amount_minor, carried, costing.position(amount_minor))


def _below_minimum(costing: Costing) -> SaleError:
    return SaleError("AMOUNT_BELOW_MINIMUM", minimum_minor=costing.least_minor())


def _carried(costing: Costing, units_tenths: int) -> int:
    """The amount field of a token has steps above 1638.3 kWh and is rounded up to one."""
    if units_tenths > UNITS_TENTHS_MAX:
        raise SaleError(
            "UNITS_ABOVE_TOKEN",
            maximum_tenths=UNITS_TENTHS_MAX,
            maximum_minor=costing.price(UNITS_TENTHS_MAX),
        )
    return decode_units(encode_units(units_tenths))


def _quote(costing: Costing, amount_minor: int, units_tenths: int, position: Position) -> Quote:
    """The sale of `units_tenths` for `amount_minor`, which are already a pair."""
    pack, month = costing.pack, costing.month
    at_units = costing.amounts(units_tenths * 2)
    sold = Sold(units_tenths, month, at_units, position.amounts)
    lines: list[SaleLine] = []
    for index, component in enumerate(pack.components):
        lines.extend(component.lines(sold, index, pack.net_shares[index]))
    rest = amount_minor - sum(line.amount_minor for line in lines)
    if rest:
        lines.append(SaleLine(LineKind.ROUNDING, ROUNDING, rest))
    return Quote(
        tariff=pack.reference,
        tariff_name=pack.name,
        currency=pack.currency,
        amount_minor=amount_minor,
        units_tenths=units_tenths,
        lines=tuple(lines),
        month=month,
        advice=(*_fee_due(costing, lines), *_block_left(costing, units_tenths)),
    )


def _fee_due(costing: Costing, lines: list[SaleLine]) -> Iterator[Advice]:
    if any(line.kind is LineKind.FEE for line in lines):
        yield Advice("FEE_DUE", {"amount_minor": costing.entry_minor()})


def _block_left(costing: Costing, units_tenths: int) -> Iterator[Advice]:
    """Only for a sale that leaves its block: it explains the jump in price."""
    pack = costing.pack
    for component, net in zip(pack.components, pack.net_shares, strict=True):
        after = component.block_after(costing.month) if isinstance(component, BlockEnergy) else None
        if after is not None and units_tenths > after[0]:
            left, block, following = after
            yield Advice(
                "BLOCK_LEFT",
                {
                    "amount_minor": costing.price(left),
                    "units_tenths": left,
                    "rate": rate_text(block.price, net),
                    "next_rate": rate_text(following.price, net),
                },
            )
