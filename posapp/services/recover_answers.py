"""After a restore: ask the module what it made since the backup, and book what no sale tells of.

The module's book is signed and chained; digits come by the request they were made for. Nothing
is sold until it was asked, or until somebody with the right to it decides to go on without.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from posapp.clock import from_epoch_ms
from posapp.domain.operator import Operator
from posapp.domain.permissions import Operation, check_first
from posapp.errors import InputError
from posapp.journal.restore_facts import AnswersRecovered, OrphanFound, OrphanItem
from posapp.ports import (
    IssueResult,
    ModuleOffer,
    ModuleStatus,
    Reader,
    SecurityModule,
    Store,
    UnitOfWork,
)
from posapp.wire.audit import AuditEntry, AuditHead, AuditKind, verify_entries

MARGIN = timedelta(days=2)  # the module's clock and ours differ by less
SCANNED_MAX = 2000  # entries that are read one by one; in a longer book the place is searched
BLIND_RECEIPTS = 2000  # left out for what the module cannot count: payments of a week, or all

log = logging.getLogger("posapp.sale")


class RecoverAnswers:
    """Runs on the sale lane when the module is there. Idempotent: a power cut costs nothing."""

    def __init__(self, store: Store, module: SecurityModule) -> None:
        self._store = store
        self._module = module

    def __call__(self) -> int:
        """How many orphans were booked; 0 at once when nothing was restored.

        Some 10 ms for six entries of the module's book. Raises ModuleError, StoreError,
        InputError AUDIT_INVALID(field) when what the module says does not hang together.
        """
        since = self._store.read(lambda reader: reader.recovering_since())
        if since is None:
            return 0
        status = self._module.refresh()
        if ModuleOffer.AUDIT not in status.offers:
            raise InputError("ANSWERS_UNLISTED", module=status.module_id)
        till_id = self._store.read(lambda reader: reader.site().till_id)
        booked = 0
        for entry in self._orders(status, since - MARGIN):
            if entry.body.get(1) == till_id and self._book(entry, status.module_id, till_id):
                booked += 1
        self._finish(status.module_id, status.last_sequence, booked)
        log.info("the module was asked what it made after the backup: %d orders", booked)
        return booked

    def go_on_without(self, operator: Operator, reason: str) -> None:
        """The module is lost or keeps no book: a supervisor decides to sell again.

        Raises InputError OPERATION_DENIED, REASON_MISSING, StoreError.
        """
        check_first(Operation.CLOSE_UNRESOLVED, operator)
        if not reason.strip():
            raise InputError("REASON_MISSING", variance_minor=0)
        status = self._module.status()

        def write(uow: UnitOfWork) -> None:
            if uow.recovering_since() is None:
                return
            ours = uow.last_sequence(status.module_id)
            uow.append(
                AnswersRecovered(
                    status.module_id,
                    ours,
                    max(ours, status.last_sequence),
                    uow.next_receipt() - 1 + BLIND_RECEIPTS,
                    0,
                    False,
                    operator.operator_id,
                    reason.strip()[:120],
                )
            )

        self._store.write(write)

    def _orders(self, status: ModuleStatus, since: datetime) -> Iterator[AuditEntry]:
        """The ISSUE entries from a moment to the book's signed end, checked link by link."""
        after = self._start(since)
        number, hash32 = 0, b""
        while True:
            part = self._module.read_audit(after)
            if not part.entries:
                break
            if not hash32:
                first = AuditEntry.from_bytes(part.entries[0])
                number, hash32 = first.number - 1, first.previous_hash32
            verdict = verify_entries(number, hash32, part.entries)
            if verdict.broken_number is not None:
                raise InputError("AUDIT_INVALID", field=verdict.reason)
            number, hash32 = verdict.number, verdict.hash32
            for data in part.entries:
                entry = AuditEntry.from_bytes(data)
                if entry.kind is AuditKind.ISSUE and 0 in entry.body:
                    yield entry
            after = number
        head = AuditHead(status.module_id, part.number, part.hash32, part.signature)
        head.check(status.audit_key)
        if hash32 and (number, hash32) != (head.number, head.hash32):
            raise InputError("AUDIT_INVALID", field="head")

    def _start(self, since: datetime) -> int:
        """An entry's number before which everything is older than `since`."""
        part = self._module.read_audit(0)
        if part.number <= SCANNED_MAX or not part.entries:
            return 0
        low, high = 0, part.number
        while high - low > SCANNED_MAX // 10:
            middle = (low + high) // 2
            page = self._module.read_audit(middle).entries
            first = AuditEntry.from_bytes(page[0]) if page else None
            if first is not None and from_epoch_ms(first.at_ms) < since:
                low = middle
            else:
                high = middle
        return low

    def _book(self, entry: AuditEntry, module_id: str, till_id: bytes) -> bool:
        """Book an order that no sale tells of; whether it is one."""
        request_id = entry.body[0]

        def is_known(reader: Reader) -> bool:
            return reader.sale(request_id) is not None or reader.is_orphan(request_id)

        if self._store.read(is_known):
            return False
        answer = self._module.fetch(request_id, till_id)
        tokens = answer.tokens if isinstance(answer, IssueResult) else ()

        def write(uow: UnitOfWork) -> None:
            made = from_epoch_ms(entry.at_ms)
            day = uow.site().business_date(made).toordinal()
            uow.append(_orphan(entry, module_id, tokens, day))

        self._store.write(write)
        return True

    def _finish(self, module_id: str, upto: int, booked: int) -> None:
        def write(uow: UnitOfWork) -> None:
            if uow.recovering_since() is None:
                return
            ours = uow.last_sequence(module_id)
            # An intent took a sequence number at least; a payment took a receipt and none.
            lost = max(0, upto - ours)
            receipt = uow.next_receipt() - 1 + lost + BLIND_RECEIPTS
            uow.append(AnswersRecovered(module_id, ours, upto, receipt, booked, True))

        self._store.write(write)


def _orphan(
    entry: AuditEntry, module_id: str, tokens: tuple[str, ...], business_date: int
) -> OrphanFound:
    body = entry.body
    try:
        items = tuple(
            OrphanItem(kind, subclass, tid, base_date, carried, value)
            for kind, subclass, _, _, tid, base_date, carried, value, _ in body[5]
        )
        return OrphanFound(
            request_id=body[0],
            module_id=module_id,
            sequence=body[2],
            issue_no=body[3],
            made_ms=entry.at_ms,
            meter=body[4],
            items=items,
            tokens=tokens,
            business_date=business_date,
        )
    except (LookupError, TypeError, ValueError):
        raise InputError("AUDIT_INVALID", field="order") from None
