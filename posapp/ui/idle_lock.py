"""Locks a till that nobody has touched for a while; what was begun stays where it was."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEvent, QObject

MINUTE_MS = 60_000
_TOUCHES = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.TouchBegin,
        QEvent.Type.Wheel,
    }
)


class IdleLock(QObject):
    """Watches the keys and touches of the whole program. `minutes` 0: never locks."""

    def __init__(self, parent: QObject, clock_ms: Callable[[], int], minutes: int) -> None:
        super().__init__(parent)
        self._clock_ms = clock_ms
        self._limit_ms = minutes * MINUTE_MS
        self._touched_ms = clock_ms()
        app = QCoreApplication.instance()
        assert app is not None
        app.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() in _TOUCHES:
            self._touched_ms = self._clock_ms()
        return False

    def is_over(self) -> bool:
        """Whether nobody has touched anything for as long as that."""
        return bool(self._limit_ms) and self._clock_ms() - self._touched_ms >= self._limit_ms
