"""What may come in: sessions with paired tills, pairing, and the clear where that is allowed.

`server.py` moves payloads, the desks answer messages; who may ask at all is decided here. A
message that comes again in a new session gets the answer it got: nothing is done twice for it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any, Protocol

from posapp.codec import cbor
from posapp.errors import ConfigError, ModuleError, StoreError
from posapp.security_module.link import codec, session
from posapp.security_module.link.codec import FieldError, Fields, Request
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.link.messages import ID_BYTES
from posapp.security_module.link.pairing import PAIR_PROVE, PAIR_START
from posapp.security_module.link.session import Piece, Session, SessionLostError
from posapp.security_module.reference.pairing_desk import PairingDesk

NOBODY = bytes(16)  # whoever only wants to know how the module does asks STATUS under this id
_IN_A_TILLS_NAME = (codec.STATUS, codec.ISSUE, codec.FETCH, codec.CANCEL)

log = logging.getLogger("posapp.module.gate")


class Answers(Protocol):
    """Whatever answers messages: `Desk`, or the desk of the operators before it."""

    def answer(self, payload: bytes) -> bytes | None:
        """The reply; None for what cannot be answered. Never raises."""
        ...

    def may_bind(self, till: bytes) -> bool:
        """Whether an order under this id makes it its sender's: where head office has named a
        till, for that one only.
        """
        ...

    def note_impostor(self, till: bytes, peer: str) -> None:
        """Enter in the audit that a paired till asked under another one's id. StoreError."""
        ...


class Gate:
    """Payloads in, payloads out. Without `keys` everything is in the clear, for a laboratory.

    `clear` says whether a module that is paired with nobody may still be used in the clear; one
    that was paired once with anybody never is. Never raises.
    """

    def __init__(
        self,
        desk: Answers,
        keys: LineKeys | None = None,
        pairing: PairingDesk | None = None,
        *,
        clear: bool = True,
    ) -> None:
        self._desk = desk
        self._keys = keys
        self._pairing = pairing
        self._clear = clear
        self._session: Session | None = None
        self._last: tuple[bytes, bytes] | None = None  # a message's digest, its answer
        self.lost: dict[str, int] = {}  # how often a till was told that a session ended, and why

    def take(self, payload: bytes) -> list[bytes]:
        """What to send for a frame's payload. Up to one fsync long."""
        if not session.is_piece(payload):
            reply = self._in_clear(payload)
            return [] if reply is None else [reply]
        piece = Piece.read(payload)
        if piece is None or piece.kind not in (session.OPEN, session.DATA):
            return []
        try:
            return self._in_session(piece)
        except SessionLostError as lost:
            self._session = None
            log.info("a session ended: %s", lost.reason)
            return self._ended(piece, lost.reason)

    def heard(self) -> list[bytes]:
        """After a frame that could not be read: say how far the session was heard, so that the
        till need not wait for an answer to what was lost.
        """
        now = self._session
        if now is None:
            return []
        return [Piece(session.HEARD, now.number, now.wanted).payload()]

    # ------------------------------------------------------------ in a session

    def _in_session(self, piece: Piece) -> list[bytes]:
        now = self._session
        if piece.kind == session.OPEN and (now is None or now.number != piece.session):
            now = self._session = self._begin(piece.session)
        if now is None or now.number != piece.session:
            # Another session's late piece leaves the present one alone.
            return self._ended(piece, session.UNKNOWN)
        was_shaken = now.shaken
        messages = now.take(piece)
        if now.shaken and not self._knows(now):
            raise SessionLostError(session.NOT_PAIRED)
        if now.shaken and not was_shaken:
            log.info("a session with a paired till began")
        for message in messages:
            reply = self._answer(now, message)
            if reply is not None:
                assert len(reply) <= session.MESSAGE_MAX, "a reply that does not fit"
                now.say(reply)
        return now.pieces()

    def _ended(self, piece: Piece, reason: str) -> list[bytes]:
        self.lost[reason] = self.lost.get(reason, 0) + 1
        return [session.ended(piece.session, reason)]

    def _begin(self, number: int) -> Session:
        try:
            if self._keys is not None and self._keys.peers():
                return Session(self._keys.context(server=True), number, server=True)
        except (StoreError, ConfigError) as error:
            log.error("the line's keys cannot be used: %s", error)
        raise SessionLostError(session.NOT_PAIRED)

    def _knows(self, now: Session) -> bool:
        """Asked for every piece: a till that was unpaired is heard no more."""
        try:
            return self._keys is not None and self._keys.knows(now.peer_certificate)
        except StoreError as error:
            log.error("the line's keys cannot be used: %s", error)
            return False

    def _answer(self, now: Session, message: bytes) -> bytes | None:
        asked = hashlib.sha256((now.peer_certificate or b"") + message).digest()
        if self._last is not None and self._last[0] == asked:
            return self._last[1]
        reply = (
            self._hello(message)
            or self._impostor(now.peer_certificate, message)
            or self._desk.answer(message)
        )
        if reply is not None:
            self._last = (asked, reply)
        return reply

    def _impostor(self, certificate: bytes | None, message: bytes) -> bytes | None:
        """A refusal for a till that asks under another one's id. A key has one id from its first
        order on, until it is paired anew; nothing but an order gives it one.
        """
        request = codec.read_request(message)
        if request is None or request.op not in _IN_A_TILLS_NAME or self._keys is None:
            return None
        try:
            till = request.fields.blob("till", ID_BYTES)
            if till == NOBODY and request.op == codec.STATUS:
                return None
            bind = request.op == codec.ISSUE and self._desk.may_bind(till)
            if self._keys.may_ask(certificate, till, bind=bind):
                return None
            name = next((p.name for p in self._keys.peers() if p.certificate == certificate), "")
            log.warning("the till %s asked under the id of another one", name)
            self._desk.note_impostor(till, name)
        except FieldError:
            return None  # the desk says which field
        except (StoreError, ConfigError) as error:
            log.error("the line's keys cannot be used: %s", error)
            return _no(request, ModuleError("STORE_FAILED", cause=error.code))
        return _no(request, ModuleError("TILL_IMPOSTOR"))

    # ------------------------------------------------------------ in the clear

    def _in_clear(self, payload: bytes) -> bytes | None:
        request = codec.read_request(payload)
        if request is None or self._keys is None or request.version != codec.VERSION:
            return self._desk.answer(payload)
        if request.op == codec.HELLO:
            return self._hello(payload)
        if self._pairing is not None and request.op == PAIR_START:
            return _answered(request, self._pairing.start)
        if self._pairing is not None and request.op == PAIR_PROVE:
            return _answered(request, self._pairing.prove)
        if self._is_closed():
            code = "SESSION_REQUIRED" if self._is_paired() else "NOT_PAIRED"
            return _no(request, ModuleError(code))
        return self._desk.answer(payload)

    def _hello(self, payload: bytes) -> bytes | None:
        """HELLO as the desk answers it, with what only the gate knows; None for another op."""
        request = codec.read_request(payload)
        if request is None or request.op != codec.HELLO or self._keys is None:
            return None
        reply = self._desk.answer(payload)
        values = None if reply is None else cbor.decode(reply)
        if not values or "ok" not in values:
            return reply
        pairing = self._pairing is not None and self._pairing.is_open
        extra = {"session": self._is_closed(), "paired": self._is_paired(), "pairing": pairing}
        return codec.reply(request.call, {**values["ok"], **extra})

    def _is_paired(self) -> bool:
        try:
            return self._keys is not None and bool(self._keys.peers())
        except StoreError:
            return False

    def _is_closed(self) -> bool:
        """Whether the clear is no way in; it is none either when the peers cannot be read."""
        try:
            return not self._clear or (self._keys is not None and bool(self._keys.peers()))
        except StoreError:
            return True


def _answered(request: Request, work: Callable[[Fields], dict[str, Any]]) -> bytes:
    try:
        return codec.reply(request.call, work(request.fields))
    except FieldError as error:
        return _no(request, ModuleError(codec.FIELD_RANGE, field=error.name[:64]))
    except ModuleError as error:
        return _no(request, error)
    except (StoreError, ConfigError) as error:
        log.error("pairing cannot go on: %s", error)
        return _no(request, ModuleError("STORE_FAILED", cause=error.code))


def _no(request: Request, error: ModuleError) -> bytes:
    params = {k: v for k, v in error.params.items() if isinstance(v, (int, str))}
    return codec.refusal(request.call, error.code, error.outcome, params)
