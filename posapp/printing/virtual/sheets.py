"""What falls out of the virtual printer: NNNN.bin (the bytes), NNNN.png, NNNN.txt."""

from __future__ import annotations

from pathlib import Path

from posapp.printing.lines import BitmapLine, Line, TextLine
from posapp.printing.profile import Profile
from posapp.printing.render.image import render_png
from posapp.printing.render.text import render_text
from posapp.printing.virtual.engine import Sheet

SHEETS_MAX = 9999


class SheetFolder:
    """Numbers sheets on from what is already in the folder."""

    def __init__(self, folder: Path, profile: Profile) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._profile = profile
        self._number = max((int(p.stem) for p in folder.glob("[0-9]*.bin")), default=0)

    @property
    def number(self) -> int:
        """The number of the newest sheet; 0 when there is none."""
        return self._number

    def save(self, sheet: Sheet) -> Path:
        """Write the three files; the .txt last, so that who sees it finds the others."""
        self._number = self._number % SHEETS_MAX + 1
        stem = self._folder / f"{self._number:04d}"
        stem.with_suffix(".bin").write_bytes(bytes(sheet.data))
        stem.with_suffix(".png").write_bytes(render_png(sheet.lines, self._profile))
        words = stem.with_suffix(".new")
        words.write_text(sheet_text(sheet.lines, self._profile) + "\n", encoding="utf-8")
        return words.replace(stem.with_suffix(".txt"))


def sheet_text(lines: list[Line], profile: Profile) -> str:
    """The sheet as text; pictures are named by their size."""
    shown: list[Line] = []
    for line in lines:
        if isinstance(line, BitmapLine):
            shown.append(TextLine(f"[picture {line.width_bytes * 8} x {line.rows}]"))
        else:
            shown.append(line)
    return render_text(shown, profile.columns)
