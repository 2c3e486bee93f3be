"""Export the ledger: every posting of some business dates, by somebody's own chart of accounts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from posapp.errors import InputError
from posapp.ports import Reader, Store
from posapp.ports.ledger import LedgerLine
from posapp.reports.chart import Chart
from posapp.reports.csv_rows import ledger_csv

DAYS_MAX = 400  # a year and what people add to it
PAGE = 2_000


class ExportLedger:
    """Runs on the report lane; about 30 000 postings a second."""

    def __init__(self, store: Store, chart: Chart) -> None:
        self._store = store
        self._chart = chart

    def __call__(self, first: date, last: date) -> bytes:
        """The CSV of resources/ledger/README.md. Raises InputError DATES_RANGE, StoreError."""
        if not 0 <= (last - first).days < DAYS_MAX:
            raise InputError("DATES_RANGE", days=DAYS_MAX)

        def read(reader: Reader) -> bytes:
            days = (first + timedelta(days=n) for n in range((last - first).days + 1))
            lines = (line for day in days for line in lines_on(reader, day))
            return ledger_csv(reader.site(), lines, self._chart)

        return self._store.read(read)


def lines_on(reader: Reader, day: date) -> Iterator[LedgerLine]:
    """All postings of a date, page by page."""
    after = 0
    while True:
        page = reader.ledger(day, PAGE, after)
        yield from page
        if not page:
            return
        after = page[-1].seq
