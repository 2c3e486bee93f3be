"""A page that the till itself does not have: a demonstration's panel, handed in from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from posapp.ui.tasks import Tasks


@dataclass(frozen=True, slots=True)
class ExtraPage:
    """One more entry of the rail, after the till's own pages and open to whoever is signed in.

    `name` is its key (not one of the till's), `icon` one of the theme's icons, `word` at most
    ten letters. `make` is called once, on the UI thread, when the page is first opened; a page
    with `start()` is told each time it is opened, one with `show_status(TillStatus)` every second.
    """

    name: str
    icon: str
    word: str
    make: Callable[[Tasks], QWidget]
