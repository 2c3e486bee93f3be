"""Lines to ESC/POS commands, in pieces a printer can hold and answer between.

python-escpos frames styles and QR codes; code pages, pictures, barcodes and cuts are ours,
because the library may print a question mark, a grey picture or one command of 64 KB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from posapp.printing.lines import (
    BarcodeLine,
    BitmapLine,
    CutLine,
    FeedLine,
    Line,
    QrLine,
    TextLine,
    line_height,
)
from posapp.printing.profile import Profile
from posapp.printing.render.draw import bitmap_of, height_of
from posapp.printing.render.escpos_library import new_builder
from posapp.printing.symbols import code128_data
from posapp.reports.document import Align

ESC, GS = b"\x1b", b"\x1d"
INIT = ESC + b"@"
DOTS_PER_MM = 8
_MOTION_UNITS = GS + b"P\xcb\xcb"  # 203 per inch both ways, so that one unit is one dot
_QR_LEVEL_Q = 2
BARCODE_CODE128 = 73
FEED_MAX = 255


@dataclass(frozen=True, slots=True)
class Slip:
    """What goes down the line. Each piece ends between commands and fits the send window."""

    pieces: tuple[bytes, ...]
    length_mm: int

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)


def render_escpos(lines: Sequence[Line], profile: Profile) -> Slip:
    """The bytes of a slip, without any question to the printer; a text slip takes about 1 ms."""
    writer = _Writer(profile)
    commands = list(writer.commands(lines))
    pieces: list[bytes] = []
    current = b""
    for command in commands:
        assert len(command) <= profile.command_max, "a command must fit half the buffer"
        if current and len(current) + len(command) > profile.window:
            pieces.append(current)
            current = b""
        current += command
    dots = sum(height_of(line, profile) for line in lines)
    return Slip((*pieces, current), dots // DOTS_PER_MM + profile.tear_mm)


class _Writer:
    """Keeps what the printer was last told, so that nothing is said twice."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._builder: Any = new_builder()
        self._page: int | None = None
        self._pitch: int | None = None
        self._align: Align | None = None
        self._style = (False, 1, False)

    def commands(self, lines: Sequence[Line]) -> Iterator[bytes]:
        self._builder.hw("INIT")
        self._builder._raw(_MOTION_UNITS)
        yield self._take()
        for line in lines:
            if isinstance(line, TextLine):
                yield from self._text(line)
            elif isinstance(line, QrLine):
                yield from self._qr(line)
            elif isinstance(line, BarcodeLine):
                yield self._barcode(line)
            elif isinstance(line, BitmapLine):
                yield from self._bands(line)
            elif isinstance(line, FeedLine):
                yield from self._feed(line.dots)
            else:
                yield self._cut(line)

    def _take(self) -> bytes:
        data = bytes(self._builder.output)
        self._builder.clear()
        return data

    def _text(self, line: TextLine) -> Iterator[bytes]:
        profile = self._profile
        if line.page is None:
            yield from self._bands(bitmap_of(line, profile))
            return
        slot, codec = line.page
        self._set_align(line.align)
        self._set_pitch(line_height(line, profile.line_dots, profile.cell_height))
        self._set_style(line.bold, line.size, line.inverse)
        if not line.text.isascii() and slot != self._page:
            self._builder._raw(ESC + b"t" + bytes([slot]))
            self._page = slot
        self._builder._raw(line.text.encode(codec) + b"\n")
        yield self._take()

    def _set_align(self, align: Align) -> None:
        if align is not self._align:
            self._builder.set(align=align.name.lower())
            self._align = align

    def _set_pitch(self, dots: int) -> None:
        if dots != self._pitch:
            self._builder._raw(ESC + b"3" + bytes([dots]))
            self._pitch = dots

    def _set_style(self, bold: bool, size: int, inverse: bool) -> None:
        was_bold, was_size, was_inverse = self._style
        if bold != was_bold:
            self._builder.set(bold=bold)
        if size != was_size:
            self._builder.set(custom_size=True, width=size, height=size)
        if inverse != was_inverse:
            self._builder.set(invert=inverse)
        self._style = (bold, size, inverse)

    def _qr(self, line: QrLine) -> Iterator[bytes]:
        if not line.native:
            yield from self._bands(bitmap_of(line, self._profile))
            return
        self._set_align(Align.CENTER)
        self._builder.qr(line.data, ec=_QR_LEVEL_Q, size=line.module_dots, native=True)
        yield self._take()

    def _barcode(self, line: BarcodeLine) -> bytes:
        data = code128_data(line.data)
        self._set_align(Align.CENTER)
        self._builder._raw(GS + b"H\x00")  # our own text stands below, grouped
        self._builder._raw(GS + b"h" + bytes([line.height_dots]))
        self._builder._raw(GS + b"w" + bytes([line.module_dots]))
        self._builder._raw(GS + b"k" + bytes([BARCODE_CODE128, len(data)]) + data)
        return self._take()

    def _bands(self, line: BitmapLine) -> Iterator[bytes]:
        """`GS v 0` in bands of at most half the receive buffer each."""
        self._set_align(Align.LEFT)
        yield self._take()
        room = min(self._profile.command_max, self._profile.window) - 8
        rows = max(1, room // line.width_bytes)
        rows -= rows % 8 if rows > 8 else 0
        for top in range(0, line.rows, rows):
            count = min(rows, line.rows - top)
            bits = line.bits[top * line.width_bytes : (top + count) * line.width_bytes]
            size = line.width_bytes.to_bytes(2, "little") + count.to_bytes(2, "little")
            yield GS + b"v0\x00" + size + bits

    def _feed(self, dots: int) -> Iterator[bytes]:
        while dots > 0:
            yield ESC + b"J" + bytes([min(dots, FEED_MAX)])
            dots -= FEED_MAX

    def _cut(self, _: CutLine) -> bytes:
        """To the cutter and through, or far enough to tear by hand. Style starts anew."""
        if self._profile.cut:
            return GS + b"V\x42\x00"
        dots = min(FEED_MAX, self._profile.tear_mm * DOTS_PER_MM)
        return ESC + b"J" + bytes([dots])
