"""The list of customers as CSV for those who need not know who they are: names are masked."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial

from posapp.domain.customer import Customer, mask_end, mask_name
from posapp.ports import Reader, Store

HEADER = ("customer_id", "name", "account", "phone", "meters")
PAGE = 1000


class ExportPeople:
    """Runs on the report lane, page by page: sales go in between."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self) -> Iterator[str]:
        """Lines of CSV (RFC 4180), the header first; no address, no whole name, phone or account.

        Raises StoreError.
        """
        yield _line(HEADER)
        last = 0
        while True:
            page = self._store.read(partial(_page, last))
            for customer, meters in page:
                yield _line(_masked(customer, meters))
                last = customer.customer_id
            if len(page) < PAGE:
                return


def _page(after: int, reader: Reader) -> tuple[tuple[Customer, int], ...]:
    return reader.people(after, PAGE)


def _masked(customer: Customer, meters: int) -> tuple[str, ...]:
    return (
        str(customer.customer_id),
        mask_name(customer.name),
        mask_end(customer.account),
        mask_end(customer.phone),
        str(meters),
    )


def _line(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
