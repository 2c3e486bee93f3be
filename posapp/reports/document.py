"""What goes on paper, before anyone knows which paper: immutable blocks and their bytes.

Builders (`receipt.py`, `shift_slip.py`, `daily_sales.py`) make documents from facts;
`posapp.printing.layout` sets them for a printer, `posapp.printing.render.pdf` on A4.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import IntEnum
from typing import Any

from posapp.codec import cbor
from posapp.errors import InputError

FORMAT = 1
BLOCKS_MAX = 2000  # a slip has about 60; more is a mistake and would waste a roll
TEXT_MAX = 400  # characters of one field

# Bidirectional controls could make a number read backwards; the two separators are line ends.
_FORBIDDEN = {0x061C, 0x200E, 0x200F, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_AS_SPACE = {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029}
_REFERENCE = re.compile(r"\{person:(\d{1,18})\.([a-z_]{1,20})\}")

Resolver = Callable[[int, str], str | None]
"""(person's id, field) -> the words for paper, or None when the person was erased."""


def clean(text: str) -> str:
    """`text` without control and bidirectional characters; line ends become spaces; NFC."""
    if text.isascii() and text.isprintable():  # nearly all of a slip
        return text[:TEXT_MAX]
    out = []
    for char in unicodedata.normalize("NFC", text):
        point = ord(char)
        if point in _AS_SPACE:
            out.append(" ")
        elif point not in _FORBIDDEN and unicodedata.category(char) not in ("Cc", "Cs", "Co"):
            out.append(char)
    return "".join(out)[:TEXT_MAX]


def literal(text: str) -> str:
    """Words that came from outside: cleaned, and never taken for a reference to a person."""
    return clean(text).replace("{", "(").replace("}", ")")


def person(person_id: int, field: str) -> str:
    """A reference that is replaced only when the paper is drawn; see `Document.resolve`.

    Fields: `name`, `masked_name`, `account`, `address`, `phone_end`.
    """
    return f"{{person:{person_id}.{field}}}"


class Align(IntEnum):
    """Where a text stands in its width."""

    LEFT = 0
    CENTER = 1
    RIGHT = 2


class RuleStyle(IntEnum):
    """A thin line, a double line, or the short line above a sum."""

    THIN = 0
    DOUBLE = 1
    SUM = 2


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a document. Every text in it is cleaned when it is made."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            object.__setattr__(self, field.name, _checked(value))


@dataclass(frozen=True, slots=True)
class Text(Block):
    """Words that wrap. `size` 2 is double width and height."""

    text: str
    align: Align = Align.LEFT
    bold: bool = False
    size: int = 1


@dataclass(frozen=True, slots=True)
class KeyValue(Block):
    """A label on the left edge, its value on the right edge."""

    left: str
    right: str
    bold: bool = False
    size: int = 1


@dataclass(frozen=True, slots=True)
class Rule(Block):
    """A line across the paper."""

    style: RuleStyle = RuleStyle.THIN


@dataclass(frozen=True, slots=True)
class Token(Block):
    """The digits of a token, drawn in groups of four that are never broken."""

    digits: str


@dataclass(frozen=True, slots=True)
class QR(Block):
    """A QR code and the words that stand beside or below it."""

    data: str
    captions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Barcode(Block):
    """A Code 128 of digits, and what a person reads below it."""

    data: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Banner(Block):
    """What must not be overlooked. `role` "copy" marks the one that a copy replaces."""

    text: str
    note: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Feed(Block):
    """White paper, in dots of 1/8 mm."""

    dots: int


@dataclass(frozen=True, slots=True)
class Cut(Block):
    """The end of a slip."""


@dataclass(frozen=True, slots=True)
class Column(Block):
    """A column of a table; numbers are aligned right."""

    title: str
    align: Align = Align.RIGHT


@dataclass(frozen=True, slots=True)
class Row(Block):
    """Cells in the order of the columns; `total` sets the row off as a sum."""

    cells: tuple[str, ...]
    total: bool = False


@dataclass(frozen=True, slots=True)
class Table(Block):
    """Rows under column titles."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Section(Block):
    """A titled part."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Pair(Block):
    """Two parts side by side on a page, one below the other on a slip."""

    left: tuple[Block, ...]
    right: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Figure(Block):
    """A number worth a big type, and what it is."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Figures(Block):
    """The few numbers a page is about."""

    items: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Check(Block):
    """A sum that must hold, with a tick or a cross."""

    holds: bool
    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Signatures(Block):
    """Lines to sign on, and a QR code beside them when `qr` is not empty."""

    labels: tuple[str, ...]
    qr: str = ""


@dataclass(frozen=True, slots=True)
class Heading(Block):
    """The head of a page."""

    title: str
    subtitle: str = ""
    note: str = ""
    right: str = ""
    right_notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Foot(Block):
    """Stands at the foot of every page, before the page number (`page`: "Page {n} of {of}")."""

    left: str
    middle: str = ""
    page: str = ""


# The tags stand in stored documents: a number, once released, keeps its class and field order.
_TAGS: dict[int, type[Block]] = {
    1: Text,
    2: KeyValue,
    3: Rule,
    4: Token,
    5: QR,
    6: Barcode,
    7: Banner,
    8: Feed,
    9: Cut,
    10: Column,
    11: Row,
    12: Table,
    13: Section,
    14: Pair,
    15: Figure,
    16: Figures,
    17: Check,
    18: Signatures,
    19: Heading,
    20: Foot,
}
_TAG_OF = {cls: tag for tag, cls in _TAGS.items()}
_ENUM_FIELDS: dict[tuple[type[Block], str], type[IntEnum]] = {
    (Text, "align"): Align,
    (Column, "align"): Align,
    (Rule, "style"): RuleStyle,
}


@dataclass(frozen=True, slots=True)
class Document:
    """One slip or report. `zone` is the site's time zone, `language` that of the paper's words.

    `kind` is "receipt", "shift" or "daily"; `title` names it in lists of jobs.
    """

    kind: str
    title: str
    language: str
    zone: str
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        if len(self.blocks) > BLOCKS_MAX:
            raise InputError("DOCUMENT_INVALID", reason="too long")
        object.__setattr__(self, "title", clean(self.title))

    def to_bytes(self) -> bytes:
        """Canonical CBOR: one document, one string of bytes."""
        head = [FORMAT, self.kind, self.title, self.language, self.zone]
        return cbor.encode([*head, [_encode(block) for block in self.blocks]])

    @classmethod
    def from_bytes(cls, data: bytes) -> Document:
        """Raises InputError DOCUMENT_INVALID, or CBOR_INVALID when the bytes are no CBOR."""
        value = cbor.decode(data)
        if not isinstance(value, list) or len(value) != 6 or value[0] != FORMAT:
            raise InputError("DOCUMENT_INVALID", reason="format")
        _, kind, title, language, zone, blocks = value
        if not all(isinstance(text, str) for text in (kind, title, language, zone)):
            raise InputError("DOCUMENT_INVALID", reason="head")
        try:
            decoded = tuple(_decode(block) for block in blocks)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("DOCUMENT_INVALID", reason=type(error).__name__) from None
        if not all(isinstance(block, Block) for block in decoded):
            raise InputError("DOCUMENT_INVALID", reason="block")
        return cls(kind, title, language, zone, decoded)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the bytes."""
        return hashlib.sha256(self.to_bytes()).digest()

    def resolve(self, resolver: Resolver) -> Document:
        """The same document with every person's data in it; "-" stands for an erased person.

        What a person is called is cleaned too and is never itself taken for a reference.
        """

        def words(match: re.Match[str]) -> str:
            found = resolver(int(match.group(1)), match.group(2))
            return "-" if found is None else literal(found)

        def visit(value: Any) -> Any:
            if isinstance(value, str):
                return _REFERENCE.sub(words, value) if "{" in value else value
            if isinstance(value, tuple):
                return tuple(visit(item) for item in value)
            if isinstance(value, Block):
                changes = {f.name: visit(getattr(value, f.name)) for f in fields(value)}
                return type(value)(**changes)
            return value

        return replace(self, blocks=visit(self.blocks))

    def walk(self) -> Iterator[Block]:
        """Every block, the outer ones before the inner ones."""

        def inside(blocks: tuple[Any, ...]) -> Iterator[Block]:
            for block in blocks:
                if isinstance(block, Block):
                    yield block
                    for field in fields(block):
                        value = getattr(block, field.name)
                        if isinstance(value, tuple):
                            yield from inside(value)

        yield from inside(self.blocks)


def _checked(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return tuple(_checked(item) for item in value)
    if isinstance(value, (bool, int, Block)):
        return value
    raise TypeError(f"a document has no place for {type(value).__name__}")


def _encode(value: Any) -> Any:
    if is_dataclass(value):
        values = [_encode(getattr(value, field.name)) for field in fields(value)]
        return [_TAG_OF[type(value)], *values]  # type: ignore[index]
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return int(value) if isinstance(value, IntEnum) else value


def _decode(value: Any) -> Any:
    """A list that starts with a number is a block; any other list is a tuple of parts."""
    if not isinstance(value, list):
        return value
    if not value or not isinstance(value[0], int):
        return tuple(_decode(item) for item in value)
    cls = _TAGS[value[0]]
    names = [field.name for field in fields(cls)]
    if len(names) != len(value) - 1:
        raise ValueError("fields")
    parts: dict[str, Any] = {}
    for name, item in zip(names, value[1:], strict=True):
        enum = _ENUM_FIELDS.get((cls, name))
        parts[name] = enum(item) if enum else _decode(item)
    return cls(**parts)
