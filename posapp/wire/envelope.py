"""The frame around every message: who says it, for what, signed over the bytes as they travel.

    request  version (1) | flags (1) | message (1) | till id (16) | signature (64) | content
    reply    version (1) | flags (1) | message (1) | signature (64) | content

Content is a CBOR map `{0: nonce, 1: time in ms, 2: body}`, squeezed when that helps. A reply's
signature also covers the SHA-256 of its request, so that no old answer fits a new question. The
same bytes go over HTTP and, one day, on a stick.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.codec import cbor
from posapp.codec.signing import SIGNATURE_BYTES, verify
from posapp.errors import InputError
from posapp.wire import compress
from posapp.wire.fields import Fields

VERSION = 1
PATH = "/s1/"  # the message's name follows; version 1 of the path and the frame go together
CONTENT_TYPE = "application/x-posapp"
REQUEST_PURPOSE = b"posapp/request/1"
REPLY_PURPOSE = b"posapp/reply/1"
NO_TILL = bytes(16)
NONCE_BYTES = 8
REQUEST_BYTES_MAX = 768 * 1024  # a batch has at most 256 KiB; one entry may be larger than asked
REPLY_BYTES_MAX = 2 * 1024 * 1024
CONTENT_BYTES_MAX = 8 * 1024 * 1024  # unpacked

_SQUEEZED = 1
_REQUEST_HEADER = 19
_REPLY_HEADER = 3
_TIME_MS_MAX = 1 << 47

Sign = Callable[[bytes, bytes], bytes]  # (purpose, message) -> 64 bytes of Ed25519


@dataclass(frozen=True, slots=True)
class Request:
    """A till's message. `message` is one of `messages.Message`."""

    message: int
    till_id: bytes
    nonce: bytes
    at: datetime
    body: dict[int, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """Head office's answer; `at` is its clock when it answered."""

    message: int
    at: datetime
    body: dict[int, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """A request taken apart but not yet believed: the till id says whose key must fit."""

    message: int
    till_id: bytes
    signature: bytes
    signed: bytes
    flags: int
    content: bytes

    def open(self, public: bytes) -> Request:
        """What the till with key `public` said. Raises InputError SIGNATURE_INVALID, FRAME_INVALID.

        Nothing is unpacked before the signature is found good.
        """
        verify(public, REQUEST_PURPOSE, self.signed, self.signature)
        fields = _content(self.flags, self.content)
        return Request(
            self.message,
            self.till_id,
            fields.data(0, length=NONCE_BYTES),
            from_epoch_ms(fields.integer(1, high=_TIME_MS_MAX)),
            _body(fields),
        )

    def claimed_body(self) -> dict[int, Any]:
        """The body before any key is known, for enrolment only: it carries the key itself."""
        return _body(_content(self.flags, self.content))


def write_request(request: Request, sign: Sign) -> bytes:
    """The frame; `sign(purpose, message)` makes the till's signature."""
    flags, content = _pack({0: request.nonce, 1: epoch_ms(request.at), 2: request.body})
    header = bytes([VERSION, flags, request.message]) + request.till_id
    frame = header + sign(REQUEST_PURPOSE, header + content) + content
    if len(frame) > REQUEST_BYTES_MAX:
        raise InputError("FRAME_TOO_LARGE", bytes=len(frame))
    return frame


def read_request(data: bytes) -> Frame:
    """The parts of a frame. Raises InputError FRAME_INVALID or FRAME_VERSION."""
    if not _REQUEST_HEADER + SIGNATURE_BYTES < len(data) <= REQUEST_BYTES_MAX:
        raise InputError("FRAME_INVALID", reason="length")
    if data[0] != VERSION:
        raise InputError("FRAME_VERSION", found=data[0], known=VERSION)
    header = data[:_REQUEST_HEADER]
    content = data[_REQUEST_HEADER + SIGNATURE_BYTES :]
    signature = data[_REQUEST_HEADER : _REQUEST_HEADER + SIGNATURE_BYTES]
    return Frame(data[2], header[3:], signature, header + content, data[1], content)


def write_reply(reply: Reply, request: bytes, sign: Sign) -> bytes:
    """The frame that answers the request frame `request`."""
    flags, content = _pack({1: epoch_ms(reply.at), 2: reply.body})
    header = bytes([VERSION, flags, reply.message])
    signature = sign(REPLY_PURPOSE, hashlib.sha256(request).digest() + header + content)
    return header + signature + content


def read_reply(data: bytes, request: bytes, public: bytes) -> Reply:
    """What head office answered to exactly this request.

    Raises InputError FRAME_INVALID, FRAME_VERSION, or SIGNATURE_INVALID (another key, another
    request, changed bytes).
    """
    if not _REPLY_HEADER + SIGNATURE_BYTES < len(data) <= REPLY_BYTES_MAX:
        raise InputError("FRAME_INVALID", reason="length")
    if data[0] != VERSION:
        raise InputError("FRAME_VERSION", found=data[0], known=VERSION)
    header, content = data[:_REPLY_HEADER], data[_REPLY_HEADER + SIGNATURE_BYTES :]
    signature = data[_REPLY_HEADER : _REPLY_HEADER + SIGNATURE_BYTES]
    verify(public, REPLY_PURPOSE, hashlib.sha256(request).digest() + header + content, signature)
    return _reply(data[2], data[1], content)


def claimed_reply(data: bytes) -> Reply:
    """A reply before any key is known, for enrolment only; check it with `read_reply` after."""
    if not _REPLY_HEADER + SIGNATURE_BYTES < len(data) <= REPLY_BYTES_MAX or data[0] != VERSION:
        raise InputError("FRAME_INVALID", reason="length")
    return _reply(data[2], data[1], data[_REPLY_HEADER + SIGNATURE_BYTES :])


def _reply(message: int, flags: int, content: bytes) -> Reply:
    fields = _content(flags, content)
    return Reply(message, from_epoch_ms(fields.integer(1, high=_TIME_MS_MAX)), _body(fields))


def _pack(value: dict[int, Any]) -> tuple[int, bytes]:
    plain = cbor.encode(value)
    squeezed = compress.squeeze(plain)
    return (_SQUEEZED, squeezed) if len(squeezed) < len(plain) else (0, plain)


def _content(flags: int, content: bytes) -> Fields:
    if flags & ~_SQUEEZED:
        raise InputError("FRAME_INVALID", reason="flags")
    try:
        plain = compress.expand(content, CONTENT_BYTES_MAX) if flags else content
        return Fields(cbor.decode(plain))
    except InputError as error:
        raise InputError("FRAME_INVALID", reason=error.code) from error


def _body(fields: Fields) -> dict[int, Any]:
    return fields.mapping(2)
