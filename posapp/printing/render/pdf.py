"""Reports on A4 with reportlab's canvas: fonts embedded, the same document gives the same bytes.

Blocks become boxes of known height first, so that the number of pages is known before the first
is drawn; see reports/document.py for what the blocks mean.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from posapp.paths import resources
from posapp.printing.symbols import qr_modules
from posapp.reports.document import (
    Align,
    Block,
    Check,
    Column,
    Document,
    Figures,
    Foot,
    Heading,
    KeyValue,
    Pair,
    Row,
    Section,
    Signatures,
    Table,
    Text,
)

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89  # A4 in points
LEFT, TOP, BOTTOM = 33.0, 27.0, 21.0
WIDTH = PAGE_WIDTH - 2 * LEFT
GUTTER = 18.0
GAP = 9.0
FOOT_HEIGHT = 16.0
ROW = 13.4
TITLE_ROW = 16.5
BODY, SMALL, TITLE, FIGURE, HEAD = 7.9, 7.1, 8.7, 12.8, 16.5
SHRINK_MIN = 0.7
QR_POINTS = 48.0
PAGES_MAX = 200

REGULAR, MEDIUM, SEMIBOLD = "NotoSans", "NotoSans-Medium", "NotoSans-SemiBold"
_FILES = {
    REGULAR: "NotoSans-Regular.ttf",
    MEDIUM: "NotoSans-Medium.ttf",
    SEMIBOLD: "NotoSans-SemiBold.ttf",
}
INK, MUTED, LINE, FAINT = 0.07, 0.27, 0.6, 0.87

Draw = Callable[[float, float], None]


@dataclass(frozen=True, slots=True)
class _Box:
    """Something `height` points tall that is drawn at its upper left corner.

    `keep` more boxes must follow on the same page; `down` stands at the foot of the last page.
    """

    height: float
    draw: Draw
    keep: int = 0
    down: bool = False


def render_pdf(document: Document) -> bytes:
    """PDF bytes of a resolved document. A day takes about 30 ms once reportlab is loaded."""
    from reportlab.pdfgen.canvas import Canvas  # 100 ms, only for reports

    _register_fonts()
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(PAGE_WIDTH, PAGE_HEIGHT), invariant=1, lang=document.language)
    canvas.setTitle(document.title)
    canvas.setCreator("posapp")
    _Writer(canvas, document).write()
    canvas.save()
    return out.getvalue()


def _register_fonts() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    known = pdfmetrics.getRegisteredFontNames()
    for name, file in _FILES.items():
        if name not in known:
            pdfmetrics.registerFont(TTFont(name, str(resources() / "fonts" / file)))


class _Writer:
    def __init__(self, canvas: Any, document: Document) -> None:
        self._canvas = canvas
        feet = [block for block in document.blocks if isinstance(block, Foot)]
        self._foot = feet[0] if feet else Foot("")
        self._blocks = [block for block in document.blocks if not isinstance(block, Foot)]

    def write(self) -> None:
        pages = self._pages()
        for number, boxes in enumerate(pages, 1):
            top = TOP
            below = sum(box.height for box in boxes if box.down)
            for box in boxes:
                if box.down:
                    top = max(top, PAGE_HEIGHT - BOTTOM - FOOT_HEIGHT - GAP - below)
                    below -= box.height
                box.draw(LEFT, PAGE_HEIGHT - top)
                top += box.height
            self._draw_foot(number, len(pages))
            self._canvas.showPage()

    def _pages(self) -> list[list[_Box]]:
        """Boxes by page; a title never stands alone at the end of one."""
        boxes = [box for block in self._blocks for box in self.boxes(block, WIDTH)]
        room = PAGE_HEIGHT - TOP - BOTTOM - FOOT_HEIGHT - GAP
        pages: list[list[_Box]] = [[]]
        used = 0.0
        for place, box in enumerate(boxes):
            needed = sum(b.height for b in boxes[place : place + 1 + box.keep])
            if pages[-1] and used + needed > room and len(pages) < PAGES_MAX:
                pages.append([])
                used = 0.0
            pages[-1].append(box)
            used += box.height
        return pages

    # ------------------------------------------------------------ blocks to boxes

    def boxes(self, block: Block, width: float) -> list[_Box]:
        """The boxes of a block in a column of `width` points."""
        if isinstance(block, Section):
            inner = [box for part in block.blocks for box in self.boxes(part, width)]
            return [self._title(block.title, width), *inner, self._space(GAP)]
        if isinstance(block, Table):
            return self._table(block, width)
        if isinstance(block, Pair):
            return [self._pair(block, width)]
        one: dict[type[Block], Callable[[Any, float], _Box]] = {
            Heading: self._heading,
            Figures: self._figures,
            KeyValue: self._key_value,
            Check: self._check,
            Text: self._text,
            Signatures: self._signatures,
        }
        maker = one.get(type(block))
        return [maker(block, width)] if maker else []

    def _space(self, height: float) -> _Box:
        return _Box(height, lambda _x, _y: None)

    def _title(self, text: str, width: float) -> _Box:
        def draw(x: float, y: float) -> None:
            self._string(x, y - 9.5, text, SEMIBOLD, TITLE)
            self._rule(x, y - 13.2, width, INK, 1.1)

        return _Box(TITLE_ROW - 2.4, draw, keep=2)

    def _heading(self, block: Heading, width: float) -> _Box:
        def draw(x: float, y: float) -> None:
            self._string(x, y - 16, block.title, SEMIBOLD, HEAD)
            self._string(x, y - 30, block.subtitle, MEDIUM, 9.8)
            self._string(x, y - 42, block.note, REGULAR, BODY, MUTED, width * 0.68)
            self._right(x + width, y - 16, block.right, SEMIBOLD, HEAD)
            for place, note in enumerate(block.right_notes):
                self._right(x + width, y - 29 - 11 * place, note, REGULAR, BODY, MUTED)

        return _Box(54, draw)

    def _figures(self, block: Figures, width: float) -> _Box:
        def draw(x: float, y: float) -> None:
            canvas, cell = self._canvas, width / max(1, len(block.items))
            canvas.setStrokeGray(INK)
            canvas.setLineWidth(0.75)
            canvas.roundRect(x, y - 38, width, 38, 3)
            for place, item in enumerate(block.items):
                left = x + place * cell
                if place:
                    canvas.setStrokeGray(0.73)
                    canvas.line(left, y - 38, left, y)
                self._string(left + 8, y - 13.5, item.label, REGULAR, BODY, MUTED, cell - 12)
                self._string(left + 8, y - 30, item.value, SEMIBOLD, FIGURE, INK, cell - 12)

        return _Box(38 + GAP, draw)

    def _key_value(self, block: KeyValue, width: float) -> _Box:
        font = SEMIBOLD if block.bold else REGULAR

        def draw(x: float, y: float) -> None:
            taken = self._width(block.right, font, BODY)
            self._string(x, y - 9.4, block.left, font, BODY, INK, width - taken - 6)
            self._right(x + width, y - 9.4, block.right, font, BODY)
            self._rule(x, y - ROW, width, FAINT, 0.5)

        return _Box(ROW, draw)

    def _check(self, block: Check, width: float) -> _Box:
        font = REGULAR if block.holds else SEMIBOLD

        def draw(x: float, y: float) -> None:
            self._string(x, y - 9.4, "✓" if block.holds else "✗", SEMIBOLD, BODY)
            taken = self._width(block.value, font, BODY)
            self._string(x + 12, y - 9.4, block.text, font, BODY, INK, width - taken - 18)
            self._right(x + width, y - 9.4, block.value, font, BODY)
            self._rule(x, y - ROW, width, FAINT, 0.5)

        return _Box(ROW, draw)

    def _text(self, block: Text, width: float) -> _Box:
        def draw(x: float, y: float) -> None:
            self._string(x, y - 9.8, block.text, REGULAR, BODY, MUTED, width)

        return _Box(ROW - 1.5, draw)

    def _signatures(self, block: Signatures, width: float) -> _Box:
        code = QR_POINTS + GUTTER if block.qr else 0
        count = max(1, len(block.labels))
        line = (width - code - GUTTER * (count - 1)) / count

        def draw(x: float, y: float) -> None:
            base = y - QR_POINTS + 12
            for place, label in enumerate(block.labels):
                left = x + place * (line + GUTTER)
                self._rule(left, base, line, INK, 0.75)
                self._string(left, base - 10, label, REGULAR, BODY, INK, line)
            if block.qr:
                self._qr(x + width - QR_POINTS, y, block.qr)

        return _Box(QR_POINTS, draw, down=True)

    def _pair(self, block: Pair, width: float) -> _Box:
        half = (width - GUTTER) / 2
        sides = [
            [box for part in side for box in self.boxes(part, half)]
            for side in (block.left, block.right)
        ]

        def draw(x: float, y: float) -> None:
            for place, boxes in enumerate(sides):
                top = y
                for box in boxes:
                    box.draw(x + place * (half + GUTTER), top)
                    top -= box.height

        return _Box(max(sum(box.height for box in boxes) for boxes in sides), draw)

    # ------------------------------------------------------------ tables

    def _table(self, block: Table, width: float) -> list[_Box]:
        widths, scale = self._column_widths(block, width)
        head = Row(tuple(column.title for column in block.columns))
        boxes = [self._table_row(head, block.columns, widths, width, scale, head=True)]
        for row in block.rows:
            boxes.append(self._table_row(row, block.columns, widths, width, scale))
        return boxes

    def _column_widths(self, block: Table, width: float) -> tuple[list[float], float]:
        """What each column needs; the rest is shared. Smaller letters where there is no rest."""
        natural = [
            max(
                self._width(column.title, MEDIUM, SMALL),
                *(
                    self._width(row.cells[place], SEMIBOLD if row.total else REGULAR, BODY)
                    for row in block.rows
                ),
                0.0,
            )
            for place, column in enumerate(block.columns)
        ]
        gaps = 6.0 * (len(natural) - 1)
        scale = min(1.0, max(SHRINK_MIN, (width - gaps) / max(1.0, sum(natural))))
        scaled = [one * scale for one in natural]
        spare = (width - gaps - sum(scaled)) / len(scaled)
        widths = [one + spare for one in scaled]
        return [one + (6.0 if place else 0.0) for place, one in enumerate(widths)], scale

    def _table_row(
        self,
        row: Row,
        columns: Sequence[Column],
        widths: Sequence[float],
        width: float,
        scale: float,
        *,
        head: bool = False,
    ) -> _Box:
        font = MEDIUM if head else SEMIBOLD if row.total else REGULAR
        size = (SMALL if head else BODY) * scale
        grey = MUTED if head else INK

        def draw(x: float, y: float) -> None:
            left = x
            for cell, column, room in zip(row.cells, columns, widths, strict=True):
                if column.align is Align.RIGHT:
                    self._right(left + room, y - 9.4, cell, font, size, grey, room)
                else:
                    self._string(left, y - 9.4, cell, font, size, grey, room)
                left += room
            if head:
                self._rule(x, y - ROW, width, LINE, 0.6)
            elif row.total:
                self._rule(x, y, width, INK, 0.75)
            else:
                self._rule(x, y - ROW, width, FAINT, 0.5)

        return _Box(ROW, draw, keep=1 if head else 0)

    # ------------------------------------------------------------ ink

    def _draw_foot(self, number: int, count: int) -> None:
        foot, y = self._foot, BOTTOM
        if not (foot.left or foot.page):
            return
        self._rule(LEFT, y + 11, WIDTH, 0.73, 0.6)
        page = foot.page.replace("{n}", str(number)).replace("{of}", str(count))
        self._string(LEFT, y + 1, foot.left, REGULAR, BODY, MUTED)
        self._right(LEFT + WIDTH, y + 1, page, REGULAR, BODY, MUTED)
        start = LEFT + self._width(foot.left, REGULAR, BODY) + GUTTER
        room = LEFT + WIDTH - self._width(page, REGULAR, BODY) - GUTTER - start
        middle = self._fitted(foot.middle, REGULAR, BODY, room)
        spare = room - self._width(middle, REGULAR, BODY)
        self._string(start + spare / 2, y + 1, middle, REGULAR, BODY, MUTED)

    def _width(self, text: str, font: str, size: float) -> float:
        return float(self._canvas.stringWidth(text, font, size))

    def _fitted(self, text: str, font: str, size: float, room: float | None) -> str:
        if room is None or self._width(text, font, size) <= room:
            return text
        while text and self._width(text + "…", font, size) > room:
            text = text[:-1]
        return text.rstrip() + "…"

    def _string(
        self,
        x: float,
        y: float,
        text: str,
        font: str,
        size: float,
        grey: float = INK,
        room: float | None = None,
    ) -> None:
        self._canvas.setFont(font, size)
        self._canvas.setFillGray(grey)
        self._canvas.drawString(x, y, self._fitted(text, font, size, room))

    def _right(
        self,
        x: float,
        y: float,
        text: str,
        font: str,
        size: float,
        grey: float = INK,
        room: float | None = None,
    ) -> None:
        fitted = self._fitted(text, font, size, room)
        self._string(x - self._width(fitted, font, size), y, fitted, font, size, grey)

    def _rule(self, x: float, y: float, width: float, grey: float, thick: float) -> None:
        self._canvas.setStrokeGray(grey)
        self._canvas.setLineWidth(thick)
        self._canvas.line(x, y, x + width, y)

    def _qr(self, x: float, top: float, data: str) -> None:
        modules = qr_modules(data)
        size = QR_POINTS / len(modules)
        self._canvas.setFillGray(0)
        path = self._canvas.beginPath()
        for row, cells in enumerate(modules):
            for column, dark in enumerate(cells):
                if dark:
                    path.rect(x + column * size, top - (row + 1) * size, size, size)
        self._canvas.drawPath(path, stroke=0, fill=1)
