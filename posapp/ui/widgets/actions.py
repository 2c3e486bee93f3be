"""One way to give a page its keys: an action with words, shortcuts, a tooltip and a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

Keys = Sequence[QKeySequence | Qt.Key | str]


def add_action(
    owner: QWidget,
    name: str,
    words: str,
    keys: Keys,
    do: Callable[[], object],
    *,
    repeats: bool = False,
    everywhere: bool = False,
) -> QAction:
    """Add an action to `owner`; its first key stands in the tooltip.

    `name` is for tests and the sheet of keys (`sell.find`). It works while the focus is inside
    `owner`, or in the whole window when `everywhere`; held keys count once unless it `repeats`.
    """
    action = QAction(words, owner)
    action.setObjectName(name)
    action.setShortcuts([QKeySequence(key) for key in keys])
    if not everywhere:
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    action.setAutoRepeat(repeats)
    action.setToolTip(f"{words} ({QKeySequence(keys[0]).toString()})")
    action.triggered.connect(lambda _=False: do())
    owner.addAction(action)
    return action
