"""What must hold beside the chain: every page, every booking's sum, every stored document.

The journal proves itself; these are the parts of a store that no hash of it covers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from posapp.codec import cbor
from posapp.db.errors import translate
from posapp.errors import InputError
from posapp.store.schema import seq_of

FLAWS_MAX = 20  # enough to see what is wrong
PAGE = 200  # documents read at once

_SUMS = "SELECT place FROM posting GROUP BY place HAVING sum(amount_minor) <> 0 LIMIT ?"
_HEADLESS = (
    "SELECT p.place FROM posting p LEFT JOIN booking b ON b.place = p.place"
    " WHERE b.place IS NULL GROUP BY p.place LIMIT ?"
)
_UNFOUNDED = (
    "SELECT b.place FROM booking b LEFT JOIN journal j ON j.place = b.place"
    " WHERE j.place IS NULL LIMIT ?"
)
_DOCUMENTS = (
    "SELECT job_id, document, sale_id IS NULL OR EXISTS"
    " (SELECT 1 FROM sale s WHERE s.sale_id = print_job.sale_id)"
    " FROM print_job WHERE job_id > ? ORDER BY job_id LIMIT ?"
)


def flaws(connection: Connection) -> tuple[str, ...]:
    """The first flaws in words without what stands in the rows; none when all holds.

    Reads every live page: about 200 MB a second. Never raises for damage.
    """
    found: list[str] = []
    for check in (_pages, _bookings, _documents):
        found += _told(check, connection, FLAWS_MAX - len(found))
        if found and check is _pages:
            return tuple(found)  # what a broken page holds says nothing
    return tuple(found)


def _told(
    check: Callable[[Connection], Iterator[str]], connection: Connection, most: int
) -> list[str]:
    found: list[str] = []
    try:
        for flaw in check(connection):
            if len(found) >= most:
                break
            found.append(flaw)
    except DBAPIError as error:
        known = translate(error)
        if known is None:
            raise
        found.append(f"a page cannot be read ({known.code})")
    return found


def _pages(connection: Connection) -> Iterator[str]:
    """Every live page through its checksum, log included, in one snapshot."""
    row = connection.exec_driver_sql("PRAGMA quick_check(1)").first()
    if row is not None and row[0] != "ok":
        yield "the pages do not hang together"


def _bookings(connection: Connection) -> Iterator[str]:
    for words, statement in (
        ("does not add up to zero", _SUMS),
        ("has postings and no head", _HEADLESS),
        ("has no entry in the journal", _UNFOUNDED),
    ):
        for row in connection.exec_driver_sql(statement, (FLAWS_MAX,)):
            yield f"booking {seq_of(row[0])} {words}"


def _documents(connection: Connection) -> Iterator[str]:
    last = 0
    while True:
        rows = connection.exec_driver_sql(_DOCUMENTS, (last, PAGE)).all()
        for job_id, document, has_sale in rows:
            last = job_id
            if not has_sale:
                yield f"document {job_id} is of a sale that is not there"
            try:
                cbor.decode(document)
            except InputError:
                yield f"document {job_id} cannot be read"
        if len(rows) < PAGE:
            return
