"""Marks a slip as a copy. There is one unmarked original of a document for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from posapp.reports.document import Banner, Block, Cut, Document, KeyValue, Rule, Text
from posapp.reports.texts import time_text
from posapp.reports.words import words

COPY = "copy"


def marked_copy(document: Document, copy_no: int, printed_at: datetime) -> Document:
    """`COPY n` above everything, with the time of the copy (UTC in, local on paper).

    The document's own time and operator stay. `copy_no` counts from 1.
    """
    assert copy_no >= 1, "the original is not a copy"
    say = words(document.language)
    kept = tuple(
        block for block in document.blocks if not (isinstance(block, Banner) and block.role == COPY)
    )
    banner = Banner(say("copy.banner", n=copy_no), say("copy.note"), COPY)
    when = KeyValue(say("copy.printed"), time_text(printed_at, document.zone))
    return replace(document, blocks=(banner, when, Rule(), *kept))


def broken_slip(language: str, zone: str) -> Document:
    """The strip that voids whatever a power cut left hanging out of the printer."""
    say = words(language)
    blocks: tuple[Block, ...] = (Text(say("copy.broken"), bold=True), Cut())
    return Document("void", say("copy.broken"), language, zone, blocks)
