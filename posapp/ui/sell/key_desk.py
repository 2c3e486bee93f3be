"""A meter's key change at the counter: ask whether it was taken, or print the set alone. No Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from posapp.errors import PosError
from posapp.lanes import Lane, Urgency
from posapp.ui.sell.state import Phase

if TYPE_CHECKING:
    from posapp.ui.sell.presenter import SellPresenter


class KeyDesk:
    """The part of the sell page's decisions that is about keys."""

    def __init__(self, page: SellPresenter) -> None:
        self._page = page

    def answer(self, *, took: bool) -> None:
        """The customer said whether the meter took its key change; the meter is read again."""
        page, state = self._page, self._page.state
        context, operator = state.context, page.operator
        if not state.asks_about_key or context is None or operator is None:
            return
        number, answer = context.found.meter.number, page.till.desk.change_key.answer
        page.tasks.run(
            Lane.SALE,
            lambda: answer(number, operator.operator_id, took=took),
            lambda _: page.choose(context.found),
            page.fail,
        )

    def change(self) -> bool:
        """Where the key change comes first: make it. Whether that was the next step."""
        page, state = self._page, self._page.state
        context, operator, problem = state.context, page.operator, state.context_problem
        if problem is None or problem.code != "KEY_CHANGE_FIRST":
            return False
        assert context is not None and operator is not None
        number = context.found.meter.number
        page.asked_at = page.till.clock.now()
        page.show(replace(state, phase=Phase.SELLING, failure=None))
        page.tasks.run(
            Lane.SALE,
            lambda: page.till.desk.change_key(number, operator.operator_id),
            page.sold,
            self._not_changed,
            urgency=Urgency.SALE,
        )
        return True

    def _not_changed(self, error: PosError) -> None:
        page = self._page
        page.show(replace(page.state, phase=Phase.QUOTE, failure=error))
