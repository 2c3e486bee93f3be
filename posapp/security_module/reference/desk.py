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
from posapp.security_module.link.messages import ID_BYTES, SEQUENCE_MAX, Order
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
        }

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
        return self._engine.report(fields.blob("till", ID_BYTES)).body()

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


def _no(request: Request, error: ModuleError) -> bytes:
    params = {k: v for k, v in error.params.items() if isinstance(v, (int, str))}
    return codec.refusal(request.call, error.code, error.outcome, params)
