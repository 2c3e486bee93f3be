"""What SQLite does not say of a write-ahead log: that more is missing than a power cut can take.

It reads a log up to the first frame that does not hold and forgets the rest in silence. A power
cut breaks the last transaction only, since each was synced before the next one began.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

PAGE_BYTES = 4096  # of every store here; see `pragmas`
_HEADER_BYTES = 32
_HEAD = 24  # of a frame, before its page
_FRAME_BYTES = _HEAD + PAGE_BYTES
_SALTS = slice(16, 24)  # of the header
_FRAME_SALTS = slice(8, 16)
_COMMIT = slice(4, 8)  # zero but in the last frame of a transaction
_FRAME_SUMS = slice(16, 24)
_SUMMED = 24  # so much of the header its checksum covers
_SUMMED_OF_HEAD = 8  # and so much of a frame's head, with all of its page
_BIG_ENDIAN_SUMS = 0x377F0683


def unread(log: Path, kept: int) -> int:
    """How many transactions are in the log behind the `kept` frames that SQLite reads: 0, 1 (as
    a power cut leaves it) or 2 for more: then something that was durable is lost.

    A transaction that was rolled back may have left frames without an end: they follow nothing
    and count as none. Commits that failed must have been cut off (`cut`): they look like good ones.
    File format: sqlite.org/fileformat2.html, "The WAL File Format". Raises OSError.
    """
    if not log.exists():
        return 0
    with log.open("rb") as stream:
        header = stream.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return 0
        salts = header[_SALTS] if _holds(header) else None
        place, end, sums = _HEADER_BYTES + kept * _FRAME_BYTES, 0, b""
        while True:
            stream.seek(place)
            frame = stream.read(_FRAME_BYTES)
            if len(frame) < _HEAD:
                return int(end > 0)
            salts = salts or frame[_FRAME_SALTS]
            if _is_of(salts, frame[_FRAME_SALTS]):
                if end and (any(frame[_COMMIT]) or (place == end and _follows(sums, frame))):
                    return 2
                if any(frame[_COMMIT]):
                    end, sums = place + _FRAME_BYTES, frame[_FRAME_SUMS]
            place += _FRAME_BYTES


def cut(log: Path, kept: int) -> None:
    """Take off, durably, what is behind the `kept` frames that SQLite reads.

    Only for the one process that writes, and while it does not. Raises OSError.
    """
    length = _HEADER_BYTES + kept * _FRAME_BYTES if kept else 0
    if log.exists() and log.stat().st_size > length:
        with log.open("rb+") as stream:
            stream.truncate(length)
            os.fsync(stream.fileno())


def _is_of(salts: bytes, found: bytes) -> bool:
    """Whether a frame is of this log; those of one before it are long moved into the file.

    Two logs differ in a number that counts and in four bytes of chance, a broken byte in one.
    """
    return sum(one != two for one, two in zip(salts, found, strict=True)) <= 1


def _holds(header: bytes) -> bool:
    """Whether its checksum does: it is written and synced before the first frame."""
    order = ">" if int.from_bytes(header[:4], "big") == _BIG_ENDIAN_SUMS else "<"
    return _sums(order, bytes(8), header[:_SUMMED]) == header[_SUMMED:]


def _follows(sums: bytes, frame: bytes) -> bool:
    """Whether a frame was written behind the one with these sums: its own go on from them."""
    summed = frame[:_SUMMED_OF_HEAD] + frame[_HEAD:]
    whole = len(frame) == _FRAME_BYTES
    return whole and any(_sums(order, sums, summed) == frame[_FRAME_SUMS] for order in "<>")


def _sums(order: str, before: bytes, data: bytes) -> bytes:
    """The two sums of a multiple of 8 bytes, going on from those before."""
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    first, second = struct.unpack(">2I", before)
    for one, two in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return struct.pack(">2I", first, second)
