"""The town's plugs behind the demonstration's page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from posapp.demo.stage import Stage
from posapp.demo.town import STAFF
from posapp.errors import ConfigError
from posapp.ui.demo.presenter import Plug
from posapp.ui.extra import ExtraPage

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from posapp.ui.tasks import Tasks

PAPER_MM = 50_000


class Plugs:
    """Implements `posapp.ui.demo.presenter.Town`; moved by one thread at a time."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._plugged = dict.fromkeys(Plug, True)
        self._moves: dict[Plug, tuple[Callable[[], object], Callable[[], object]]] = {
            Plug.CABLE: (stage.pull_cable, stage.plug_cable),
            Plug.PAPER: (
                lambda: stage.printer_control("paper out"),
                lambda: stage.printer_control(f"paper {PAPER_MM}"),
            ),
            Plug.LINE: (stage.office.kill, stage.office.start),
            Plug.MODULE: (stage.module.kill, stage.module.start),
        }

    @property
    def people(self) -> Sequence[tuple[str, str, str]]:
        """Name, role and PIN of who may sign in."""
        return [(person.name, person.role, person.pin) for person in STAFF]

    @property
    def slips(self) -> str:
        """The folder where the printer leaves its paper."""
        return str(self._stage.slips)

    def plugs(self) -> Mapping[Plug, bool]:
        """Which of them are in place."""
        return dict(self._plugged)

    def move(self, plug: Plug, *, plugged: bool) -> None:
        """Pull or plug in. Raises ConfigError PROCESS_NOT_READY when a process is not there."""
        pull, put_in = self._moves[plug]
        try:
            (put_in if plugged else pull)()
        except (OSError, ValueError) as error:  # of a pipe or socket to a process that died
            raise ConfigError(
                "PROCESS_NOT_READY", name=plug, log=str(self._stage.folder)
            ) from error
        self._plugged[plug] = plugged


def page_of(stage: Stage) -> ExtraPage:
    """One more page for the window."""
    plugs = Plugs(stage)

    def make(tasks: Tasks) -> QWidget:
        from posapp.ui.demo.page import DemoPage  # Qt is loaded with the window

        return DemoPage(plugs, tasks)

    return ExtraPage("demo", "tool", "Demo", make)
