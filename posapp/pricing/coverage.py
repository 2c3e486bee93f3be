"""Whether the conditions of a tariff's energy leave somebody, or some unit, without a price."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from posapp.domain.energy import units_text
from posapp.pricing.components import When


def gap_in(conditions: Sequence[When]) -> str:
    """For whom none of the conditions holds, in words for a clerk; empty when there is nobody.

    Conditions change only at the numbers they name, so one try on each side of every number,
    each month and both kinds of customers finds any gap.
    """
    averages = _sides([w for c in conditions for w in (c.average_above, c.average_up_to)])
    units = _sides(
        [edge for c in conditions if c.span for edge in (c.span.above, c.span.up_to)], least=1
    )
    months = range(1, 13) if any(c.months for c in conditions) else (1,)
    people = (False, True) if any(c.entitled is not None for c in conditions) else (False,)
    for average, bought, month, entitled in product(averages, units, months, people):
        if not any(_holds(c, average, bought, month, entitled=entitled) for c in conditions):
            words = (
                f"for an average of {units_text(average)} kWh" if len(averages) > 1 else "",
                f"for {units_text(bought)} kWh this month" if len(units) > 1 else "",
                f"in month {month}" if len(months) > 1 else "",
                ("for the entitled" if entitled else "for the not entitled")
                if len(people) > 1
                else "",
            )
            return ", ".join(word for word in words if word)
    return ""


def _sides(numbers: Sequence[int | None], least: int = 0) -> list[int]:
    known = {number for number in numbers if number is not None}
    return sorted({least, *(n for n in known if n >= least), *(n + 1 for n in known)})


def _holds(condition: When, average: int, bought: int, month: int, *, entitled: bool) -> bool:
    return (
        (condition.span is None or condition.span.holds(bought * 2))
        and (condition.average_above is None or average > condition.average_above)
        and (condition.average_up_to is None or average <= condition.average_up_to)
        and (not condition.months or month in condition.months)
        and (condition.entitled is None or condition.entitled is entitled)
    )
