"""The A4 report, the previewer, the profiles and the door to python-escpos."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from posapp.errors import ConfigError
from posapp.ports import Previewer
from posapp.printing.link import link_factory
from posapp.printing.previewer import DocumentPreviewer
from posapp.printing.profile import load_profile, profile_names, read_profile
from posapp.printing.render.pdf import render_pdf
from posapp.reports.daily_sales import build_daily
from posapp.reports.receipt import build_receipt
from tests.papers import TOKEN, a_daily, a_receipt, people


def test_a_day_is_one_page_with_its_own_fonts_and_always_the_same_bytes():
    data = render_pdf(build_daily(a_daily()))
    assert data == render_pdf(build_daily(a_daily()))
    reader = PdfReader(io.BytesIO(data))
    (page,) = reader.pages
    fonts = page["/Resources"]["/Font"].values()
    embedded = [f.get_object() for f in fonts if "NotoSans" in str(f.get_object()["/BaseFont"])]
    assert len(embedded) >= 3
    assert all("/FontFile2" in font["/FontDescriptor"] for font in embedded)
    text = page.extract_text()
    for words in ("Daily sales report", "Σ lines = Σ received − Σ change", "−50.00", "Traoré"):
        assert words in text
    assert text.count("✓") == 6 and "✗" not in text
    assert f"{a_daily().gross_minor // 100:,}." in text


def test_a_sum_that_does_not_hold_has_a_cross_on_the_page():
    facts = a_daily()
    wrong = tuple(replace(one, holds=False) for one in facts.identities[:1])
    data = render_pdf(build_daily(replace(facts, identities=wrong + facts.identities[1:])))
    assert PdfReader(io.BytesIO(data)).pages[0].extract_text().count("✗") == 1


def test_a_day_with_many_shifts_goes_on_to_a_second_page():
    facts = a_daily()
    many = tuple(replace(facts.shifts[0], number=n) for n in range(1, 61))
    reader = PdfReader(io.BytesIO(render_pdf(build_daily(replace(facts, shifts=many)))))
    assert len(reader.pages) == 2
    assert "Page 2 of 2" in reader.pages[1].extract_text()


def test_the_previewer_shows_persons_only_when_it_draws():
    previewer = DocumentPreviewer(load_profile("generic-80"), people)
    port: Previewer = previewer
    stored = build_receipt(a_receipt()).to_bytes()
    text = port.text(stored)
    assert "A**** W******" in text and f"[QR {TOKEN}]" in text
    assert all(len(line) <= 32 for line in port.text(stored, 32).splitlines())
    assert port.preview(stored).startswith(b"\x89PNG")
    assert port.pdf(build_daily(a_daily()).to_bytes()).startswith(b"%PDF")


def test_every_shipped_printer_is_read():
    assert {"generic-80", "generic-58", "epson-tm-t20iii", "virtual-80"} <= set(profile_names())
    for name in profile_names():
        assert load_profile(name).id == name


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ("dots = 576", "paper"),
        ('qr = "native"', "features.qr"),
        ('cp437"', "codepages.0"),
        ("eot = true", "status"),
    ],
)
def test_a_printer_file_with_a_mistake_names_its_field(tmp_path: Path, wrong: str, field: str):
    source = Path(__file__).resolve().parents[2] / "printers" / "generic-80.toml"
    swaps = {"dots = 576": "dots = 577", 'qr = "native"': 'qr = "laser"', 'cp437"': 'cp4"'}
    text = source.read_text(encoding="utf-8").replace(wrong, swaps.get(wrong, "eot = 1"))
    path = tmp_path / "broken.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="PRINTER_PROFILE") as caught:
        read_profile(path)
    assert str(caught.value.params["field"]).startswith(field)


@pytest.mark.parametrize("name", ["nothing", "../generic-80", ""])
def test_an_unknown_model_is_named(name: str):
    with pytest.raises(ConfigError, match="PRINTER_MODEL_UNKNOWN"):
        load_profile(name)


@pytest.mark.parametrize("address", ["tcp:host", "tcp::9100", "tcp:h:0", "lpt1", "serial:"])
def test_an_address_that_is_none_is_refused(address: str):
    with pytest.raises(ConfigError, match="PRINTER_ADDRESS"):
        link_factory(address)


def test_no_printer_is_an_address_too():
    assert link_factory("none") is None


def test_the_byte_builder_leaves_nothing_behind():
    code = (
        "import logging, os, tempfile\n"
        "before = set(os.listdir(tempfile.gettempdir()))\n"
        "from posapp.printing.render.escpos_library import new_builder\n"
        "new_builder()\n"
        "assert set(os.listdir(tempfile.gettempdir())) <= before, 'temporary files'\n"
        "assert not logging.getLogger().handlers, 'a handler on the root logger'\n"
        "assert not [n for n in os.environ if n.startswith('ESCPOS')]\n"
    )
    folder = tempfile.mkdtemp()
    subprocess.run([sys.executable, "-c", code], check=True, env={"TMPDIR": folder, "PATH": ""})
    assert not list(Path(folder).iterdir())
    assert logging.getLogger("escpos").level == logging.NOTSET


def test_printing_loads_nothing_heavy_before_the_first_slip():
    code = (
        "import sys\n"
        "import posapp.printing.spooler, posapp.printing.previewer, posapp.printing.render.slip\n"
        "heavy = {'escpos', 'reportlab', 'PIL', 'segno', 'serial', 'PySide6'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
