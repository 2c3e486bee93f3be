"""What SQLite does not say of a write-ahead log: that more is missing than a power cut can take.

It reads a log up to the first frame that does not hold and forgets the rest in silence. A power
cut breaks the last transaction only, since each was synced before the next one began.
"""

from __future__ import annotations

import struct
from pathlib import Path

PAGE_BYTES = 4096  # of every store here; see `pragmas`
_HEADER_BYTES = 32
_FRAME_BYTES = 24 + PAGE_BYTES
_SALTS = slice(16, 24)  # of the header
_FRAME_SALTS = slice(8, 16)
_COMMIT = slice(4, 8)  # zero but in the last frame of a transaction
_SUMMED = 24  # so much of the header its checksum covers
_BIG_ENDIAN_SUMS = 0x377F0683


def unread(log: Path, kept: int) -> int:
    """How many transactions are in the log behind the `kept` frames that SQLite reads: 0, 1 (as
    a power cut leaves it) or 2 for more: then something that was durable is lost.

    File format: sqlite.org/fileformat2.html, "The WAL File Format". Raises OSError.
    """
    if not log.exists():
        return 0
    with log.open("rb") as stream:
        header = stream.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return 0
        salts = header[_SALTS] if _holds(header) else None
        place, ended = _HEADER_BYTES + kept * _FRAME_BYTES, False
        while True:
            stream.seek(place)
            head = stream.read(_SUMMED)
            if len(head) < _SUMMED:
                return int(ended)
            salts = salts or head[_FRAME_SALTS]
            if _is_of(salts, head[_FRAME_SALTS]):
                if ended:
                    return 2
                ended = any(head[_COMMIT])
            place += _FRAME_BYTES


def _is_of(salts: bytes, found: bytes) -> bool:
    """Whether a frame is of this log; those of one before it are long moved into the file.

    Two logs differ in a number that counts and in four bytes of chance, a broken byte in one.
    """
    return sum(one != two for one, two in zip(salts, found, strict=True)) <= 1


def _holds(header: bytes) -> bool:
    """Whether its checksum does: it is written and synced before the first frame."""
    order = ">" if int.from_bytes(header[:4], "big") == _BIG_ENDIAN_SUMS else "<"
    words = struct.unpack(order + "6I", header[:_SUMMED])
    first = second = 0
    for one, two in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return struct.pack(">2I", first, second) == header[_SUMMED:]
