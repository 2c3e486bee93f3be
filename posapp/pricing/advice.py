"""What a customer may want to know before paying: blocks, cliffs, fees, free units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from posapp.pricing.cost import Costing
from posapp.pricing.curve import Energy, SpanFee
from posapp.pricing.dues import FeeDue
from posapp.pricing.exact import half_up, rate_text


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know; sums are minor units with all taxes, units tenths of a kWh.

    FEE_DUE(amount_minor): the fees that this sale pays first.
    BLOCK_ROOM(amount_minor, units_tenths, rate, next_rate): how much more money stays in the
    present block, and how many units that is.
    BLOCK_LEFT(amount_minor, units_tenths, rate, next_rate): this sale goes beyond its block; the
    sum that would have stayed in it.
    CLIFF_AHEAD(units_tenths, jump_minor): after so many units more the month costs so much more.
    CLIFF_CROSSED(lower_minor, units_tenths, jump_minor): this sale pays that; the sum that would
    not have, and what it buys.
    FREE_UNITS(units_tenths): they come with this sale.
    """

    code: str
    params: dict[str, int | str] = field(default_factory=dict)


def advise(costing: Costing, units_tenths: int, amount_minor: int) -> Iterator[Advice]:
    """For a sale of `units_tenths` for `amount_minor`. Use it inside the EXACT context."""
    yield from _fee_due(costing, units_tenths, amount_minor)
    yield from _cliffs(costing, units_tenths)
    yield from _block(costing, units_tenths, amount_minor)
    if costing.terms.free_tenths:
        yield Advice("FREE_UNITS", {"units_tenths": costing.terms.free_tenths})


def _fee_due(costing: Costing, units_tenths: int, amount_minor: int) -> Iterator[Advice]:
    terms = costing.terms
    dues = terms.dues(amount_minor)
    fees = Fraction(0)
    for place, part in enumerate(terms.parts):
        if isinstance(part, FeeDue):
            fees += dues[place] * terms.with_taxes(place)
        elif isinstance(part, SpanFee):
            fees += Fraction(part.cost(units_tenths * 2, ())) * terms.with_taxes(place)
    if fees > 0:
        yield Advice("FEE_DUE", {"amount_minor": half_up(fees)})


def _cliffs(costing: Costing, units_tenths: int) -> Iterator[Advice]:
    for cliff in costing.cliffs():
        jump = half_up(cliff.jump_minor)
        if jump <= 0:
            continue
        if cliff.at_tenths >= units_tenths:
            left = cliff.at_tenths - units_tenths
            yield Advice("CLIFF_AHEAD", {"units_tenths": left, "jump_minor": jump})
            return
        lower = costing.payment(cliff.at_tenths)
        yield Advice(
            "CLIFF_CROSSED",
            {"lower_minor": lower, "units_tenths": cliff.at_tenths, "jump_minor": jump},
        )


def _block(costing: Costing, units_tenths: int, amount_minor: int) -> Iterator[Advice]:
    terms = costing.terms
    for part, net in zip(terms.parts, terms.pack.net_shares, strict=True):
        after = part.block_after() if isinstance(part, Energy) else None
        if after is None:
            continue
        left, block, following = after
        whole = costing.payment(left)
        params: dict[str, int | str] = {
            "units_tenths": left,
            "rate": rate_text(block.price, net),
            "next_rate": rate_text(following.price, net),
        }
        if units_tenths > left:
            yield Advice("BLOCK_LEFT", {"amount_minor": whole, **params})
        elif units_tenths < left and whole > amount_minor:
            params["units_tenths"] = left - units_tenths
            yield Advice("BLOCK_ROOM", {"amount_minor": whole - amount_minor, **params})
