"""Slips at the counter: what became of them, a copy, and a quote to take home. No Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from posapp.lanes import Lane
from posapp.ui.sell.state import Phase

if TYPE_CHECKING:
    from posapp.ports import PrintJob
    from posapp.ui.sell.presenter import SellPresenter


class PaperDesk:
    """The part of the sell page's decisions that is about paper."""

    def __init__(self, page: SellPresenter) -> None:
        self._page = page

    def look(self) -> None:
        """Ask the store what became of the slips that are shown."""
        page, sale_id = self._page, self._shown()
        if sale_id is None:
            return

        def read() -> tuple[bytes, tuple[PrintJob, ...]]:
            return sale_id, page.till.store.read(lambda r: r.print_jobs_of_sale(sale_id))

        page.tasks.run(Lane.LOOKUP, read, self._seen, page.fail, key="slips")

    def _seen(self, answer: tuple[bytes, tuple[PrintJob, ...]]) -> None:
        sale_id, jobs = answer
        state = self._page.state
        if state.sold is not None and state.sold.record.intent.sale_id == sale_id:
            state = replace(state, jobs=jobs)
        if state.last is not None and state.last.record.intent.sale_id == sale_id:
            state = replace(state, last=replace(state.last, jobs=jobs))
        if state != self._page.state:
            self._page.show(state)

    def copy(self) -> None:
        """F6: a copy of the slip that is shown."""
        page, sale_id = self._page, self._shown()
        if sale_id is not None:
            page.tasks.run(
                Lane.SALE, lambda: page.till.reprint(sale_id), lambda _: self.look(), page.fail
            )

    def _shown(self) -> bytes | None:
        """The sale whose slip is on the screen."""
        state = self._page.state
        record = state.sold.record if state.sold else state.last.record if state.last else None
        if record is None or state.phase not in (Phase.SOLD, Phase.IDLE):
            return None
        return record.intent.sale_id

    def quote(self) -> None:
        """F7: the quote on paper, to take home. Nothing is sold."""
        page, state, operator = self._page, self._page.state, self._page.operator
        context, quote = state.context, state.quote
        if state.phase is not Phase.QUOTE or quote is None or context is None or operator is None:
            return
        page.tasks.run(
            Lane.SALE,
            lambda: page.till.print_trial(context, quote, operator.operator_id),
            lambda _: page.show(replace(page.state, printed_quote=quote)),
            page.fail,
        )
