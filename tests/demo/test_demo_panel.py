"""The plugs behind the demonstration's page, on a stage of paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from posapp.demo.panel import Plugs
from posapp.demo.stage import Stage
from posapp.errors import ConfigError
from posapp.ui.demo.presenter import Plug


class PaperStage:
    """Writes down what is done to it; its printer may be gone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slips = folder / "slips"
        self.done: list[str] = []
        self.office = self.module = self
        self.printer_is_gone = False

    def __getattr__(self, name: str) -> Any:
        return lambda: self.done.append(name)

    def printer_control(self, line: str) -> str:
        if self.printer_is_gone:
            raise ConnectionRefusedError
        self.done.append(line)
        return "ok"


@pytest.fixture
def stage(tmp_path: Path) -> PaperStage:
    return PaperStage(tmp_path)


@pytest.mark.parametrize(
    ("plug", "done"),
    [
        (Plug.CABLE, ["pull_cable", "plug_cable"]),
        (Plug.PAPER, ["paper out", "paper 50000"]),
        (Plug.LINE, ["kill", "start"]),
        (Plug.MODULE, ["kill", "start"]),
    ],
)
def test_each_plug_is_pulled_and_put_back(stage: PaperStage, plug: Plug, done: list[str]) -> None:
    plugs = Plugs(cast(Stage, stage))
    plugs.move(plug, plugged=False)
    assert not plugs.plugs()[plug]
    plugs.move(plug, plugged=True)
    assert all(plugs.plugs().values())
    assert stage.done == done


def test_a_plug_whose_process_is_gone_stays_and_says_so(stage: PaperStage) -> None:
    plugs = Plugs(cast(Stage, stage))
    stage.printer_is_gone = True
    with pytest.raises(ConfigError, match="PROCESS_NOT_READY"):
        plugs.move(Plug.PAPER, plugged=False)
    assert all(plugs.plugs().values())
