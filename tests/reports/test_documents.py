"""Documents: one document, one string of bytes; nothing dangerous and nobody's name inside."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.codec import cbor
from posapp.errors import InputError
from posapp.reports.copy import marked_copy
from posapp.reports.daily_sales import build_daily, build_daily_slip
from posapp.reports.document import (
    QR,
    Align,
    Banner,
    Column,
    Cut,
    Document,
    KeyValue,
    Pair,
    Row,
    Section,
    Table,
    Text,
    clean,
    literal,
    person,
)
from posapp.reports.receipt import build_receipt
from posapp.reports.shift_slip import build_shift_slip
from tests.papers import SOLD_AT, a_daily, a_receipt, a_shift, people

DOCUMENTS = {
    "receipt": lambda: build_receipt(a_receipt()),
    "shift": lambda: build_shift_slip(a_shift()),
    "daily": lambda: build_daily(a_daily()),
    "daily slip": lambda: build_daily_slip(a_daily()),
}


def a_document(*blocks) -> Document:
    return Document("receipt", "T", "en", "Africa/Nairobi", blocks)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_comes_back_from_its_bytes(name: str):
    document = DOCUMENTS[name]()
    again = Document.from_bytes(document.to_bytes())
    assert again == document
    assert again.to_bytes() == document.to_bytes()
    assert again.digest == document.digest


def test_blocks_inside_blocks_come_back():
    table = Table((Column("a", Align.LEFT), Column("b")), (Row(("1", "2")), Row((), total=True)))
    document = a_document(Pair((Section("s", (table, Text("x"))),), ()), QR("1", ("a", "b")), Cut())
    assert Document.from_bytes(document.to_bytes()) == document


@pytest.mark.parametrize(
    "value",
    [
        [1, "k", "t", "en", "z", [[99, "?"]]],
        [1, "k", "t", "en", "z", [[1, "text", 0, False]]],
        [1, "k", "t", "en", "z", [[1, "text", 7, False, 1]]],
        [1, "k", "t", "en", "z", ["text"]],
        [1, "k", 5, "en", "z", []],
        [2, "k", "t", "en", "z", []],
        {1: 2},
    ],
)
def test_bytes_that_are_no_document_are_refused(value):
    with pytest.raises(InputError, match="DOCUMENT_INVALID"):
        Document.from_bytes(cbor.encode(value))


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_no_field_keeps_a_control_or_a_turn_of_direction(text: str):
    for kept in (
        clean(text),
        Text(text).text,
        KeyValue(text, "").left,
        QR("1", (text,)).captions[0],
    ):
        assert all(unicodedata.category(c) != "Cc" for c in kept)
        assert not set(kept) & set(
            "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
        )
        assert not set(kept) & set("\u2028\u2029\x85")


def test_printer_commands_in_a_name_lose_their_teeth():
    assert clean("John\x1bp\x00\x32\x32\x10\x14\x01\x9b\x7f") == "Johnp22"
    assert clean("two\r\nlines") == "two  lines"


def test_a_person_is_a_reference_until_the_paper_is_drawn():
    document = build_receipt(a_receipt())
    assert b"Wanjiru" not in document.to_bytes() and b"0031 442" not in document.to_bytes()
    drawn = document.resolve(people)
    texts = [block.right for block in drawn.blocks if isinstance(block, KeyValue)]
    assert "A**** W******" in texts and "0031 442" in texts


def test_an_erased_person_is_a_dash():
    drawn = a_document(Text(person(5, "name"))).resolve(people)
    assert drawn.blocks == (Text("-"),)


def test_a_name_cannot_borrow_another_persons_name():
    seen: list[int] = []

    def resolver(person_id: int, _: str) -> str:
        seen.append(person_id)
        return "{person:2.name}"

    document = a_document(Text(literal("{person:9.name}")), Text(person(1, "name")))
    drawn = document.resolve(resolver)
    assert seen == [1]
    assert drawn.blocks == (Text("(person:9.name)"), Text("(person:2.name)"))


def test_a_copy_carries_one_banner_and_everything_of_the_original():
    original = build_receipt(a_receipt())
    second = marked_copy(marked_copy(original, 1, SOLD_AT), 2, SOLD_AT)
    banners = [block for block in second.blocks if isinstance(block, Banner)]
    assert [banner.text for banner in banners] == ["COPY 2"]
    assert second.blocks[-len(original.blocks) :] == original.blocks
    assert original.to_bytes() == build_receipt(a_receipt()).to_bytes()


def test_a_document_without_end_is_refused():
    with pytest.raises(InputError, match="DOCUMENT_INVALID"):
        a_document(*[Cut()] * 3000)


def test_a_block_takes_no_number_with_a_point():
    with pytest.raises(TypeError):
        Text(1.5)  # type: ignore[arg-type]
