"""Where shipped resources and the till's folders are, in a checkout, a wheel or a bundle."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def _root() -> Path:
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle:
        return Path(bundle)
    if (_HERE / "resources").is_dir():  # the wheel maps resources/ and printers/ in here
        return _HERE
    return _HERE.parent


def resources() -> Path:
    """The folder `resources/` (icons, themes, words, fonts, templates, tariffs)."""
    return _root() / "resources"


def printers() -> Path:
    """The folder with one TOML a printer model."""
    return _root() / "printers"


def data_folder() -> Path:
    """Where a till keeps its store unless told otherwise (`POSAPP_DATA` wins)."""
    override = os.environ.get("POSAPP_DATA")
    if override:
        return Path(override)
    import platformdirs  # imported late: only programs that open the default folder need it

    return Path(platformdirs.user_data_dir("posapp", appauthor=False))


def private_folder(path: Path) -> Path:
    """Make `path` (and parents) readable by its owner only, and return it."""
    path.mkdir(parents=True, exist_ok=True)
    if os.name == "posix":
        path.chmod(0o700)
    return path
