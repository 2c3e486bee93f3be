"""From the payload of a frame to the payload of its reply: reads, asks the engine, never fails.

Whatever a line delivers ends here as a reply or as silence; `server.py` only moves bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from posapp.errors import ModuleError, Outcome, StoreError
from posapp.security_module.link import codec, messages
from posapp.security_module.link.codec import FieldError, Fields, Request
from posapp.security_module.link.messages import (
    DOCUMENT_BYTES_MAX,
    ID_BYTES,
    MOMENT_MAX,
    PAGE_ENTRIES_MAX,
    PAGES_MAX,
    PIECE_BYTES_MAX,
    SEQUENCE_MAX,
    AuditPage,
    Order,
)
from posapp.security_module.reference.engine import Engine

log = logging.getLogger("posapp.module.desk")


class Desk:
    """Answers one request at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.unreadable = 0  # payloads that were no request at all
        self._ops: dict[str, Callable[[Fields], dict[str, Any]]] = {
            codec.HELLO: self._hello,
            codec.STATUS: self._status,
            codec.ISSUE: self._issue,
            codec.FETCH: self._fetch,
            codec.CANCEL: self._cancel,
            codec.VERIFY: self._verify,
            codec.LOAD_AUTH: self._load_authorisation,
            codec.LOAD_KEYS: self._load_keys,
            codec.AUDIT_READ: self._audit_read,
            codec.AUDIT_ACK: self._audit_ack,
            codec.SET_TIME: self._set_time,
            codec.SELFTEST: self._self_test,
        }
        self._pieces = Pieces()

    def answer(self, payload: bytes) -> bytes | None:
        """The reply; None for what cannot be answered. Up to one fsync long."""
        request = codec.read_request(payload)
        if request is None:
            self.unreadable += 1
            return None
        try:
            return codec.reply(request.call, self._do(request))
        except FieldError as error:
            return _no(request, ModuleError(codec.FIELD_RANGE, field=error.name[:64]))
        except ModuleError as error:
            if error.code not in ("TID_WINDOW", "STALE"):  # everyday answers
                log.info("refused: %s", error.code)
            return _no(request, error)
        except StoreError as error:
            # A failed commit may still have reached the disk: the till asks again and sees.
            log.error("the store failed: %s", error.code)
            failed = ModuleError("STORE_FAILED", outcome=Outcome.UNKNOWN, cause=error.code)
            return _no(request, failed)
        except Exception:
            log.exception("a mistake in the module itself")
            return _no(request, ModuleError("INTERNAL", outcome=Outcome.UNKNOWN))

    def may_bind(self, till: bytes) -> bool:
        """See `Answers`."""
        return self._engine.may_bind(till)

    def note_impostor(self, till: bytes, peer: str) -> None:
        """See `Answers`."""
        self._engine.note_impostor(till, peer)

    def _do(self, request: Request) -> dict[str, Any]:
        if request.version != codec.VERSION:
            raise ModuleError(codec.UNSUPPORTED_VERSION, expected=codec.VERSION)
        op = self._ops.get(request.op)
        if op is None:
            raise ModuleError(codec.UNSUPPORTED_OP, op=request.op)
        return op(request.fields)

    def _hello(self, fields: Fields) -> dict[str, Any]:
        return self._engine.hello().body()

    def _status(self, fields: Fields) -> dict[str, Any]:
        report = self._engine.report(fields.blob("till", ID_BYTES))
        page = fields.integer("page", 0, PAGES_MAX - 1) if fields.has("page") else 0
        return report.body(page)

    def _issue(self, fields: Fields) -> dict[str, Any]:
        return self._engine.issue(Order.read(fields)).body()

    def _fetch(self, fields: Fields) -> dict[str, Any]:
        found = self._engine.fetch(fields.blob("rid", ID_BYTES), fields.blob("till", ID_BYTES))
        return messages.fetch_body(found)

    def _cancel(self, fields: Fields) -> dict[str, Any]:
        last = self._engine.cancel(
            fields.blob("rid", ID_BYTES),
            fields.blob("till", ID_BYTES),
            fields.integer("seq", 1, SEQUENCE_MAX),
        )
        return {"last": last}

    def _verify(self, fields: Fields) -> dict[str, Any]:
        meter, configuration = messages.read_meter(fields)
        return self._engine.verify(fields.text("digits", 40), meter, configuration).body()

    def _load_authorisation(self, fields: Fields) -> dict[str, Any]:
        have, document = self._pieces.take(codec.LOAD_AUTH, fields)
        if document is None:
            return {"have": have}
        return {"have": have, "authorisation": self._engine.load_authorisation(document)}

    def _load_keys(self, fields: Fields) -> dict[str, Any]:
        have, document = self._pieces.take(codec.LOAD_KEYS, fields)
        if document is None:
            return {"have": have}
        return {"have": have, "keys": self._engine.load_keys(document)}

    def _audit_read(self, fields: Fields) -> dict[str, Any]:
        entries, head = self._engine.audit_page(
            fields.integer("after", 0, MOMENT_MAX), fields.integer("limit", 1, PAGE_ENTRIES_MAX)
        )
        return AuditPage(entries, head.number, head.hash32, head.signature).body()

    def _audit_ack(self, fields: Fields) -> dict[str, Any]:
        have, document = self._pieces.take(codec.AUDIT_ACK, fields)
        if document is None:
            return {"have": have}
        return {"have": have, "acknowledged": self._engine.acknowledge(document)}

    def _set_time(self, fields: Fields) -> dict[str, Any]:
        have, document = self._pieces.take(codec.SET_TIME, fields)
        if document is None:
            return {"have": have}
        return {"have": have, "floor": self._engine.set_time(document)}

    def _self_test(self, fields: Fields) -> dict[str, Any]:
        return self._engine.self_test()


class Pieces:
    """A document that is larger than a frame, put together: {"doc": piece, "at": , "of": }.

    Pieces come in order, the first one at 0 begins anew; one that came before may come again.
    """

    def __init__(self) -> None:
        self._op = ""
        self._whole = bytearray()

    def take(self, op: str, fields: Fields) -> tuple[int, bytes | None]:
        """How many bytes there are, and the document when it is whole. Raises FieldError."""
        piece = fields.data("doc", 1, PIECE_BYTES_MAX)
        length = fields.integer("of", 1, DOCUMENT_BYTES_MAX)
        at = fields.integer("at", 0, length - 1)
        if at == 0:
            self._op, self._whole = op, bytearray()
        if op != self._op or at > len(self._whole) or at + len(piece) > length:
            raise FieldError("at")
        if self._whole[at : at + len(piece)] not in (piece, b""):
            raise FieldError("doc")
        self._whole[at : at + len(piece)] = piece
        have = len(self._whole)
        return have, bytes(self._whole) if have == length else None


def _no(request: Request, error: ModuleError) -> bytes:
    params = {k: v for k, v in error.params.items() if isinstance(v, (int, str))}
    return codec.refusal(request.call, error.code, error.outcome, params)
