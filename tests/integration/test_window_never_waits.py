"""While a module hangs or is gone, nothing that could wait is called on the window's thread."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from PySide6.QtCore import Qt

from posapp.db.engine import Database
from posapp.security_module.manager import ModuleManager
from posapp.store.store import SqlStore
from tests.security_module.module_process import ON_POSIX, ModuleProcess
from tests.stores import a_meter_number

pytestmark = [
    pytest.mark.skipif(not ON_POSIX, reason="signals of Unix"),
    pytest.mark.qt_log_ignore("propagateSizeHints"),
]

WAITING = (
    Future.result,
    Future.exception,
    threading.Condition.wait,
    threading.Event.wait,
    threading.Thread.join,
    ModuleManager._run,
    SqlStore.read,
    SqlStore.write,
    Database.checkpoint_if_due,
)
# Functions of C, by the module they come from; "" stands for all of it.
WAITING_IN_C = {
    ("time", "sleep"),
    ("select", ""),
    ("_socket", ""),
    ("sqlcipher3.dbapi2", ""),
    ("posix", "fsync"),
    ("posix", "read"),
}
TYPED_ON = "77777"


class UiThread:
    """Notes every call on this thread that could wait, and who made it."""

    def __init__(self) -> None:
        self.waits: list[str] = []
        self.calls = 0
        self._codes: dict[CodeType, str] = {f.__code__: f.__qualname__ for f in WAITING}

    def __enter__(self) -> UiThread:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            self.calls += 1
            name = self._codes.get(frame.f_code)
            if name is not None and not _is_done(frame):
                caller = frame.f_back
                self._add(name, frame if caller is None else caller)
        elif event == "c_call":
            owner = getattr(argument, "__self__", None)
            home = getattr(argument, "__module__", None) or type(owner).__module__
            if (home, "") in WAITING_IN_C or (home, argument.__name__) in WAITING_IN_C:
                self._add(f"{home}.{argument.__name__}", frame)

    def _add(self, name: str, caller: FrameType) -> None:
        code = caller.f_code
        self.waits.append(f"{name} called by {Path(code.co_filename).name}:{caller.f_lineno}")


def _is_done(frame: FrameType) -> bool:
    """Whether it is a future whose result is there already: reading it waits for nobody."""
    called = frame.f_locals.get("self")
    return isinstance(called, Future) and called.done()


class Scene:
    """A till's window on a real module, with a person in front of it who has sold once."""

    def __init__(self, folder: Path, module: ModuleProcess) -> None:
        from tests.benchmarks import heartbeat_child
        from tests.benchmarks.bench_heartbeat import a_tills_folder

        self.fingers = heartbeat_child
        self.module = module
        self.window = heartbeat_child.TillWindow(a_tills_folder(folder, module.address))
        self.window.open()

    def until(self, *phases: str) -> None:
        self.fingers.until(lambda: self.window._phase() in phases)

    def sell(self) -> None:
        self.window.sell(a_meter_number(2).digits)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, qapp: object) -> Iterator[Scene]:
    assert qapp is not None
    folder = tmp_path_factory.mktemp("till")
    module = ModuleProcess.make(folder / "module")
    with module.running():
        made = Scene(folder / "till", module)
        yield made
        made.window.close()


def test_a_hung_module_keeps_nobody_from_typing_and_sells_when_it_wakes(scene: Scene) -> None:
    os.kill(scene.module.pid, signal.SIGSTOP)
    try:
        with UiThread() as ui:
            scene.sell()
            scene.until("selling")
            heart = scene.fingers.Heart()
            heart.start()
            scene.fingers.write(TYPED_ON)
            heart.stop()
        assert scene.window._phase() == "selling"
        assert heart.beats >= len(TYPED_ON)
    finally:
        os.kill(scene.module.pid, signal.SIGCONT)
    assert ui.waits == []
    assert ui.calls > 100
    scene.until("sold")
    scene.fingers.press(Qt.Key.Key_Return)


def test_a_module_pulled_out_is_told_without_waiting_for_it(scene: Scene) -> None:
    scene.module.kill()
    with UiThread() as ui:
        scene.sell()
        scene.fingers.write(TYPED_ON)
    assert ui.waits == []
    assert ui.calls > 100


def _result_of_nobody() -> None:
    with suppress(TimeoutError):
        Future[int]().result(0.001)


def _fsync_here() -> None:
    with Path(__file__).open("rb") as stream:
        os.fsync(stream.fileno())


WAITS: dict[str, Callable[[], object]] = {
    "Future.result": _result_of_nobody,
    "Event.wait": lambda: threading.Event().wait(0.001),
    "select.select": lambda: select.select([], [], [], 0),
    "posix.fsync": _fsync_here,
}


@pytest.mark.parametrize("name", WAITS)
def test_whoever_waits_is_noted(name: str) -> None:
    with UiThread() as ui:
        WAITS[name]()
    assert any(name in line for line in ui.waits), ui.waits
