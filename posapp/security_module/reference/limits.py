"""How much of each vending key may still be used: counted down with every token.

Units (and money on the token) are the security control: what a thief could take. The declared
value is head office's accounting. `engine.py` calls in the transaction that records the tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from posapp.domain.money import currency
from posapp.errors import InputError, ModuleError
from posapp.security_module.reference.books import Books, LimitRow
from posapp.security_module.reference.issue import Made
from posapp.wire.authorisation import GRANTS_MAX, Grant

MONEY_UNITS_PER_ONE = 100_000  # a currency token counts in 0.00001 of the base currency


def use(books: Books, made: Iterable[Made]) -> None:
    """Count down what was made, or refuse all of it.

    Raises ModuleError LIMIT_UNITS(sgc, krn, left_tenths), LIMIT_CURRENCY(sgc, krn, left) in
    0.00001, LIMIT_VALUE(sgc, krn, left_minor). A key without a grant has nothing left.
    """
    rows = {(row.sgc, row.krn): row for row in books.limits()}
    changed: dict[tuple[str, int], LimitRow] = {}
    for one in made:
        if not (one.units or one.money_units or one.item.value_minor):
            continue
        name = (one.sgc, one.krn)
        row = changed.get(name) or rows.get(name) or LimitRow(*name)
        changed[name] = _less(row, one.units, one.money_units, one.item.value_minor)
    for row in changed.values():
        books.put_limit(row)


def _less(row: LimitRow, units: int, money: int, value_minor: int) -> LimitRow:
    left = row.units_granted - row.units_used
    if units > left:
        raise ModuleError("LIMIT_UNITS", sgc=row.sgc, krn=row.krn, left_tenths=left)
    left = row.money_granted - row.money_used
    if money > left:
        raise ModuleError("LIMIT_CURRENCY", sgc=row.sgc, krn=row.krn, left=left)
    left = row.value_granted_minor - row.value_used_minor
    if value_minor > left:
        raise ModuleError("LIMIT_VALUE", sgc=row.sgc, krn=row.krn, left_minor=left)
    return replace(
        row,
        units_used=row.units_used + units,
        money_used=row.money_used + money,
        value_used_minor=row.value_used_minor + value_minor,
    )


def grown(rows: Iterable[LimitRow], grants: Iterable[Grant]) -> tuple[LimitRow, ...]:
    """The rows that grants change. A key that is not named keeps what it has.

    Raises InputError AUTHORISATION_SHRINKS(sgc, krn): a total that is lower than before;
    AUTHORISATION_GRANTS(maximum): more keys than are ever listed.
    """
    known = {(row.sgc, row.krn): row for row in rows}
    changed = []
    for grant in grants:
        row = known.get((grant.sgc, grant.krn)) or LimitRow(grant.sgc, grant.krn)
        after = replace(
            row,
            units_granted=grant.units_total,
            money_granted=grant.money_units_total,
            value_granted_minor=grant.value_total_minor,
        )
        if (
            after.units_granted < row.units_granted
            or after.money_granted < row.money_granted
            or after.value_granted_minor < row.value_granted_minor
        ):
            raise InputError("AUTHORISATION_SHRINKS", sgc=grant.sgc, krn=grant.krn)
        known[grant.sgc, grant.krn] = after
        changed.append(after)
    if len(known) > GRANTS_MAX:
        raise InputError("AUTHORISATION_GRANTS", maximum=GRANTS_MAX)
    return tuple(changed)


def growth_minor(before: Iterable[LimitRow], after: Iterable[LimitRow], currency_code: str) -> int:
    """What a document adds, in minor units, for the rule of two signers.

    The declared value alone would let one person grant energy for nothing: a unit of 0.1 kWh
    counts as one minor unit at least, money on a token as what it is.
    """
    old = {(row.sgc, row.krn): row for row in before}
    per_minor = MONEY_UNITS_PER_ONE // 10 ** currency(currency_code).minor_digits
    total = 0
    for row in after:
        was = old.get((row.sgc, row.krn)) or LimitRow(row.sgc, row.krn)
        value = row.value_granted_minor - was.value_granted_minor
        units = row.units_granted - was.units_granted
        money = -(-(row.money_granted - was.money_granted) // max(1, per_minor))
        total += max(value, units + money)
    return total


def is_used_up(row: LimitRow) -> bool:
    """Whether nothing at all can be made for money under a key any more."""
    nothing = row.units_used == row.units_granted and row.money_used == row.money_granted
    return nothing or row.value_used_minor == row.value_granted_minor
