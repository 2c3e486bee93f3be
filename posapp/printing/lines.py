"""What stands on a slip, line by line: the output of `layout` and of the virtual printer.

All renderers take the same lines, so the preview, the text and the paper cannot differ.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from posapp.reports.document import Align


@dataclass(frozen=True, slots=True)
class TextLine:
    """One row of character cells. `page` is the (slot, codec) that can print it.

    `page` None: no code page of this printer has all its letters, so it is sent as a picture.
    """

    text: str
    align: Align = Align.LEFT
    bold: bool = False
    size: int = 1
    inverse: bool = False
    page: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class QrLine:
    """A QR code; with `captions` it is drawn beside them as one picture."""

    data: str
    module_dots: int
    captions: tuple[str, ...] = ()
    native: bool = True


@dataclass(frozen=True, slots=True)
class BarcodeLine:
    """A Code 128 in the middle of the paper."""

    data: str
    module_dots: int
    height_dots: int


@dataclass(frozen=True, slots=True)
class BitmapLine:
    """Black dots as they come from `GS v 0`: rows of `width_bytes` bytes, highest bit left."""

    width_bytes: int
    rows: int
    bits: bytes


@dataclass(frozen=True, slots=True)
class FeedLine:
    """White paper."""

    dots: int


@dataclass(frozen=True, slots=True)
class CutLine:
    """The end of a sheet."""


Line = TextLine | QrLine | BarcodeLine | BitmapLine | FeedLine | CutLine

DOUBLE_GAP_DOTS = 6  # white above and below double-height letters, together


def line_height(line: TextLine, line_dots: int, cell_height: int) -> int:
    """Dots from this line to the next."""
    return line_dots if line.size == 1 else line.size * cell_height + DOUBLE_GAP_DOTS


def cells(text: str) -> int:
    """Character cells a text takes: none for a combining mark, two for a wide letter."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def padded(line: TextLine, columns: int) -> str:
    """The line for plain text, its alignment as spaces; letters of double size stand once."""
    text = line.text.strip() if line.inverse else line.text
    gap = max(0, columns - cells(text))
    if line.align is Align.RIGHT:
        return " " * gap + text
    return " " * (gap // 2) + text if line.inverse or line.align is Align.CENTER else text
