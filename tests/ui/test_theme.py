"""Colours come from the tokens, reach their contrast, and icons take the colour beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtGui import QFontInfo, QPalette

from posapp import paths
from posapp.ui import theme

UI = Path(theme.__file__).parent
THEMES = ("light", "dark", "contrast")
PAIRS = theme.tokens()["contrast"]

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("pair", sorted(PAIRS))
def test_every_pair_reaches_its_floor(name, pair):
    front, ground = pair.split(" / ")
    colors = theme.tokens()["color"][name]
    assert theme.contrast_ratio(colors[front], colors[ground]) >= PAIRS[pair]


def test_contrast_is_measured_as_wcag_does():
    assert theme.contrast_ratio("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert theme.contrast_ratio("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


def test_no_colour_stands_in_the_program():
    literal = re.compile(r"""["']#[0-9A-Fa-f]{3,8}["']|rgba?\(""")
    found = [p.name for p in UI.rglob("*.py") if literal.search(p.read_text(encoding="utf-8"))]
    assert found == []


def test_the_style_sheet_leaves_no_place_open():
    for name in THEMES:
        assert "@" not in theme.style_sheet(theme.load(name))


@pytest.mark.parametrize("name", THEMES)
def test_the_palette_is_made_of_tokens(name):
    made = theme.palette(theme.load(name))
    assert made.color(QPalette.ColorRole.Window) == theme.load(name).color("bg")
    assert made.color(QPalette.ColorRole.Highlight) == theme.load(name).color("accent")


@pytest.mark.parametrize("path", sorted((paths.resources() / "icons").glob("*.svg")), ids=str)
def test_an_icon_is_drawn_in_the_colour_it_is_given(path):
    light = theme.load("light")
    image = light.icon(path.stem, "bad", 24, 2.0).toImage()
    assert image.width() == 48
    shades = {image.pixelColor(x, y).name() for x in range(48) for y in range(48)}
    assert light.colors["bad"].lower() in shades


def test_the_bundled_family_is_what_the_screen_uses():
    theme.load_fonts()
    for kind in ("body", "strong", "button"):
        assert QFontInfo(theme.load("light").font(kind)).family() == "Noto Sans"
