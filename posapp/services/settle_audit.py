"""Let a module's signed book say what became of sales whose answer never came.

The book proves that tokens were made, never which: digits are in no book. That they were not
made is proven only by the sale's own number, burnt or passed, in a stretch that holds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from posapp.domain.permissions import Operation
from posapp.errors import InputError
from posapp.journal.facts import SaleEnded, SaleIntended, SaleSettled
from posapp.ports import Clock, Reader, SaleRecord, SecurityModule, Store, UnitOfWork
from posapp.services.override import Consent, Override, Signed, still_allowed
from posapp.wire.audit import AuditEntry, AuditFile, AuditKind

NOT_MADE = "AUDIT_NOT_MADE"
HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Settled:
    """Receipt numbers: tokens were made (digits lost), none were made, the book says nothing."""

    made: tuple[int, ...] = ()
    not_made: tuple[int, ...] = ()
    silent: tuple[int, ...] = ()


class SettleAudit:
    """Runs on the sale lane; a file of 50,000 entries takes some seconds."""

    def __init__(
        self, store: Store, module: SecurityModule, clock: Clock, override: Override
    ) -> None:
        self._store = store
        self._module = module
        self._clock = clock
        self._override = override

    def __call__(self, data: bytes, operator_id: int) -> Settled:
        """End every open sale of the file's module that the file is sure about.

        Raises InputError OPERATION_DENIED, AUDIT_INVALID(field), SIGNATURE_INVALID,
        AUDIT_KEY_UNKNOWN(module), SETTLE_ASK_FIRST(module) while that module is there to be
        asked; nothing was changed then.
        """
        file = AuditFile.from_bytes(data)
        module_id = file.head.module_id
        parameters = {0: module_id, 1: file.head.number, 2: file.head.hash32}
        signed = self._override(Operation.SETTLE_AUDIT, operator_id, Consent(), parameters)
        status = self._module.status()
        there = status.state.answers and status.module_id == module_id
        if there:
            raise InputError("SETTLE_ASK_FIRST", module=module_id)
        key = self._store.read(lambda reader: reader.module_key(module_id))
        if not key:
            raise InputError("AUDIT_KEY_UNKNOWN", module=module_id)
        verdict = file.check(key)
        if verdict.broken_number is not None:
            raise InputError("AUDIT_INVALID", field=verdict.reason)
        till_id = self._store.read(lambda reader: reader.site().till_id)
        entries = [AuditEntry.from_bytes(entry) for entry in file.entries]
        book = _Book(till_id, entries, is_whole=file.after == 0)
        return self._store.write(lambda uow: self._settle(uow, module_id, book, signed))

    def _settle(self, uow: UnitOfWork, module_id: str, book: _Book, signed: Signed) -> Settled:
        still_allowed(uow, signed)
        made, not_made, silent = [], [], []
        day = uow.site().business_date(self._clock.now())
        for record in _open_at(uow, module_id):
            sale, seq = record.intent, record.intent_seq
            issue = book.issue_of(sale)
            if issue is not None:
                by = signed.first.operator_id
                uow.append(SaleSettled(seq, issue.number, issue.body[6], by))
                made.append(sale.receipt)
            elif book.never_made(sale):
                uow.append(SaleEnded(seq, SaleEnded.REFUSED, NOT_MADE))
                not_made.append(sale.receipt)
            else:
                silent.append(sale.receipt)
                continue
            uow.append(signed.fact(day, sale.sale_id))
        return Settled(tuple(made), tuple(not_made), tuple(silent))


class _Book:
    """What a module's entries say of the orders of one till."""

    def __init__(self, till_id: bytes, entries: Iterable[AuditEntry], *, is_whole: bool) -> None:
        self._issues: dict[bytes, AuditEntry] = {}
        self._burnt: dict[bytes, int] = {}
        self._first_sequence = self._last_sequence = 0
        self._is_whole = is_whole
        for entry in entries:
            body = entry.body
            if entry.kind not in (AuditKind.ISSUE, AuditKind.CANCEL) or body.get(1) != till_id:
                continue
            request_id, sequence = body.get(0), body.get(2)
            if not isinstance(request_id, bytes) or type(sequence) is not int:
                continue
            self._first_sequence = self._first_sequence or sequence
            self._last_sequence = max(self._last_sequence, sequence)
            if entry.kind is AuditKind.ISSUE:
                self._issues[request_id] = entry
            else:
                self._burnt[request_id] = max(self._burnt.get(request_id, 0), sequence)

    def issue_of(self, sale: SaleIntended) -> AuditEntry | None:
        """The entry that made a sale's tokens. Raises InputError AUDIT_INVALID(field)."""
        entry = self._issues.get(sale.sale_id)
        if entry is None:
            return None
        digest = entry.body.get(6)
        if entry.body.get(4) != sale.meter or not isinstance(digest, bytes):
            raise InputError("AUDIT_INVALID", field="order")
        if len(digest) != HASH_BYTES:
            raise InputError("AUDIT_INVALID", field="digits")
        return entry

    def never_made(self, sale: SaleIntended) -> bool:
        """Whether the request can never have been carried out, and never will be.

        A sale may have got another number after an older one was burnt. Entries that head office
        has had are forgotten: a book that begins behind the number says nothing of it.
        """
        if self._burnt.get(sale.sale_id, 0) >= sale.sequence:
            return True
        held = self._is_whole or 0 < self._first_sequence <= sale.sequence
        return held and self._last_sequence > sale.sequence


def _open_at(reader: Reader, module_id: str) -> tuple[SaleRecord, ...]:
    return tuple(r for r in reader.open_sales() if r.intent.module_id == module_id)
