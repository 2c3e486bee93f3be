"""The day's figures, checks and papers. No Qt; the facts come from the report lane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from posapp.domain.sale import SOLD_STATES
from posapp.errors import ConfigError, PosError
from posapp.lanes import Lane
from posapp.ui.running import Runner

if TYPE_CHECKING:
    from posapp.ports import Reader
    from posapp.reports.daily_facts import DailyFacts
    from posapp.services.till import Till

SALES_PAGE = 500


@dataclass(frozen=True, slots=True)
class DayState:
    """Everything the page shows. `hours` is (hour, minor units, sales) of each hour with sales."""

    day: date | None = None
    today: date | None = None
    facts: DailyFacts | None = None
    hours: tuple[tuple[int, int, int], ...] = ()
    loading: bool = False
    saved: str = ""
    printed: bool = False
    failure: PosError | None = None


class DayPresenter:
    """Reads one business date at a time."""

    def __init__(
        self, till: Till, tasks: Runner, changed: Callable[[DayState], None], folder: Path
    ) -> None:
        self._till = till
        self._tasks = tasks
        self._changed = changed
        self._folder = folder
        self.state = DayState()

    def start(self) -> None:
        """Show today, read afresh."""
        today = self._till.site.business_date(self._till.clock.now())
        self._load(replace(DayState(), day=self.state.day or today, today=today))

    def step(self, days: int) -> None:
        """Another day, never after today."""
        state = self.state
        if state.day is None or state.today is None:
            return
        day = min(state.today, state.day + timedelta(days=days))
        if day != state.day:
            self._load(DayState(day=day, today=state.today))

    def _load(self, state: DayState) -> None:
        self._set(replace(state, loading=True))
        day = state.day
        assert day is not None
        till = self._till

        def read() -> tuple[DailyFacts, tuple[tuple[int, int, int], ...]]:
            return till.report.facts(day), till.store.read(lambda r: self._hours(r, day))

        self._tasks.run(Lane.REPORT, read, self._read, self._fail, key="day")

    def _read(self, answer: tuple[DailyFacts, tuple[tuple[int, int, int], ...]]) -> None:
        facts, hours = answer
        self._set(replace(self.state, facts=facts, hours=hours, loading=False))

    def _hours(self, reader: Reader, day: date) -> tuple[tuple[int, int, int], ...]:
        sums: dict[int, list[int]] = {}
        after = 0
        while True:
            page = reader.sales_on(day, SALES_PAGE, after)
            for record in page:
                if record.state in SOLD_STATES:
                    row = sums.setdefault(self._till.site.local(record.at).hour, [0, 0])
                    row[0] += record.intent.amount_minor
                    row[1] += 1
            if len(page) < SALES_PAGE:
                break
            after = page[-1].intent_seq
        return tuple((hour, minor, count) for hour, (minor, count) in sorted(sums.items()))

    def print_slip(self) -> None:
        """The slip of the day on the receipt printer."""
        day = self.state.day
        if day is not None and self.state.facts is not None:
            self._tasks.run(
                Lane.SALE,
                lambda: self._till.report.print_slip(day),
                lambda _: self._set(replace(self.state, printed=True, failure=None)),
                self._fail,
            )

    def save_pdf(self) -> None:
        """The A4 page as a file in the till's folder `reports`."""
        day = self.state.day
        if day is None or self.state.facts is None:
            return
        path = self._folder / "reports" / f"daily-{day.isoformat()}.pdf"

        def work() -> str:
            data = self._till.report.pdf(day)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            except OSError as error:
                raise ConfigError("FOLDER_UNUSABLE", folder=str(path.parent)) from error
            return str(path)

        self._tasks.run(
            Lane.REPORT,
            work,
            lambda saved: self._set(replace(self.state, saved=saved, failure=None)),
            self._fail,
        )

    def _fail(self, error: PosError) -> None:
        self._set(replace(self.state, failure=error, loading=False))

    def _set(self, state: DayState) -> None:
        self.state = state
        self._changed(state)
