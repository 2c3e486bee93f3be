"""Plugs of the sample town: what is in place, what is being moved, all of it right again. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from posapp.errors import PosError
from posapp.lanes import Lane
from posapp.ui.running import Runner

if TYPE_CHECKING:
    from posapp.services.status import TillStatus


class Plug(StrEnum):
    """What can be taken away from the till, in the order of the page."""

    CABLE = "cable"
    PAPER = "paper"
    LINE = "line"
    MODULE = "module"


class Town(Protocol):
    """The sample town as its page sees it; `posapp.demo` has one."""

    @property
    def people(self) -> Sequence[tuple[str, str, str]]:
        """Name, role and PIN of who may sign in."""
        ...

    @property
    def slips(self) -> str:
        """The folder where the printer leaves its paper."""
        ...

    def plugs(self) -> Mapping[Plug, bool]:
        """Which of them are in place. Returns at once."""
        ...

    def move(self, plug: Plug, *, plugged: bool) -> None:
        """Pull or plug in; up to some seconds. Raises PosError."""
        ...


@dataclass(frozen=True, slots=True)
class DemoState:
    """Everything the page shows."""

    plugged: Mapping[Plug, bool]
    moving: frozenset[Plug] = field(default_factory=frozenset)
    status: TillStatus | None = None
    failure: PosError | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is pulled and nothing moves."""
        return all(self.plugged.values()) and not self.moving


class DemoPresenter:
    """Moves plugs on the report lane: the screen never waits for a process."""

    def __init__(self, town: Town, tasks: Runner, changed: Callable[[DemoState], None]) -> None:
        self._town = town
        self._tasks = tasks
        self._changed = changed
        self.state = DemoState(town.plugs())

    def show_status(self, status: TillStatus) -> None:
        """The window's poll."""
        self._set(replace(self.state, status=status))

    def turn(self, plug: Plug) -> None:
        """The other way round."""
        self._move(plug, plugged=not self.state.plugged[plug])

    def put_right(self) -> None:
        """Everything back in place, the module before its cable."""
        for plug in reversed(Plug):
            if not self.state.plugged[plug]:
                self._move(plug, plugged=True)

    def _move(self, plug: Plug, *, plugged: bool) -> None:
        if plug in self.state.moving:
            return
        self._set(replace(self.state, moving=self.state.moving | {plug}, failure=None))
        self._tasks.run(
            Lane.REPORT,
            lambda: self._town.move(plug, plugged=plugged),
            lambda _: self._moved(plug, None),
            lambda error: self._moved(plug, error),
        )

    def _moved(self, plug: Plug, failure: PosError | None) -> None:
        moving = self.state.moving - {plug}
        plugged = self._town.plugs()
        self._set(replace(self.state, plugged=plugged, moving=moving, failure=failure))

    def _set(self, state: DemoState) -> None:
        self.state = state
        self._changed(state)
