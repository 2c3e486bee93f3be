"""What a model of printer can do, read from printers/<id>.toml; see printers/README.md."""

from __future__ import annotations

import codecs
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posapp.errors import ConfigError
from posapp.paths import printers

DOTS_MAX = 1024
RX_BUFFER_MIN = 256


@dataclass(frozen=True, slots=True)
class Profile:
    """One model. Lengths in dots of 1/8 mm unless they end in _mm, buffers in bytes."""

    id: str
    name: str
    dots: int
    columns: int
    cell_width: int
    cell_height: int
    line_dots: int
    width_mm: int
    tear_mm: int
    codepages: tuple[tuple[int, str], ...]
    cut: bool
    qr: str
    eot: bool
    asb: bool
    gs_r: bool
    process_id: bool
    rx_buffer: int
    window: int
    speed_mm_s: int

    @property
    def command_max(self) -> int:
        """No single command is longer: a printer that stops in one must still hear us."""
        return self.rx_buffer // 2


def load_profile(name: str) -> Profile:
    """The profile of a model's id. Raises ConfigError PRINTER_MODEL_UNKNOWN(model, known)."""
    path = printers() / f"{name}.toml"
    if not name.replace("-", "").isalnum() or not path.is_file():
        raise ConfigError("PRINTER_MODEL_UNKNOWN", model=name, known=", ".join(profile_names()))
    return read_profile(path)


def profile_names() -> tuple[str, ...]:
    """The ids of all shipped profiles."""
    return tuple(sorted(path.stem for path in printers().glob("*.toml")))


def read_profile(path: Path) -> Profile:
    """A profile from a file. Raises ConfigError PRINTER_PROFILE with file and field."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("PRINTER_PROFILE", file=str(path), field=str(error)) from None
    read = _Reader(path, data)
    cell = read.value("fonts", "cell")
    if not isinstance(cell, list) or len(cell) != 2 or not all(isinstance(n, int) for n in cell):
        raise read.wrong("fonts.cell")
    profile = Profile(
        id=read.text("", "id"),
        name=read.text("", "name"),
        dots=read.number("paper", "dots", 8, DOTS_MAX),
        columns=read.number("fonts", "columns", 20, 80),
        cell_width=cell[0],
        cell_height=cell[1],
        line_dots=read.number("paper", "line_dots", cell[1], 64),
        width_mm=read.number("paper", "width_mm", 40, 120),
        tear_mm=read.number("paper", "tear_mm", 0, 40),
        codepages=read.codepages(),
        cut=read.flag("features", "cut"),
        qr=read.choice("features", "qr", ("native", "beside", "raster")),
        eot=read.flag("status", "eot"),
        asb=read.flag("status", "asb"),
        gs_r=read.flag("status", "gs_r"),
        process_id=read.flag("status", "process_id"),
        rx_buffer=read.number("limits", "rx_buffer", RX_BUFFER_MIN, 1 << 20),
        window=read.number("limits", "window", 128, 1 << 16),
        speed_mm_s=read.number("limits", "speed_mm_s", 10, 500),
    )
    if profile.columns * profile.cell_width > profile.dots or profile.dots % 8:
        raise read.wrong("paper.dots")
    return profile


class _Reader:
    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self._path = path
        self._data = data

    def wrong(self, field: str) -> ConfigError:
        return ConfigError("PRINTER_PROFILE", file=str(self._path), field=field)

    def table(self, name: str) -> dict[str, Any]:
        found = self._data.get(name)
        if not isinstance(found, dict):
            raise self.wrong(name)
        return found

    def value(self, table: str, name: str) -> Any:
        found = self.table(table) if table else self._data
        return found.get(name)

    def text(self, table: str, name: str) -> str:
        found = self.value(table, name)
        if not isinstance(found, str) or not found:
            raise self.wrong(f"{table}.{name}".lstrip("."))
        return found

    def choice(self, table: str, name: str, allowed: tuple[str, ...]) -> str:
        found = self.text(table, name)
        if found not in allowed:
            raise self.wrong(f"{table}.{name}")
        return found

    def number(self, table: str, name: str, low: int, high: int) -> int:
        found = self.value(table, name)
        if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
            raise self.wrong(f"{table}.{name}")
        return found

    def flag(self, table: str, name: str) -> bool:
        found = self.value(table, name)
        if not isinstance(found, bool):
            raise self.wrong(f"{table}.{name}")
        return found

    def codepages(self) -> tuple[tuple[int, str], ...]:
        pages: list[tuple[int, str]] = []
        for slot, codec in self.table("codepages").items():
            try:
                codecs.lookup(str(codec))
                pages.append((int(slot), str(codec)))
            except (LookupError, ValueError):
                raise self.wrong(f"codepages.{slot}") from None
        if not pages or not all(0 <= slot <= 255 for slot, _ in pages):
            raise self.wrong("codepages")
        return tuple(sorted(pages))
