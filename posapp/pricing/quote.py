"""Prices a sale both ways: what a sum of money buys and what units cost, line by line.

Pure functions of a tariff and a situation. `cost` has the arithmetic, `curve` and `dues` the
lines, `advice` what a customer may want to know before paying.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import localcontext
from fractions import Fraction

from posapp.domain.energy import UNITS_TENTHS_MAX
from posapp.domain.money import Currency
from posapp.domain.sale import LineKind, SaleLine
from posapp.errors import SaleError
from posapp.pricing.advice import Advice as Advice
from posapp.pricing.advice import advise
from posapp.pricing.cost import Costing, Position
from posapp.pricing.curve import Sold
from posapp.pricing.dues import ArrearsDue, FeeAsleep, FeeDue
from posapp.pricing.exact import EXACT, half_up, rounded
from posapp.pricing.situation import FeeState, Rate, Situation
from posapp.pricing.tariff import InvoiceTitle, TariffPack
from posapp.pricing.terms import Terms, bind
from posapp.sts.amounts import (
    UNITS_PER_CURRENCY,
    decode_currency,
    decode_units,
    encode_currency,
    encode_units,
)

ROUNDING = "rounding"  # the code of the line that closes the gap between lines and money
CASH_ROUNDING = "cash_rounding"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a quote was asked for: a sum, or units and whether they are paid in coins."""

    amount_minor: int = 0
    units_tenths: int = 0
    cash: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """A priced sale. The lines add up to `amount_minor`.

    `units_tenths` is the energy sold for money (0 for a meter that counts money), `free_tenths`
    comes with it as a token of its own, which carries `free_token_units`. `token_units` is what
    the credit token carries: 0.1 kWh, or 0.00001 of the currency. `situation` is what it was
    priced under, before this sale; `fees` and `debts` are what is settled and owed after it,
    `back_minor` what of the sum asked about goes back because it buys nothing.
    """

    tariff: str
    tariff_name: str
    currency: Currency
    amount_minor: int
    units_tenths: int
    lines: tuple[SaleLine, ...]
    situation: Situation
    advice: tuple[Advice, ...]
    token_units: int
    carries_money: bool = False
    free_tenths: int = 0
    free_token_units: int = 0
    fees: tuple[tuple[str, FeeState], ...] = ()
    debts: tuple[tuple[str, int], ...] = ()
    rate: Rate | None = None
    invoice: InvoiceTitle | None = None
    back_minor: int = 0
    asked: Asked = Asked()


def price_again(pack: TariffPack, quote: Quote, situation: Situation) -> Quote:
    """What was asked for in `quote`, in another situation or under another version.

    Raises SaleError as `by_money` does.
    """
    asked = quote.asked
    if asked.amount_minor:
        return by_money(pack, asked.amount_minor, situation)
    return by_units(pack, asked.units_tenths, situation, cash=asked.cash)


def by_money(pack: TariffPack, amount_minor: int, situation: Situation) -> Quote:
    """What `amount_minor` buys; the customer pays exactly that, or less where the tariff gives
    change.

    Raises SaleError: AMOUNT_BELOW_MINIMUM with `minimum_minor` where it buys no step of the grid,
    AMOUNT_IN_GAP with `lower_minor`, `lower_tenths` and `upper_minor` where much of it would buy
    nothing, UNITS_ABOVE_TOKEN with `maximum_tenths` and `maximum_minor` where one token cannot
    carry it, and what `terms.bind` raises.
    """
    with localcontext(EXACT):
        quote = money_quote(Costing(bind(pack, situation)), amount_minor)
    return replace(quote, asked=Asked(amount_minor))


def by_units(
    pack: TariffPack, units_tenths: int, situation: Situation, *, cash: bool = False
) -> Quote:
    """What `units_tenths` cost, or the next more a token can carry (IEC 62055-41 6.3.6).

    `by_money` of the answer's amount is the same quote wherever a step costs at least one minor
    unit; with `cash` the amount is a multiple of the tariff's smallest coin. For a meter that
    counts money the units are minor units of credit. Raises SaleError as `by_money` does.
    """
    with localcontext(EXACT):
        quote = units_quote(Costing(bind(pack, situation)), units_tenths, cash=cash)
    return replace(quote, asked=Asked(0, units_tenths, cash))


def money_quote(costing: Costing, amount_minor: int) -> Quote:
    """`by_money` of terms that are bound already. Use it inside the EXACT context."""
    if amount_minor < 1:
        raise _below_minimum(costing)
    position = _position(costing, amount_minor)
    steps = costing.steps(position.raw_tenths)
    if steps < 1 or (steps == 1 and amount_minor < costing.least_minor()):
        raise _below_minimum(costing)
    units = _carried(costing, steps)
    if costing.terms.pack.gives_change:
        fitting = _payment(costing, units)
        if fitting < amount_minor:
            quote = _quote(costing, fitting, units, _position(costing, fitting))
            return replace(quote, back_minor=amount_minor - fitting)
    elif _wasted(costing, position, units):
        raise SaleError(
            "AMOUNT_IN_GAP",
            lower_minor=_payment(costing, units),
            lower_tenths=units,
            upper_minor=_payment(costing, units + costing.terms.step_tenths),
        )
    return _quote(costing, amount_minor, units, position)


def units_quote(costing: Costing, units_tenths: int, *, cash: bool = False) -> Quote:
    """`by_units` of terms that are bound already. Use it inside the EXACT context."""
    if units_tenths < 1:
        raise _below_minimum(costing)
    steps = -(-units_tenths // costing.terms.step_tenths)
    units = _carried(costing, steps)
    amount = _payment(costing, units)
    coins = costing.terms.pack.cash_rounding
    position = _position(costing, amount)
    if cash and coins is not None:
        count = rounded(Fraction(amount, coins.step_minor), coins.rule)
        asked = max(1, count) * coins.step_minor  # units are never sold for nothing
        return _quote(costing, amount, units, position, coins_minor=asked - amount)
    return _quote(costing, amount, units, position)


def _wasted(costing: Costing, position: Position, units_tenths: int) -> bool:
    """Whether more than a step's worth of the money would buy nothing."""
    step_minor = position.next_minor * costing.terms.step_tenths
    return position.unspent_minor > step_minor or costing.jumped(position.raw_tenths, units_tenths)


def _payment(costing: Costing, units_tenths: int) -> int:
    return max(costing.payment(units_tenths), costing.least_minor())


def _position(costing: Costing, amount_minor: int) -> Position:
    return costing.position(amount_minor - costing.terms.dues_total(amount_minor))


def _below_minimum(costing: Costing) -> SaleError:
    return SaleError("AMOUNT_BELOW_MINIMUM", minimum_minor=costing.least_minor())


def _carried(costing: Costing, steps: int) -> int:
    """Tenths of what a token can carry: above 1638.3 kWh its steps grow, and it rounds up."""
    terms = costing.terms
    if terms.pack.sells_money:
        return steps
    if steps > UNITS_TENTHS_MAX:
        most = UNITS_TENTHS_MAX * terms.step_tenths
        raise SaleError(
            "UNITS_ABOVE_TOKEN", maximum_tenths=most, maximum_minor=costing.payment(most)
        )
    return decode_units(encode_units(steps)) * terms.step_tenths


def _token_units(terms: Terms, units_tenths: int) -> int:
    if not terms.pack.sells_money:
        return decode_units(encode_units(-(-units_tenths // terms.step_tenths)))
    credit = units_tenths * UNITS_PER_CURRENCY // terms.pack.currency.scale
    return decode_currency(*encode_currency(credit))


def _quote(
    costing: Costing,
    amount_minor: int,
    units_tenths: int,
    position: Position,
    *,
    coins_minor: int = 0,
) -> Quote:
    """The sale of `units_tenths` for `amount_minor`, which are already a pair."""
    terms = costing.terms
    pack = terms.pack
    dues = terms.dues(amount_minor)
    at_units = costing.amounts(units_tenths * 2)
    sold = Sold(units_tenths, at_units, position.amounts, dues, pack.money_rounding)
    lines: list[SaleLine] = []
    for place, part in enumerate(terms.parts):
        lines.extend(part.lines(sold, place, pack.net_shares[place]))
    rest = amount_minor - sum(line.amount_minor for line in lines)
    for code, extra in ((ROUNDING, rest), (CASH_ROUNDING, coins_minor)):
        if extra:
            lines.append(SaleLine(LineKind.ROUNDING, code, extra))
    return Quote(
        tariff=pack.reference,
        tariff_name=pack.name,
        currency=pack.currency,
        amount_minor=amount_minor + coins_minor,
        units_tenths=0 if pack.sells_money else units_tenths,
        lines=tuple(lines),
        situation=terms.situation,
        advice=tuple(advise(costing, units_tenths, amount_minor)),
        token_units=_token_units(terms, units_tenths),
        carries_money=pack.sells_money,
        free_tenths=terms.free_tenths,
        free_token_units=_token_units(terms, terms.free_tenths) if terms.free_tenths else 0,
        fees=_fees_after(terms, sold),
        debts=_debts_after(terms, sold),
        rate=terms.situation.rate if pack.pegged else None,
        invoice=pack.invoice(amount_minor + coins_minor),
    )


def _fees_after(terms: Terms, sold: Sold) -> tuple[tuple[str, FeeState], ...]:
    found = []
    day = terms.situation.day
    for place, part in enumerate(terms.parts):
        if isinstance(part, FeeDue) and (part.owed_minor or part.first):  # else all as it was
            left = max(0, half_up(part.owed_minor) - sold.minor(sold.dues[place]))
            through = terms.situation.fee(part.code).through  # later than now if paid ahead
            found.append((part.code, FeeState(max(day, through or day), left)))
        elif isinstance(part, FeeAsleep):
            found.append((part.code, FeeState(day, part.owed_minor)))
    return tuple(found)


def _debts_after(terms: Terms, sold: Sold) -> tuple[tuple[str, int], ...]:
    found = []
    for place, part in enumerate(terms.parts):
        if isinstance(part, ArrearsDue):
            for debt, paid in part.shares(sold.minor(sold.dues[place])):
                found.append((debt.account, debt.balance_minor - paid))
    return tuple(found)
