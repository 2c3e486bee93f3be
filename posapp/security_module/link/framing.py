"""Frames on a byte line that may lose, double or invent bytes: COBS with a CRC-32.

A frame is `00 | COBS(payload | CRC-32, big-endian) | 00`. The leading zero ends whatever half
frame or noise stood on the line before; so one bad frame never costs the next one.
"""

from __future__ import annotations

import zlib

PAYLOAD_MAX = 2048  # bytes; the largest request (eight items) takes a third of it
_CRC_BYTES = 4
_BODY_MAX = PAYLOAD_MAX + _CRC_BYTES
_RUN_MAX = 254  # non-zero bytes that one COBS code byte can announce
ENCODED_MAX = _BODY_MAX + -(-_BODY_MAX // _RUN_MAX)


def cobs_encode(data: bytes) -> bytes:
    """`data` without any zero byte, at most one byte in 254 longer (plus one)."""
    out = bytearray()
    parts = data.split(b"\0")
    last = len(parts) - 1
    for place, part in enumerate(parts):
        runs = 0
        while len(part) >= _RUN_MAX:
            out.append(_RUN_MAX + 1)
            out += part[:_RUN_MAX]
            part = part[_RUN_MAX:]
            runs += 1
        if part or place != last or not runs:
            out.append(len(part) + 1)
            out += part
    return bytes(out)


def cobs_decode(data: bytes) -> bytes | None:
    """What `cobs_encode` was given; None when no encoder could have made `data`."""
    out = bytearray()
    place = 0
    while place < len(data):
        code = data[place]
        run = data[place + 1 : place + code]
        if code == 0 or len(run) != code - 1 or 0 in run:
            return None
        out += run
        place += code
        if code <= _RUN_MAX and place < len(data):
            out.append(0)
    return bytes(out)


def frame(payload: bytes) -> bytes:
    """The bytes to send for a payload of 1..2048 bytes."""
    assert 0 < len(payload) <= PAYLOAD_MAX, "a payload that does not fit a frame"
    body = payload + zlib.crc32(payload).to_bytes(_CRC_BYTES, "big")
    return b"\0" + cobs_encode(body) + b"\0"


class Deframer:
    """Finds the whole and right frames in what a line delivers, in any slices.

    Everything else is dropped and counted: `bad` (COBS or CRC wrong) and `overlong`. At most
    one frame's bytes are held, whatever arrives.
    """

    def __init__(self) -> None:
        self.bad = 0
        self.overlong = 0
        self._half = bytearray()
        self._skipping = False

    @property
    def dropped(self) -> int:
        """How often something was no frame."""
        return self.bad + self.overlong

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that `data` completed, in order."""
        payloads: list[bytes] = []
        *ended, rest = data.split(b"\0")
        for chunk in ended:
            self._take(chunk)
            payload = self._finish()
            if payload is not None:
                payloads.append(payload)
        self._take(rest)
        return payloads

    def _take(self, chunk: bytes) -> None:
        if self._skipping:
            return
        if len(self._half) + len(chunk) > ENCODED_MAX:
            self._half.clear()
            self._skipping = True
            self.overlong += 1
        else:
            self._half += chunk

    def _finish(self) -> bytes | None:
        encoded, skipped = bytes(self._half), self._skipping
        self._half.clear()
        self._skipping = False
        if skipped or not encoded:
            return None
        body = cobs_decode(encoded)
        if body is not None and len(body) > _CRC_BYTES:
            payload, crc = body[:-_CRC_BYTES], body[-_CRC_BYTES:]
            if zlib.crc32(payload).to_bytes(_CRC_BYTES, "big") == crc:
                return payload
        self.bad += 1
        return None
