"""Colours, type and sizes of the screen, read once from `resources/themes/tokens.toml`.

Nothing else in `posapp.ui` names a colour or a font size. As with QPalette, a process has one
theme: `install` sets it, `active` is what widgets paint with. Icons are tinted here too.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from posapp import paths

COMPACT_BELOW = 1280  # window width under which the compact sizes of the tokens hold

_WEIGHTS = {
    400: QFont.Weight.Normal,
    500: QFont.Weight.Medium,
    600: QFont.Weight.DemiBold,
}


@lru_cache(maxsize=1)
def tokens() -> dict[str, Any]:
    """The token file as it stands."""
    path = paths.resources() / "themes" / "tokens.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Theme:
    """One set of colours with the type and sizes that all themes share."""

    name: str
    colors: dict[str, str]
    types: dict[str, list[int]]
    sizes: dict[str, Any]
    motion: dict[str, Any]
    families: list[str]
    _qcolors: dict[str, QColor] = field(default_factory=dict)
    _fonts: dict[str, QFont] = field(default_factory=dict)
    _pixmaps: dict[tuple[str, str, int, float], QPixmap] = field(default_factory=dict)

    @property
    def flat(self) -> bool:
        """High contrast: no tints, so every edge is drawn."""
        return self.name == "contrast"

    def color(self, name: str) -> QColor:
        """A colour token."""
        found = self._qcolors.get(name)
        if found is None:
            found = self._qcolors[name] = QColor(self.colors[name])
        return found

    def font(self, kind: str) -> QFont:
        """The font of a type token."""
        found = self._fonts.get(kind)
        if found is None:
            size, _, weight = self.types[kind]
            found = self._fonts[kind] = self.font_of(size, weight)
        return found

    def font_of(self, pixels: int, weight: int) -> QFont:
        """A font of the interface family in another size, for parts the README sizes itself."""
        font = QFont(self.families)
        font.setPixelSize(pixels)
        font.setWeight(_WEIGHTS[weight])
        return font

    def metrics(self, kind: str) -> QFontMetrics:
        """Measures of a type token's font."""
        return QFontMetrics(self.font(kind))

    def line(self, kind: str) -> int:
        """The line height of a type token in pixels."""
        return self.types[kind][1]

    def size(self, name: str) -> int:
        """A size token in pixels."""
        return int(self.sizes[name])

    def ms(self, name: str) -> int:
        """A duration token in milliseconds."""
        return int(self.motion[name])

    def icon(self, name: str, color: str, pixels: int, ratio: float = 1.0) -> QPixmap:
        """An icon tinted with a colour token, drawn for a screen's pixel ratio."""
        key = (name, color, pixels, ratio)
        found = self._pixmaps.get(key)
        if found is None:
            found = self._pixmaps[key] = _draw_icon(name, self.colors[color], pixels, ratio)
        return found


def load(name: str) -> Theme:
    """The theme `light`, `dark` or `contrast`."""
    data = tokens()
    return Theme(
        name=name,
        colors=data["color"][name],
        types=data["type"],
        sizes=data["size"],
        motion=data["motion"],
        families=data["font"]["ui"],
    )


_active: list[Theme] = []


def active() -> Theme:
    """The theme that was installed; the light one before that."""
    if not _active:
        _active.append(load("light"))
    return _active[0]


def install(app: QApplication, name: str) -> Theme:
    """Give the application its style, palette, font and style sheet."""
    theme = load(name)
    _active[:] = [theme]
    if app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    app.setPalette(palette(theme))
    app.setFont(theme.font("body"))
    app.setStyleSheet(style_sheet(theme))
    return theme


def load_fonts() -> None:
    """Register the bundled fonts; every till looks the same."""
    from PySide6.QtGui import QFontDatabase

    for name in ("Regular", "Medium", "SemiBold"):
        QFontDatabase.addApplicationFont(str(paths.resources() / "fonts" / f"NotoSans-{name}.ttf"))


def palette(theme: Theme) -> QPalette:
    """The palette with the theme's colours in every role that Qt itself paints with."""
    roles = QPalette.ColorRole
    table = {
        roles.Window: "bg",
        roles.WindowText: "text",
        roles.Base: "surface",
        roles.AlternateBase: "sunken",
        roles.Text: "text",
        roles.Button: "raised",
        roles.ButtonText: "text",
        roles.BrightText: "bad",
        roles.Highlight: "accent",
        roles.HighlightedText: "on_accent",
        roles.Accent: "accent",
        roles.PlaceholderText: "muted",
        roles.ToolTipBase: "rail",
        roles.ToolTipText: "rail_on_text",
        roles.Link: "accent_ink",
        roles.Light: "surface",
        roles.Midlight: "line",
        roles.Mid: "key_edge",
        roles.Dark: "border",
        roles.Shadow: "border",
    }
    result = QPalette()
    for role, name in table.items():
        result.setColor(role, theme.color(name))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, theme.color("disabled"))
    return result


def style_sheet(theme: Theme) -> str:
    """`app.qss` with every `@name@` replaced from the tokens."""
    path: Path = paths.resources() / "themes" / "app.qss"
    text = path.read_text(encoding="utf-8")
    for name, value in theme.colors.items():
        text = text.replace(f"@{name}@", value)
    for name, row in theme.types.items():
        text = text.replace(f"@{name}.size@", f"{row[0]}px").replace(
            f"@{name}.weight@", str(row[2])
        )
    for table in ("radius", "space", "border"):
        for name, number in tokens()[table].items():
            text = text.replace(f"@{table}.{name}@", f"{number}px")
    return text


def ratio_of(widget_ratio: float) -> float:
    """The pixel ratio icons are drawn for."""
    return widget_ratio or QGuiApplication.primaryScreen().devicePixelRatio()


def _draw_icon(name: str, color: str, pixels: int, ratio: float) -> QPixmap:
    source = (paths.resources() / "icons" / f"{name}.svg").read_bytes()
    if pixels <= 16:
        source = source.replace(b'stroke-width="1.75"', b'stroke-width="2"')
    renderer = QSvgRenderer(QByteArray(source.replace(b"currentColor", color.encode())))
    side = round(pixels * ratio)
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def contrast_ratio(one: str, other: str) -> float:
    """WCAG 2.x contrast of two `#RRGGBB` colours, 1 to 21."""

    def luminance(text: str) -> float:
        parts = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
