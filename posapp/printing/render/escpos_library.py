"""The one door to python-escpos: a builder of bytes, imported when the first slip is made.

WORKAROUND: python-escpos 3.1 leaves a folder in the temp directory at every import, parses a
large table it never uses for us, pickles it, and puts a handler on the root logger. Here it gets
a table of one printer, a folder that is removed at once, and a logger that is put back.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_CAPABILITIES = {
    "profiles": {
        "default": {
            "name": "Default",
            "vendor": "Generic",
            "notes": "",
            "codePages": {"0": "CP437"},
            "colors": {"0": "black"},
            "features": {"paperFullCut": True, "paperPartCut": True, "qrCode": True},
            "fonts": {"0": {"name": "Font A", "columns": 48}},
            "media": {"dpi": 203, "width": {"mm": 80, "pixels": 576}},
        }
    },
    "encodings": {"CP437": {"name": "CP437", "iconv": "CP437", "python_encode": "cp437"}},
}
_lock = threading.Lock()


def new_builder() -> Any:
    """A fresh python-escpos printer that only collects bytes (`output`)."""
    with _lock:
        return _dummy_class()()


@cache
def _dummy_class() -> Any:
    with _quiet_import():
        from escpos.printer.dummy import Dummy
    return Dummy


@contextmanager
def _quiet_import() -> Iterator[None]:
    root = logging.getLogger()
    held = logging.NullHandler()
    root.addHandler(held)  # basicConfig does nothing where a handler is
    names = ("ESCPOS_CAPABILITIES_FILE", "ESCPOS_CAPABILITIES_PICKLE_DIR")
    before = {name: os.environ.get(name) for name in names}
    make_folder, importer = tempfile.mkdtemp, threading.get_ident()
    with tempfile.TemporaryDirectory(prefix="posapp-escpos-") as folder:
        table = Path(folder) / "capabilities.json"
        table.write_text(json.dumps(_CAPABILITIES), encoding="ascii")
        os.environ.update(dict(zip(names, (str(table), folder), strict=True)))

        def into_ours(*args: Any, **kwargs: Any) -> str:
            if threading.get_ident() == importer:
                return folder
            return str(make_folder(*args, **kwargs))

        tempfile.mkdtemp = into_ours  # type: ignore[assignment]
        try:
            yield
        finally:
            tempfile.mkdtemp = make_folder
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            root.removeHandler(held)
