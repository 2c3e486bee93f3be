"""What a presenter knows of threads: work goes to a lane, its result comes back later.

`posapp.ui.tasks.Tasks` does it with Qt; `Direct` does it at once, for tests without Qt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from posapp.errors import PosError
from posapp.lanes import Lane, Urgency

T = TypeVar("T")


class Runner(Protocol):
    """Sends work away and brings its result back to the caller's thread."""

    def run(
        self,
        lane: Lane,
        work: Callable[[], T],
        then: Callable[[T], None],
        failed: Callable[[PosError], None],
        *,
        key: str = "",
        urgency: Urgency = Urgency.NORMAL,
    ) -> None:
        """Run `work` on `lane`, then one of the two; a newer run with `key` supersedes it."""
        ...


class Direct:
    """Everything at once, in the caller's thread."""

    def run(
        self,
        lane: Lane,
        work: Callable[[], T],
        then: Callable[[T], None],
        failed: Callable[[PosError], None],
        *,
        key: str = "",
        urgency: Urgency = Urgency.NORMAL,
    ) -> None:
        try:
            result = work()
        except PosError as error:
            failed(error)
            return
        then(result)
