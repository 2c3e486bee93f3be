"""The module's own book: every token, refusal, load and start as an entry of a hash chain.

An entry is written in the transaction of what it tells. The form of the chain is in
`posapp.wire.audit`; the bodies are here.

    ISSUE          {0: request id, 1: till, 2: sequence, 3: issue number, 4: meter,
                    5: [[kind, subclass, sgc, krn, tid, base date, carried, value, tokens], ...],
                    6: SHA-256 of the digits}
    ISSUE, a run   {7: rows, 8: tokens, 9: SHA-256 of the file with the tokens}
    REFUSAL        {0: request id, 1: till, 10: code, 11: refusals left out before it}
    REFUSAL        {1: till, 10: code, 24: the name of the paired till that asked for it, 11: ...}
    REFUSAL        {10: code, 13: SHA-256 of the document, 11: ...}
    CANCEL         {0: request id, 1: till, 2: sequence, 11: ...}
    AUTHORISATION  {12: number, 13: SHA-256 of the document}
    CLOCK          {14: floor before, 15: floor after (ms), 16: acknowledged entry}
    KEYS           {17: [[sgc, krn, kt, base date, ken, dkga], ...]}: which there are now
    KEYS, a file   {13: SHA-256 of the file, 23: serial}: its keys go in from here on
    START          {18: firmware, 19: boot id}
    LOGIN, LOGOUT  {20: operator, 21: role, or what was changed, 22: generation of the operators}
    REFUSAL        the same with a code in 21, when it was a PIN
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from posapp.clock import Clock, epoch_ms
from posapp.codec.signing import SigningKey
from posapp.security_module.link.messages import Order
from posapp.security_module.reference.books import Books
from posapp.security_module.reference.issue import Made
from posapp.sts.keys import KeyAttributes
from posapp.wire.audit import AuditEntry, AuditHead, AuditKind, entry_hash, genesis

REFUSALS_AT_ONCE = 60  # a till that fails in a loop must not fill the disk with its failures
REFUSAL_EVERY_MS = 60_000
PAGE_ENTRIES_MAX = 64
PAGE_BYTES_MAX = 1500  # what fits a frame beside the head


class AuditBook:
    """Writes the chain of one module and signs its head. Called by one thread."""

    def __init__(self, module_id: str, key: SigningKey, clock: Clock) -> None:
        self._module_id = module_id
        self._key = key
        self._clock = clock
        self._room = REFUSALS_AT_ONCE
        self._room_at_ms = clock.monotonic_ms()
        self._left_out = 0

    @property
    def genesis(self) -> bytes:
        """What the first entry follows."""
        return genesis(self._module_id)

    @property
    def public(self) -> bytes:
        """The public key (32 bytes) of what signs the head."""
        return self._key.public

    def append(self, books: Books, kind: AuditKind, body: dict[int, Any], tokens: int = 0) -> int:
        """Add an entry that tells of so many new tokens; its number. Raises StoreError."""
        number, previous, made = books.audit_head() or (0, genesis(self._module_id), 0)
        at_ms = epoch_ms(self._clock.now())
        entry = AuditEntry(number + 1, previous, at_ms, kind, body).to_bytes()
        books.append_audit(number + 1, kind, made + tokens, entry_hash(entry), entry)
        return number + 1

    def note(self, books: Books, kind: AuditKind, body: dict[int, Any]) -> bool:
        """Add an entry that a till could ask for without end: some at once, then one a minute.

        Returns whether it was written; what was left out is counted in the next one.
        """
        now_ms = self._clock.monotonic_ms()
        gained = max(0, now_ms - self._room_at_ms) // REFUSAL_EVERY_MS
        if gained:
            self._room = min(REFUSALS_AT_ONCE, self._room + gained)
            self._room_at_ms = now_ms
        if not self._room:
            self._left_out += 1
            return False
        self.append(books, kind, {**body, 11: self._left_out} if self._left_out else body)
        self._room -= 1
        self._left_out = 0
        return True

    def head(self, books: Books) -> AuditHead:
        """Where the chain ends, signed."""
        number, hash32, _ = books.audit_head() or (0, genesis(self._module_id), 0)
        return AuditHead.sign(self._module_id, number, hash32, self._key)

    def page(self, books: Books, after: int, limit: int) -> tuple[bytes, ...]:
        """Entries after a number: at least one when there is one, at most what fits a frame."""
        found: list[bytes] = []
        room = PAGE_BYTES_MAX
        for entry in books.audit_after(after, min(limit, PAGE_ENTRIES_MAX)):
            room -= len(entry) + 3
            if found and room < 0:
                break
            found.append(entry)
        return tuple(found)


def issue_body(order: Order, issue_no: int, made: Iterable[Made]) -> dict[int, Any]:
    """What an ISSUE entry says of an order. The digits themselves are cash and stay out of it."""
    rows, digits = [], hashlib.sha256()
    for one in made:
        item = one.item
        carried = one.units or one.money_units or item.units
        rows.append(
            [
                *(item.kind, item.subclass, one.sgc, one.krn, item.tid, item.base_date),
                *(carried, item.value_minor, len(one.tokens)),
            ]
        )
        digits.update("".join(one.tokens).encode("ascii"))
    return {
        0: order.request_id,
        1: order.till,
        2: order.sequence,
        3: issue_no,
        4: order.meter.digits,
        5: rows,
        6: digits.digest(),
    }


def run_body(rows: int, tokens: int, digest: bytes) -> dict[int, Any]:
    """What an ISSUE entry says of a bulk key change."""
    return {7: rows, 8: tokens, 9: digest}


def refusal_body(code: str, request_id: bytes, till: bytes) -> dict[int, Any]:
    """What a REFUSAL entry says of an order."""
    return {0: request_id, 1: till, 10: code}


def refused_document_body(code: str, document: bytes) -> dict[int, Any]:
    """What a REFUSAL entry says of a document."""
    return {10: code, 13: hashlib.sha256(document).digest()}


def keys_body(keys: Iterable[KeyAttributes]) -> dict[int, Any]:
    """What a KEYS entry says: which keys there are, never the keys."""
    return {17: [[k.sgc, k.krn, int(k.kt), k.base_date, k.ken, k.dkga] for k in keys]}
