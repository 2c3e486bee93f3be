"""Cuts a printer's input into ESC/POS commands, one at a time, as far as bytes have come."""

from __future__ import annotations

from dataclasses import dataclass

DLE, ESC, FS, GS = 0x10, 0x1B, 0x1C, 0x1D

# Bytes that follow a command of fixed length, by its two bytes.
_FIXED = {
    (ESC, ord("@")): 0,
    (ESC, ord("!")): 1,
    (ESC, ord("-")): 1,
    (ESC, ord("2")): 0,
    (ESC, ord("3")): 1,
    (ESC, ord("=")): 1,
    (ESC, ord("E")): 1,
    (ESC, ord("G")): 1,
    (ESC, ord("J")): 1,
    (ESC, ord("M")): 1,
    (ESC, ord("R")): 1,
    (ESC, ord("a")): 1,
    (ESC, ord("d")): 1,
    (ESC, ord("p")): 3,
    (ESC, ord("t")): 1,
    (ESC, ord("{")): 1,
    (ESC, ord("c")): 2,
    (FS, ord(".")): 0,
    (GS, ord("!")): 1,
    (GS, ord("B")): 1,
    (GS, ord("H")): 1,
    (GS, ord("I")): 1,
    (GS, ord("L")): 2,
    (GS, ord("P")): 2,
    (GS, ord("W")): 2,
    (GS, ord("a")): 1,
    (GS, ord("f")): 1,
    (GS, ord("h")): 1,
    (GS, ord("r")): 1,
    (GS, ord("w")): 1,
}


@dataclass(frozen=True, slots=True)
class Command:
    """`name` is "text", "lf" or the command's letters ("ESC a"); `data` its parameters."""

    name: str
    data: bytes
    length: int


def next_command(buffer: bytes | bytearray) -> Command | None:
    """The command at the start of `buffer`; None when more bytes are needed for it."""
    if not buffer:
        return None
    first = buffer[0]
    if first >= 0x20:
        end = 1
        while end < len(buffer) and buffer[end] >= 0x20:
            end += 1
        return Command("text", bytes(buffer[:end]), end)
    if first not in (DLE, ESC, FS, GS):
        names = {0x0A: "lf", 0x0D: "cr", 0x00: "nul", 0x09: "ht", 0x18: "can"}
        return Command(names.get(first, "unknown"), bytes(buffer[:1]), 1)
    if len(buffer) < 2:
        return None
    pair = (first, buffer[1])
    if first == DLE:
        return _real_time(buffer)
    if pair in _FIXED:
        return _sized(buffer, 2 + _FIXED[pair])
    if pair == (GS, ord("V")):
        return _cut(buffer)
    if pair in ((GS, ord("(")), (ESC, ord("("))):
        return _counted(buffer)
    if pair == (GS, ord("k")):
        return _barcode(buffer)
    if pair == (GS, ord("v")):
        return _raster(buffer)
    return Command("unknown", bytes(buffer[:2]), 2)


def _name(buffer: bytes | bytearray) -> str:
    prefix = {ESC: "ESC", FS: "FS", GS: "GS", DLE: "DLE"}[buffer[0]]
    return f"{prefix} {chr(buffer[1])}"


def _sized(buffer: bytes | bytearray, length: int, skip: int = 2) -> Command | None:
    if len(buffer) < length:
        return None
    return Command(_name(buffer), bytes(buffer[skip:length]), length)


def _real_time(buffer: bytes | bytearray) -> Command | None:
    """Already answered when they arrived; here they only take their place in the line."""
    length = {0x04: 3, 0x05: 3, 0x14: 5}.get(buffer[1], 2)
    if len(buffer) < length:
        return None
    return Command("real-time", bytes(buffer[1:length]), length)


def _cut(buffer: bytes | bytearray) -> Command | None:
    if len(buffer) < 3:
        return None
    return _sized(buffer, 4 if buffer[2] in (65, 66, 97, 98) else 3)


def _counted(buffer: bytes | bytearray) -> Command | None:
    if len(buffer) < 5:
        return None
    length = 5 + buffer[3] + 256 * buffer[4]
    if len(buffer) < length:
        return None
    return Command(f"{_name(buffer)} {chr(buffer[2])}", bytes(buffer[5:length]), length)


def _barcode(buffer: bytes | bytearray) -> Command | None:
    if len(buffer) < 4:
        return None
    if buffer[2] >= 65:
        return _sized(buffer, 4 + buffer[3])
    end = buffer.find(b"\0", 3)
    return None if end < 0 else _sized(buffer, end + 1)


def _raster(buffer: bytes | bytearray) -> Command | None:
    if len(buffer) < 8:
        return None
    width = buffer[4] + 256 * buffer[5]
    rows = buffer[6] + 256 * buffer[7]
    length = 8 + width * rows
    if len(buffer) < length:
        return _streamed(buffer, width, rows)
    return Command("GS v", bytes(buffer[3:length]), length)


def _streamed(buffer: bytes | bytearray, width: int, rows: int) -> Command | None:
    """A picture larger than any buffer is refused rather than waited for without end."""
    if 8 + width * rows > 1 << 16:
        return Command("unknown", bytes(buffer[:2]), 2)
    return None
