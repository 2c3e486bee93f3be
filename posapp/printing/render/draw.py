"""Draws lines as dots with the bundled letters; used for previews, pictures and virtual paper.

Pillow, not Qt: it needs no application object, works on any thread and gives the same dots
on every machine because letters and rasteriser are both bundled.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from posapp.paths import resources
from posapp.printing.layout import QUIET_MODULES
from posapp.printing.lines import (
    BarcodeLine,
    BitmapLine,
    FeedLine,
    Line,
    QrLine,
    TextLine,
    cells,
    line_height,
)
from posapp.printing.profile import Profile
from posapp.printing.symbols import code128_bars, qr_modules
from posapp.reports.document import Align

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

WHITE, BLACK = 255, 17  # thermal black is not quite black
MODULE_BLACK = 0
_EM_PER_CELL = 1.6611  # DejaVu Sans Mono: letter height in pixels for a cell of one pixel
_BASELINE = 0.79  # of the cell's height, as the letters of printers sit


@lru_cache(maxsize=8)
def _font(cell_width: int, bold: bool) -> FreeTypeFont:
    from PIL import ImageFont  # late: only when something is drawn

    name = "DejaVuSansMono-Bold.ttf" if bold else "DejaVuSansMono.ttf"
    path = resources() / "fonts" / name
    return ImageFont.truetype(path, cell_width * _EM_PER_CELL, layout_engine=ImageFont.Layout.BASIC)


def height_of(line: Line, profile: Profile) -> int:
    """Dots of paper a line takes; a cut takes none."""
    if isinstance(line, TextLine):
        return line_height(line, profile.line_dots, profile.cell_height)
    if isinstance(line, QrLine):
        side = len(qr_modules(line.data)) * line.module_dots
        return max(side, len(line.captions) * profile.line_dots)
    if isinstance(line, BarcodeLine):
        return line.height_dots
    if isinstance(line, BitmapLine):
        return line.rows
    return line.dots if isinstance(line, FeedLine) else 0


def draw_lines(
    lines: Sequence[Line], profile: Profile, *, margin: int = 0, crisp: bool = False
) -> Image:
    """A grey picture of the paper, `profile.dots` + 2 x `margin` wide.

    `crisp` draws letters in one bit, as a print head would burn them.
    """
    from PIL import Image as Images

    height = sum(height_of(line, profile) for line in lines)
    paper = Images.new("L", (profile.dots + 2 * margin, max(1, height) + 2 * margin), WHITE)
    top = margin
    for line in lines:
        _draw(paper, line, margin, top, profile, crisp)
        top += height_of(line, profile)
    return paper


def _draw(paper: Image, line: Line, left: int, top: int, profile: Profile, crisp: bool) -> None:
    if isinstance(line, TextLine):
        _draw_text(paper, line, left, top, profile, crisp)
    elif isinstance(line, QrLine):
        _draw_qr(paper, line, left, top, profile, crisp)
    elif isinstance(line, BarcodeLine):
        bars = [code128_bars(line.data)]
        wide = len(bars[0]) * line.module_dots
        start = left + (profile.dots - wide) // 2
        _draw_modules(paper, bars, start, top, line.module_dots, line.height_dots)
    elif isinstance(line, BitmapLine):
        _draw_bits(paper, line, left, top)


def _draw_text(
    paper: Image, line: TextLine, left: int, top: int, profile: Profile, crisp: bool
) -> None:
    from PIL import ImageDraw

    cell = profile.cell_width * line.size
    height = line_height(line, profile.line_dots, profile.cell_height)
    spare = profile.dots - cells(line.text) * cell
    shift = {Align.LEFT: 0, Align.CENTER: spare // 2, Align.RIGHT: spare}[line.align]
    start = left + max(0, shift)
    draw = ImageDraw.Draw(paper)
    draw.fontmode = "1" if crisp else "L"
    ink = BLACK
    if line.inverse:
        box = (start, top, start + cells(line.text) * cell - 1, top + height - 1)
        draw.rectangle(box, fill=BLACK)
        ink = WHITE
    glyphs = profile.cell_height * line.size
    baseline = top + (height - glyphs) // 2 + round(glyphs * _BASELINE)
    font = _font(cell, line.bold)
    place = before = start
    for word, count in _words(line.text):
        if count:
            before = place
        # A combining mark is drawn in the cell of its letter, where this font has room for it.
        draw.text((before, baseline), word, fill=ink, font=font, anchor="ls")
        place += count * cell


def _words(text: str) -> list[tuple[str, int]]:
    """The text whole where every letter is one cell, else letter by letter; marks take none."""
    if cells(text) == len(text):
        return [(text, len(text))]
    return [(char, cells(char)) for char in text]


def _draw_qr(
    paper: Image, line: QrLine, left: int, top: int, profile: Profile, crisp: bool
) -> None:
    modules = qr_modules(line.data)
    side = len(modules) * line.module_dots
    if not line.captions:
        start = left + (profile.dots - side) // 2
        _draw_modules(paper, modules, start, top, line.module_dots, line.module_dots)
        return
    _draw_modules(paper, modules, left, top, line.module_dots, line.module_dots)
    text_left = left + side + QUIET_MODULES * line.module_dots
    height = max(side, len(line.captions) * profile.line_dots)
    row = top + (height - len(line.captions) * profile.line_dots) // 2
    for caption in line.captions:
        _draw_text(paper, TextLine(caption), text_left, row, profile, crisp)
        row += profile.line_dots


def _draw_modules(
    paper: Image,
    rows: Sequence[Sequence[bool]],
    left: int,
    top: int,
    width: int,
    height: int,
) -> None:
    from PIL import ImageDraw

    draw = ImageDraw.Draw(paper)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                corner = (left + x * width, top + y * height)
                far = (corner[0] + width - 1, corner[1] + height - 1)
                draw.rectangle((*corner, *far), fill=MODULE_BLACK)


def _draw_bits(paper: Image, line: BitmapLine, left: int, top: int) -> None:
    from PIL import Image as Images
    from PIL import ImageChops

    size = (line.width_bytes * 8, line.rows)
    black = Images.frombytes("1", size, line.bits).convert("L")
    paper.paste(ImageChops.invert(black), (left, top))


def bitmap_of(line: Line, profile: Profile) -> BitmapLine:
    """The one-bit picture of a line, cropped to its used width; thresholded, never dithered."""
    from PIL import ImageChops

    grey = draw_lines([line], profile, crisp=True)
    black = ImageChops.invert(grey).point(lambda level: 255 if level > 127 else 0)
    box = black.getbbox()
    width = -(-(box[2] if box else 8) // 8) * 8
    rows = height_of(line, profile)
    ones = black.crop((0, 0, width, rows)).convert("1")
    return BitmapLine(width // 8, rows, ones.tobytes())
