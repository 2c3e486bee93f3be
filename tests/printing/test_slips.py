"""Slips on paper of every width: layout, bytes, and what the virtual printer reads in them."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from posapp.printing.layout import balanced, lay_out, wrap
from posapp.printing.lines import BitmapLine, TextLine, cells
from posapp.printing.profile import Profile, load_profile, profile_names
from posapp.printing.render.draw import bitmap_of, draw_lines
from posapp.printing.render.escpos import render_escpos
from posapp.printing.render.image import render_png
from posapp.printing.render.text import render_text
from posapp.printing.symbols import code128_data, code128_digits
from posapp.printing.virtual.engine import Engine, Sheet
from posapp.reports.copy import marked_copy
from posapp.reports.daily_sales import build_daily_slip
from posapp.reports.document import Document, KeyValue, Text
from posapp.reports.receipt import build_receipt
from posapp.reports.shift_slip import build_shift_slip
from tests.papers import (
    SOLD_AT,
    TOKEN,
    a_busy_shift,
    a_daily,
    a_receipt,
    a_sale,
    a_shift,
    a_site,
    people,
)

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
WIDTHS = {32: "generic-58", 42: "", 48: "generic-80"}


def a_profile(columns: int) -> Profile:
    if columns == 42:
        return replace(load_profile("generic-80"), columns=42, dots=512)
    return load_profile(WIDTHS[columns])


DOCUMENTS = {
    "receipt": lambda: build_receipt(a_receipt(certified=False)),
    "copy": lambda: marked_copy(build_receipt(a_receipt()), 2, SOLD_AT),
    "shift": lambda: build_shift_slip(a_shift()),
    "busy-shift": lambda: build_shift_slip(a_busy_shift()),
    "daily": lambda: build_daily_slip(a_daily()),
    "recu": lambda: build_receipt(a_receipt(language="fr")),
}


def printed(document: Document, profile: Profile) -> tuple[list[Sheet], Engine]:
    """The document as the virtual printer decodes its bytes."""
    sheets: list[Sheet] = []
    engine = Engine(profile, sheets.append)
    data = render_escpos(lay_out(document.resolve(people), profile), profile).data
    for start in range(0, len(data), 100):
        engine.receive(data[start : start + 100])
        engine.run(0)
        assert engine.room > 100
    engine.run(0)
    if engine.sheet.lines:
        sheets.append(engine.sheet)
    return sheets, engine


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_slip_looks_as_it_did(name: str, columns: int):
    """`POSAPP_GOLDEN=write pytest tests/printing` writes the files anew; read the diff."""
    document = DOCUMENTS[name]().resolve(people)
    text = render_text(lay_out(document, a_profile(columns)), columns) + "\n"
    path = GOLDEN / f"{name}-{columns}.txt"
    if os.environ.get("POSAPP_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_printer_reads_what_was_laid_out(name: str, columns: int):
    profile = a_profile(columns)
    document = DOCUMENTS[name]().resolve(people)
    wanted = [line for line in lay_out(document, profile) if isinstance(line, TextLine)]
    (sheet,), engine = printed(document, profile)
    found = [line for line in sheet.lines if isinstance(line, TextLine)]
    assert [line.text for line in found] == [line.text for line in wanted]
    styles = [(line.bold, line.size, line.inverse, line.align) for line in found]
    assert styles == [(line.bold, line.size, line.inverse, line.align) for line in wanted]
    assert not [event for event in engine.events if not event.startswith("paper")]


@pytest.mark.parametrize("columns", WIDTHS)
def test_all_twenty_digits_stand_in_order_and_no_group_is_broken(columns: int):
    (sheet,), _ = printed(build_receipt(a_receipt()), a_profile(columns))
    rows = [
        line.text
        for line in sheet.lines
        if isinstance(line, TextLine) and line.size == 2 and re.fullmatch(r"[\d ]+", line.text)
    ]
    groups = " ".join(rows).split()
    assert all(len(group) == 4 for group in groups)
    assert "".join(groups) == TOKEN
    assert [len(row.split()) for row in rows] == ([5] if columns == 48 else [3, 2])


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("columns", WIDTHS)
def test_no_line_is_wider_than_the_paper(name: str, columns: int):
    for line in lay_out(DOCUMENTS[name]().resolve(people), a_profile(columns)):
        if isinstance(line, TextLine):
            assert cells(line.text) * line.size <= columns


@pytest.mark.parametrize("model", ["virtual-80", "generic-80", "generic-58", "epson-tm-t20iii"])
@pytest.mark.parametrize("meter", ["45123098761", "16201603010", "0712345678909"])
def test_qr_and_barcode_read_back_from_the_paper(model: str, meter: str):
    profile = load_profile(model)
    sale = replace(a_sale(), meter=with_check(meter))
    (sheet,), _ = printed(build_receipt(a_receipt(sale=sale)), profile)
    paper = draw_lines(sheet.lines, profile, margin=32)
    codes = {code.format.name: code.text for code in zxingcpp.read_barcodes(paper)}
    assert codes.get("QRCode") == TOKEN
    assert codes.get("Code128") == sale.meter


def with_check(number: str) -> str:
    from posapp.domain.meter import luhn_digit

    return number[:-1] + luhn_digit(number[:-1])


@given(st.from_regex(r"\A([0-9]{11}|[0-9]{13})\Z"))
def test_a_barcode_says_its_digits_and_never_a_command(digits: str):
    data = code128_data(digits)
    assert code128_digits(data) == digits
    assert 0x10 not in data


def test_letters_outside_every_code_page_become_a_picture_and_never_a_question_mark():
    profile = load_profile("generic-80")
    site = replace(a_site(), vendor="Ìwé Ẹ̀kọ́", currency_code="NGN")
    sale = replace(a_sale(), currency="NGN")
    document = build_receipt(a_receipt(site=site, sale=sale))
    laid = lay_out(document.resolve(people), profile)
    drawn = [line.text for line in laid if isinstance(line, TextLine) and line.page is None]
    assert any("Ẹ̀kọ́" in text for text in drawn) and any("₦" in text for text in drawn)
    (sheet,), _ = printed(document, profile)
    assert sum(isinstance(line, BitmapLine) for line in sheet.lines) == len(drawn)
    assert not any("?" in line.text for line in sheet.lines if isinstance(line, TextLine))


def test_accents_of_the_printers_own_pages_are_sent_as_text():
    document = Document("t", "t", "en", "UTC", (Text("Traoré 50 € · Ñandú"), KeyValue("−5", "×2")))
    (sheet,), _ = printed(document, load_profile("generic-80"))
    texts = [line.text for line in sheet.lines if isinstance(line, TextLine)]
    assert texts[0] == "Traoré 50 € · Ñandú"
    assert texts[1].startswith("-5") and texts[1].endswith("x2")


def test_names_cannot_command_the_printer():
    evil = "".join(map(chr, range(0x20))) + "\x1bp\x00\x32\x32\x10\x14\x01\x00\x01\x7f\x9b\x1dV\x00"
    site = replace(a_site(), vendor=f"Shop{evil}", help_line=evil, utility=f"U{evil}")
    facts = a_receipt(site=site, operator_name=f"Eve{evil}", tariff_name=evil, message=evil)
    document = build_receipt(facts)

    def resolver(_: int, field: str) -> str:
        return f"{field}{evil}"

    resolved = document.resolve(resolver)
    for model in profile_names():
        sheets, engine = printed(resolved, load_profile(model))
        assert len(sheets) == 1
        assert not [event for event in engine.events if not event.startswith("paper")]


@pytest.mark.parametrize("model", profile_names())
@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_piece_is_more_than_the_printer_can_hold(name: str, model: str):
    profile = load_profile(model)
    slip = render_escpos(lay_out(DOCUMENTS[name]().resolve(people), profile), profile)
    assert max(len(piece) for piece in slip.pieces) <= max(profile.window, profile.command_max)
    assert profile.window <= profile.command_max


def test_the_picture_of_the_layout_is_the_picture_of_the_print():
    profile = load_profile("generic-80")
    laid = lay_out(build_receipt(a_receipt()).resolve(people), profile)
    (sheet,), _ = printed(build_receipt(a_receipt()), profile)
    wanted, found = draw_lines(laid, profile), draw_lines(sheet.lines, profile)
    assert wanted.size == found.size
    assert wanted.tobytes() == found.tobytes()


def test_a_preview_is_a_png_of_the_papers_width(tmp_path: Path):
    profile = load_profile("virtual-80")
    png = render_png(lay_out(build_receipt(a_receipt()).resolve(people), profile), profile)
    path = tmp_path / "slip.png"
    path.write_bytes(png)
    with Image.open(path) as picture:
        assert picture.width == 576 + 64 and 1100 < picture.height < 1500
    assert png == render_png(lay_out(build_receipt(a_receipt()).resolve(people), profile), profile)


def test_a_drawn_line_is_black_and_white_and_cropped():
    profile = load_profile("generic-80")
    bitmap = bitmap_of(TextLine("₦"), profile)
    assert bitmap.width_bytes * 8 <= 2 * profile.cell_width + 8
    assert len(bitmap.bits) == bitmap.width_bytes * bitmap.rows


@settings(max_examples=200)
@given(st.text("ab 12é", max_size=90), st.integers(4, 48))
def test_wrapping_loses_no_letter_and_keeps_to_the_width(text: str, room: int):
    for parts in (wrap(text, room), balanced(text, room)):
        assert all(cells(part) <= room for part in parts)
        assert "".join("".join(parts).split()) == "".join(text.split())
    assert len(balanced(text, room)) == len(wrap(text, room))
