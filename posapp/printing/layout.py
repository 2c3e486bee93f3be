"""Sets a document for one printer: columns, wraps, code pages, what must become a picture.

`lay_out` is pure. Nothing here cuts a group of digits or puts a question mark for a letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from posapp.printing.lines import (
    BarcodeLine,
    CutLine,
    FeedLine,
    Line,
    QrLine,
    TextLine,
    cells,
)
from posapp.printing.profile import Profile
from posapp.printing.symbols import code128_bars, qr_modules
from posapp.reports.document import (
    QR,
    Align,
    Banner,
    Barcode,
    Block,
    Check,
    Column,
    Cut,
    Document,
    Feed,
    Figures,
    Foot,
    Heading,
    KeyValue,
    Pair,
    Row,
    Rule,
    RuleStyle,
    Section,
    Signatures,
    Table,
    Text,
    Token,
)

SUM_RULE_CELLS = 14
SIGN_DOTS = 72  # room for a pen
BARCODE_DOTS = 72
BANNER_GAP_DOTS = 6
QUIET_MODULES = 4  # ISO/IEC 18004 9.1
BARCODE_QUIET_MODULES = 10  # ISO/IEC 15417 4.3.2
GROUP = 4

# Signs that differ from a plain one only in beauty; used where no code page has the fine one.
_PLAIN = str.maketrans("−–—‐‑’‘“”\u00a0\u2009\u202f×·", "-----''\"\"   x.")


def lay_out(document: Document, profile: Profile) -> tuple[Line, ...]:
    """The lines of a resolved document on this printer; always ends with a cut."""
    setter = _Setter(profile)
    lines = list(setter.blocks(document.blocks))
    if not lines or not isinstance(lines[-1], CutLine):
        lines.append(CutLine())
    return tuple(lines)


class _Setter:
    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._columns = profile.columns
        self._set: dict[type[Block], Callable[[Any], Iterator[Line]]] = {
            Text: self._text,
            KeyValue: self._key_value,
            Rule: self._rule,
            Token: self._token,
            QR: self._qr,
            Barcode: self._barcode,
            Banner: self._banner,
            Feed: self._feed,
            Cut: self._cut,
            Table: self._table,
            Section: self._section,
            Pair: self._pair,
            Figures: self._figures,
            Check: self._check,
            Signatures: self._signatures,
            Heading: self._heading,
            Foot: self._foot,
        }

    def blocks(self, blocks: Sequence[Block]) -> Iterator[Line]:
        for block in blocks:
            yield from self._set[type(block)](block)

    def _line(
        self,
        text: str,
        align: Align = Align.LEFT,
        *,
        bold: bool = False,
        size: int = 1,
        inverse: bool = False,
    ) -> TextLine:
        text = text.rstrip() if not inverse else text
        text, page = self._encodable(text)
        return TextLine(text, align, bold, size, inverse, page)

    def _encodable(self, text: str) -> tuple[str, tuple[int, str] | None]:
        for wanted in dict.fromkeys((text, text.translate(_PLAIN))):
            for page in self._profile.codepages:
                try:
                    wanted.encode(page[1])
                except UnicodeEncodeError:
                    continue
                return wanted, page
        return text, None

    def _text(self, block: Text) -> Iterator[Line]:
        room = self._columns // block.size
        fit = balanced if block.align is Align.CENTER else wrap
        for part in fit(block.text, room):
            yield self._line(part, block.align, bold=block.bold, size=block.size)

    def _key_value(self, block: KeyValue) -> Iterator[Line]:
        room = self._columns // block.size
        left, right = block.left.rstrip(), block.right.strip()
        gap = room - cells(left) - cells(right)
        if gap >= 1 or not right:
            text = left + " " * max(0, gap) + right
            yield self._line(text, bold=block.bold, size=block.size)
            return
        indent = " " * (len(left) - len(left.lstrip()))
        for part in wrap(left, room):
            yield self._line(part, bold=block.bold, size=block.size)
        for part in wrap(right, room - len(indent)):
            yield self._line(part, Align.RIGHT, bold=block.bold, size=block.size)

    def _rule(self, block: Rule) -> Iterator[Line]:
        if block.style is RuleStyle.SUM:
            yield self._line("-" * SUM_RULE_CELLS, Align.RIGHT)
        else:
            yield self._line(("=" if block.style is RuleStyle.DOUBLE else "-") * self._columns)

    def _token(self, block: Token) -> Iterator[Line]:
        groups = [block.digits[i : i + GROUP] for i in range(0, len(block.digits), GROUP)]
        room = self._columns // 2
        whole = " ".join(groups)
        if len(whole) <= room:
            yield self._line(whole, bold=True, size=2)
            return
        row = max(1, min(3, (room + 1) // (GROUP + 1)))
        for start in range(0, len(groups), row):
            yield self._line(" ".join(groups[start : start + row]), bold=True, size=2)

    def _qr(self, block: QR) -> Iterator[Line]:
        profile = self._profile
        side = len(qr_modules(block.data))
        room = profile.dots // (side + 2 * QUIET_MODULES)
        module = max(1, min(7 if profile.qr == "beside" else 6, room))
        beside = profile.qr == "beside" and any(block.captions)
        text_from = (side + QUIET_MODULES) * module
        widest = max((cells(caption) for caption in block.captions), default=0)
        if beside and text_from + widest * profile.cell_width <= profile.dots:
            yield QrLine(block.data, module, block.captions, native=False)
            return
        yield QrLine(block.data, module, native=profile.qr == "native")
        yield FeedLine(QUIET_MODULES * module)
        for caption in block.captions:
            yield from self._text(Text(caption, Align.CENTER)) if caption else (FeedLine(8),)

    def _barcode(self, block: Barcode) -> Iterator[Line]:
        modules = len(code128_bars(block.data)) + 2 * BARCODE_QUIET_MODULES
        module = max(1, min(3, self._profile.dots // modules))
        yield BarcodeLine(block.data, module, BARCODE_DOTS)
        if block.caption:
            yield self._line(block.caption, Align.CENTER)

    def _banner(self, block: Banner) -> Iterator[Line]:
        size = 2 if cells(block.text) <= self._columns // 2 else 1
        room = self._columns // size
        yield FeedLine(BANNER_GAP_DOTS)
        for part in balanced(block.text, room):
            gap = room - cells(part)
            text = " " * (gap // 2) + part + " " * (gap - gap // 2)
            yield self._line(text, bold=True, size=size, inverse=True)
        yield FeedLine(BANNER_GAP_DOTS)
        for part in balanced(block.note, self._columns) if block.note else ():
            yield self._line(part, Align.CENTER)

    def _feed(self, block: Feed) -> Iterator[Line]:
        yield FeedLine(block.dots)

    def _cut(self, _: Cut) -> Iterator[Line]:
        yield CutLine()

    def _table(self, block: Table) -> Iterator[Line]:
        """In columns where they fit; else each cell under its own title."""
        rows = [tuple(column.title for column in block.columns), *(r.cells for r in block.rows)]
        widths = [max(cells(row[i]) for row in rows) for i in range(len(block.columns))]
        if sum(widths) + 2 * (len(widths) - 1) <= self._columns:
            widths[0] += self._columns - sum(widths) - 2 * (len(widths) - 1)
            yield self._row(rows[0], block.columns, widths, bold=False)
            for row in block.rows:
                yield self._row(row.cells, block.columns, widths, bold=row.total)
            return
        for row in block.rows:
            yield from self._stacked(row, block.columns)

    def _row(
        self, row: tuple[str, ...], columns: tuple[Column, ...], widths: list[int], *, bold: bool
    ) -> TextLine:
        parts = []
        for text, column, width in zip(row, columns, widths, strict=True):
            gap = " " * (width - cells(text))
            parts.append(gap + text if column.align is Align.RIGHT else text + gap)
        return self._line("  ".join(parts), bold=bold)

    def _stacked(self, row: Row, columns: tuple[Column, ...]) -> Iterator[Line]:
        yield self._line(row.cells[0], bold=True)
        for text, column in zip(row.cells[1:], columns[1:], strict=True):
            yield from self._key_value(KeyValue("  " + column.title, text, bold=row.total))

    def _section(self, block: Section) -> Iterator[Line]:
        yield from self._rule(Rule())
        yield from self._text(Text(block.title, bold=True))
        yield from self.blocks(block.blocks)

    def _pair(self, block: Pair) -> Iterator[Line]:
        yield from self.blocks((*block.left, *block.right))

    def _figures(self, block: Figures) -> Iterator[Line]:
        for item in block.items:
            yield from self._key_value(KeyValue(item.label, item.value, bold=True))

    def _check(self, block: Check) -> Iterator[Line]:
        mark = "[OK]" if block.holds else "[NO]"
        pair = KeyValue(f"{mark} {block.text}", block.value, bold=not block.holds)
        yield from self._key_value(pair)

    def _signatures(self, block: Signatures) -> Iterator[Line]:
        for label in block.labels:
            yield FeedLine(SIGN_DOTS)
            yield self._line("_" * self._columns)
            yield from self._text(Text(label))
        if block.qr:
            yield from self._qr(QR(block.qr))

    def _heading(self, block: Heading) -> Iterator[Line]:
        yield from self._key_value(KeyValue(block.title, block.right, bold=True))
        for text in (block.subtitle, block.note, *block.right_notes):
            if text:
                yield from self._text(Text(text))

    def _foot(self, block: Foot) -> Iterator[Line]:
        yield from self._text(Text(block.left))


def wrap(text: str, room: int) -> list[str]:
    """Parts of at most `room` cells, broken at spaces; a longer word is broken where it must."""
    assert room > 0
    if cells(text) <= room:
        return [text]
    indent = len(text) - len(text.lstrip(" "))
    parts: list[str] = []
    current = " " * min(indent, room - 1)
    empty = True
    for word in text.split():
        while cells(word) > room:
            if not empty:
                parts.append(current)
                current, empty = "", True
            head = _head_of(word, room)
            parts.append(head)
            word = word[len(head) :]
        if not word:
            continue
        joined = current + word if empty else f"{current} {word}"
        if cells(joined) > room:
            parts.append(current)
            joined = word
        current, empty = joined, False
    if not empty or not parts:
        parts.append(current)
    return parts


def balanced(text: str, room: int) -> list[str]:
    """As `wrap`, in no more lines, but of about equal length: no single word is left over."""
    parts = wrap(text, room)
    while len(parts) > 1 and room > 1:
        tighter = wrap(text, room - 1)
        if len(tighter) > len(parts):
            break
        parts, room = tighter, room - 1
    return parts


def _head_of(word: str, room: int) -> str:
    head = ""
    for char in word:
        if cells(head + char) > room:
            break
        head += char
    return head
