"""Personal data of customers: who they are, what is theirs, and how a person is erased.

Names, phones and addresses stand in `customer` and its word index and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from posapp.domain.customer import Customer
from posapp.domain.meter import Meter
from posapp.store import search

PAGE_MAX = 1000

OLD_WORDS = "SELECT name, address FROM customer WHERE customer_id = ?"
DROP_WORDS = (
    "INSERT INTO customer_words (customer_words, rowid, name, address) VALUES ('delete', ?, ?, ?)"
)
_DELETE = "DELETE FROM customer WHERE customer_id = ?"
_ERASED = "INSERT INTO erased_person (customer_id, place) VALUES (?, ?) ON CONFLICT DO NOTHING"
_IS_ERASED = "SELECT 1 FROM erased_person WHERE customer_id = ? LIMIT 1"
# The word index otherwise keeps a deleted name until it merges, which may be never.
_INDEX_FORGETS = "INSERT INTO customer_words (customer_words, rank) VALUES ('secure-delete', ?)"
_PAGES_FORGET = "PRAGMA secure_delete = {}"
PEOPLE = (
    "SELECT c.customer_id, c.name, c.account, c.phone, c.address,"
    " (SELECT count(*) FROM meter m WHERE m.customer_id = c.customer_id)"
    " FROM customer c WHERE c.customer_id > ? ORDER BY c.customer_id LIMIT ?"
)

Run = Callable[..., Any]


def delete(run: Run, customer_id: int) -> bool:
    """Take a customer out of the table and its word index; whether there was one."""
    old = run(OLD_WORDS, (customer_id,)).first()
    if old is None:
        return False
    run(DROP_WORDS, (customer_id, *old))
    run(_DELETE, (customer_id,))
    return True


def erase(run: Run, customer_id: int, place: int) -> None:
    """Delete a person so that no page keeps a piece, and remember the bare number.

    Copies of the store made earlier keep the person until they are replaced.
    """
    run(_PAGES_FORGET.format(1))
    run(_INDEX_FORGETS, (1,))
    delete(run, customer_id)
    run(_INDEX_FORGETS, (0,))
    run(_PAGES_FORGET.format(0))
    run(_ERASED, (customer_id, place))


def is_erased(run: Run, customer_id: int) -> bool:
    """Whether two people erased this customer at this till."""
    return run(_IS_ERASED, (customer_id,)).first() is not None


def page(connection: Connection, after: int, limit: int) -> tuple[tuple[Customer, int], ...]:
    """Customers with a number above `after`, by number, and how many meters each has."""
    rows = connection.exec_driver_sql(PEOPLE, (after, min(limit, PAGE_MAX)))
    return tuple((Customer(*row[:5]), int(row[5])) for row in rows)


def meters_of(connection: Connection, customer_id: int) -> tuple[Meter, ...]:
    """A customer's meters, at most 200."""
    return tuple(found.meter for found in search.of_customer(connection, customer_id))
