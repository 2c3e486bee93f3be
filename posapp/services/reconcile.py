"""Lay the module's book beside ours: every token it says it made must stand in a sale."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from posapp.errors import InputError, ModuleError
from posapp.journal.cash_facts import ModuleCount
from posapp.ports import ModuleOffer, Reader, SecurityModule, Store
from posapp.wire.audit import AuditEntry, AuditKind

ORPHANS_MAX = 200  # named one by one; a till with more has been restored from something old

# What an ISSUE entry of a module's book says of an order (`security_module.reference.audit`).
_REQUEST, _TILL, _ISSUE_NO, _ROWS = 0, 1, 3, 5
_ROW_TOKENS = 8

log = logging.getLogger("posapp.module")


@dataclass(slots=True)
class _Book:
    """What a module made for this till after a number: request id -> (number, tokens)."""

    first: int = 0
    through: int = 0
    lowest_issue: int = 0
    orders: dict[bytes, tuple[int, int]] = field(default_factory=dict)


class Reconcile:
    """Runs on the sale lane; some 10 ms a page of the module's book, read from the last Z on."""

    def __init__(self, store: Store, module: SecurityModule) -> None:
        self._store = store
        self._module = module

    def __call__(self) -> ModuleCount:
        """Both counts since they were compared last. Raises StoreError only.

        A module without a book, or one that is not there, is not compared: `compared` is false,
        and the next comparison begins where this one would have.
        """
        status = self._module.status()
        if ModuleOffer.AUDIT not in status.offers or not status.module_id:
            return ModuleCount(status.module_id)
        seq, after = self._store.read(lambda reader: reader.audit_mark(status.module_id))
        till_id = self._store.read(lambda reader: reader.site().till_id)
        try:
            book = self._read(after, till_id)
        except (ModuleError, InputError) as error:
            log.info("the module's book could not be read (%s)", error.code)
            return ModuleCount(status.module_id, after)
        return self._store.read(lambda r: _count(r, status.module_id, seq, after, book))

    def _read(self, after: int, till_id: bytes) -> _Book:
        book = _Book(through=after)
        while True:
            part = self._module.read_audit(book.through)
            if not part.entries:
                return book
            for data in part.entries:
                entry = AuditEntry.from_bytes(data)
                if entry.number <= book.through:
                    raise InputError("AUDIT_INVALID", field="number")
                book.first = book.first or entry.number
                book.through = entry.number
                _note(book, entry, till_id)


def _note(book: _Book, entry: AuditEntry, till_id: bytes) -> None:
    body = entry.body
    if entry.kind is not AuditKind.ISSUE or body.get(_TILL) != till_id:
        return
    rows = body.get(_ROWS, [])
    tokens = sum(row[_ROW_TOKENS] for row in rows)
    book.orders[bytes(body[_REQUEST])] = entry.number, tokens
    book.lowest_issue = book.lowest_issue or int(body[_ISSUE_NO])


def _count(reader: Reader, module_id: str, seq: int, after: int, book: _Book) -> ModuleCount:
    # A book that forgot its oldest entries begins later than we asked: so does the comparison.
    lowest = book.lowest_issue if book.first > after + 1 else 0
    ours = ledger = 0
    known: set[bytes] = set()
    for sale in reader.issued_since(seq):
        if sale.sale_id in book.orders:
            known.add(sale.sale_id)
            ledger += sale.tokens
        elif sale.tokens and sale.audit_no >= lowest and _made_by(reader, sale.sale_id, module_id):
            ledger += sale.tokens
    orphans = []
    for request_id, (number, tokens) in book.orders.items():
        if request_id in known:
            ours += tokens
            continue
        record = reader.sale(request_id)
        if record is not None and record.tokens:
            continue  # booked before the last comparison: the module answered it once more
        ours += tokens
        orphans.append(number)
    return ModuleCount(
        module_id, after, book.through, ours, ledger, tuple(sorted(orphans)[:ORPHANS_MAX])
    )


def _made_by(reader: Reader, sale_id: bytes, module_id: str) -> bool:
    record = reader.sale(sale_id)
    return record is not None and record.intent.module_id == module_id
