"""Whether the conditions of a tariff's energy leave somebody, or some unit, without a price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from posapp.domain.energy import units_text
from posapp.pricing.components import When
from posapp.pricing.curve import Span


@dataclass(frozen=True, slots=True)
class Priced:
    """When a component of energy holds, and for which units of the month it has no price."""

    when: When
    free: tuple[Span, ...] = ()


def gap_in(components: Sequence[Priced]) -> str:
    """For whom no component has a price, in words for a clerk; empty when there is nobody.

    Conditions change only at the numbers they name, so one try on each side of every number,
    each month and both kinds of customers finds any gap.
    """
    conditions = [component.when for component in components]
    spans = [c.span for c in conditions if c.span]
    spans += [span for component in components for span in component.free]
    averages = _sides([w for c in conditions for w in (c.average_above, c.average_up_to)])
    units = _sides([edge for span in spans for edge in (span.above, span.up_to)], least=1)
    months = range(1, 13) if any(c.months for c in conditions) else (1,)
    people = (False, True) if any(c.entitled is not None for c in conditions) else (False,)
    for average, bought, month, entitled in product(averages, units, months, people):
        if not any(
            _holds(c.when, average, bought, month, entitled=entitled)
            and not any(span.holds(bought * 2) for span in c.free)
            for c in components
        ):
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
