"""Loads Qt once, in the way that lets everything after it load fast."""

from __future__ import annotations

import builtins


def load_qt() -> None:
    """Import the parts of Qt that the window needs; call it before any other module of the screen.

    WORKAROUND: PySide6 (6.11 too) replaces the built-in import by one that reads the source of
    every module loaded later, looking for `from __feature__ import`. We have none, and it doubles
    the till's start; so Python's own import is put back.
    """
    plain = builtins.__import__
    import PySide6.QtCore
    import PySide6.QtGui
    import PySide6.QtSvg
    import PySide6.QtWidgets  # noqa: F401

    builtins.__import__ = plain
