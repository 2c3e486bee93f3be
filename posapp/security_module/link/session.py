"""TLS 1.3 inside frames: both ends prove their pinned keys, then talk in sealed messages.

A frame's payload that starts with a kind byte below is a piece of a session; one that is a CBOR
map is in the clear. Whatever is lost or out of order ends the session, never just a message.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from posapp.security_module.link.framing import PAYLOAD_MAX

OPEN, DATA, ENDED, HEARD = 1, 2, 3, 4
_KINDS = (OPEN, DATA, ENDED, HEARD)
NUMBER_BYTES = 4
NUMBER_MAX = (1 << 32) - 1
COUNT_MAX = (1 << 16) - 1
_HEAD_BYTES = 1 + NUMBER_BYTES + 2
PIECE_MAX = PAYLOAD_MAX - _HEAD_BYTES
MESSAGE_MAX = PAYLOAD_MAX  # the same messages go in the clear
_LENGTH_BYTES = 2
_READ_BYTES = 4096

# Why a session ended; on the line as ASCII after the head of ENDED.
NOT_PAIRED = "NOT_PAIRED"  # the other end's key is not a trusted one
GAP = "GAP"  # a piece is missing
DAMAGED = "DAMAGED"  # TLS does not take what came
UNKNOWN = "UNKNOWN"  # a session that this end does not have: it was started again
WORN = "WORN"  # its pieces are used up
REASONS = (NOT_PAIRED, GAP, DAMAGED, UNKNOWN, WORN)

_UNTRUSTED = {"CERTIFICATE_VERIFY_FAILED", "PEER_DID_NOT_RETURN_A_CERTIFICATE"}


class SessionLostError(Exception):
    """The session is over; `reason` is one of REASONS. Nothing more can be said in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Piece:
    """`kind | session, 4 bytes | number, 2 bytes | data`; numbers count from 0 each way."""

    kind: int
    session: int
    number: int
    data: bytes = b""

    def payload(self) -> bytes:
        """What goes into a frame."""
        head = bytes([self.kind]) + self.session.to_bytes(NUMBER_BYTES, "big")
        return head + self.number.to_bytes(2, "big") + self.data

    @classmethod
    def read(cls, payload: bytes) -> Piece | None:
        """None for anything that is no piece of a session."""
        if len(payload) < _HEAD_BYTES or payload[0] not in _KINDS:
            return None
        session = int.from_bytes(payload[1 : 1 + NUMBER_BYTES], "big")
        number = int.from_bytes(payload[1 + NUMBER_BYTES : _HEAD_BYTES], "big")
        return cls(payload[0], session, number, payload[_HEAD_BYTES:])


def is_piece(payload: bytes) -> bool:
    """Whether a frame belongs to a session; else it is a message in the clear."""
    return payload[:1] in (b"\x01", b"\x02", b"\x03", b"\x04")


def ended(session: int, reason: str) -> bytes:
    """The payload that tells the other end so. It is not sealed: it proves nothing."""
    return Piece(ENDED, session, 0, reason.encode("ascii")).payload()


class Session:
    """One end of one session. `context` comes from `LineKeys`; the till chooses `number`.

    Holds at most one half message, a frame and what TLS itself needs (a record of 16 KiB).
    """

    def __init__(self, context: ssl.SSLContext, number: int, *, server: bool) -> None:
        self.number = number
        self.shaken = False  # both ends proved their keys, as far as this end can know
        self.wanted = 0  # the number of the next piece that must come
        self.sent = 0  # pieces given out
        self._server = server
        self._arrived, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._arrived, self._leaving, server_side=server)
        self._half = bytearray()
        if not server:
            self._shake()

    @property
    def peer_certificate(self) -> bytes | None:
        """What the other end proved the key of (DER); None before that."""
        return self._tls.getpeercert(binary_form=True) if self.shaken else None

    def take(self, piece: Piece) -> list[bytes]:
        """The messages that a piece completed, in order. A piece that came twice is nothing.

        Raises SessionLostError.
        """
        if piece.number < self.wanted:
            return []
        if piece.number > self.wanted:
            raise SessionLostError(GAP)
        self.wanted += 1
        self._arrived.write(piece.data)
        if not self.shaken:
            self._shake()
        if self.shaken:
            self._read()
        return self._messages()

    def say(self, message: bytes) -> None:
        """Seal a message of 1..2048 bytes; `pieces` has it next."""
        assert self.shaken and 0 < len(message) <= MESSAGE_MAX, "no message for a session"
        self._tls.write(len(message).to_bytes(_LENGTH_BYTES, "big") + message)

    def pieces(self) -> list[bytes]:
        """The payloads that wait to be sent. Raises SessionLostError WORN."""
        waiting: list[bytes] = []
        while data := self._leaving.read(PIECE_MAX):
            if self.sent > COUNT_MAX:
                raise SessionLostError(WORN)
            kind = DATA if self._server or self.sent else OPEN
            waiting.append(Piece(kind, self.number, self.sent, data).payload())
            self.sent += 1
        return waiting

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
            self.shaken = True
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            untrusted = error.reason in _UNTRUSTED
            raise SessionLostError(NOT_PAIRED if untrusted else DAMAGED) from None

    def _read(self) -> None:
        try:
            while data := self._tls.read(_READ_BYTES):
                self._half += data
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError:
            pass
        raise SessionLostError(DAMAGED)  # or closed by the other end, which is no part of this

    def _messages(self) -> list[bytes]:
        found: list[bytes] = []
        while len(self._half) >= _LENGTH_BYTES:
            length = int.from_bytes(self._half[:_LENGTH_BYTES], "big")
            if not 0 < length <= MESSAGE_MAX:
                raise SessionLostError(DAMAGED)
            if len(self._half) < _LENGTH_BYTES + length:
                break
            found.append(bytes(self._half[_LENGTH_BYTES : _LENGTH_BYTES + length]))
            del self._half[: _LENGTH_BYTES + length]
        return found
