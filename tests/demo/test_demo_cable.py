"""The demo's cable: what is pulled out is gone, what is plugged in again carries on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.clock import SystemClock
from posapp.demo.cable import Cable
from posapp.demo.processes import Process
from posapp.errors import ModuleError, Outcome
from posapp.ports import ModuleState
from posapp.security_module.manager import ModuleManager
from posapp.sts.tid import tid_at
from tests.security_module.module_process import TILL, ModuleProcess, a_request

ON_POSIX = os.name == "posix"


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleProcess]:
    made = ModuleProcess.make(tmp_path_factory.mktemp("module"))
    with made.running():
        yield made


@pytest.fixture(params=["pty", "tcp"])
def cable(module: ModuleProcess, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cable]:
    if request.param == "pty" and not ON_POSIX:
        pytest.skip("ptys are of POSIX")
    listen = f"pty:{tmp_path / 'port'}" if request.param == "pty" else "tcp:127.0.0.1:0"
    made = Cable(listen, module.address)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def manager(cable: Cable) -> Iterator[ModuleManager]:
    made = ModuleManager(cable.start(), till_id=TILL, clock=SystemClock(), hard_s=1.0)
    made.refresh()
    try:
        yield made
    finally:
        made.close()


def next_request(manager: ModuleManager):
    sequence = manager.status().last_sequence + 1
    return a_request(sequence, tid_at(SystemClock().now(), 2014) + sequence)


def test_a_whole_cable_is_not_noticed(manager: ModuleManager) -> None:
    assert manager.issue(next_request(manager)).tokens


def test_a_pulled_cable_takes_the_port_away_and_a_plugged_one_brings_it_back(
    cable: Cable, manager: ModuleManager
) -> None:
    assert cable.pull()
    with pytest.raises(ModuleError) as caught:
        manager.issue(next_request(manager))
    assert caught.value.code in ("PORT_MISSING", "MODULE_ABSENT")
    assert caught.value.outcome is Outcome.NOT_EXECUTED
    assert manager.status().state is ModuleState.ABSENT
    assert cable.plug()
    assert manager.issue(next_request(manager)).tokens


def test_a_cut_cable_falls_silent_within_a_message_and_the_token_is_made_once(
    cable: Cable, manager: ModuleManager
) -> None:
    request = next_request(manager)
    cable.cut()
    with pytest.raises(ModuleError) as caught:
        manager.issue(request)
    assert (caught.value.code, caught.value.outcome) == ("MODULE_TIMEOUT", Outcome.UNKNOWN)
    assert manager.status().state is ModuleState.LINK_LOST
    assert cable.plug()
    first = manager.issue(request)
    assert not first.replayed, "it had come through"
    again = manager.issue(request)
    assert (again.tokens, again.replayed) == (first.tokens, True)


def test_a_module_that_dies_takes_the_port_with_it_until_it_is_back(tmp_path: Path) -> None:
    listen = f"pty:{tmp_path / 'port'}" if ON_POSIX else "tcp:127.0.0.1:0"
    module = ModuleProcess.make(tmp_path / "module")
    module.start()
    cable = Cable(listen, module.address)
    manager = ModuleManager(cable.start(), till_id=TILL, clock=SystemClock(), hard_s=1.0)
    try:
        manager.refresh()
        module.kill()
        with pytest.raises(ModuleError):
            manager.issue(next_request(manager))
        module.start()
        assert cable.plug()
        assert manager.issue(next_request(manager)).tokens
    finally:
        manager.close()
        cable.close()
        module.kill()


@pytest.mark.skipif(not ON_POSIX, reason="ptys are of POSIX")
def test_a_dead_modules_number_that_a_stranger_has_is_not_taken_for_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleProcess.make(tmp_path / "module")
    module.start()
    cable = Cable(f"pty:{tmp_path / 'port'}", module.address)
    cable.start()
    name = str((tmp_path / "module" / "line").readlink())
    handles: list[int] = []
    try:
        module.kill()
        deadline = time.monotonic() + 10
        while (tmp_path / "port").is_symlink():
            assert time.monotonic() < deadline, "the port outlived its module"
        monkeypatch.setattr("posapp.demo.cable.MOVED_S", 0.5)
        while name not in [os.ttyname(theirs) for theirs in handles[1::2]]:
            assert len(handles) < 200, "the number was not given again"
            handles += os.openpty()
        assert not cable.plug()
    finally:
        cable.close()
        for handle in handles:
            os.close(handle)


def test_the_process_does_what_it_is_told(module: ModuleProcess, tmp_path: Path) -> None:
    listen = f"pty:{tmp_path / 'port'}" if ON_POSIX else "tcp:127.0.0.1:0"
    process = Process("cable", ["posapp.demo.cable", listen], tmp_path)
    process.start()
    try:
        address = process.ask(f"to {module.address}")
        manager = ModuleManager(address, till_id=TILL, clock=SystemClock())
        assert [process.ask(word) for word in ("pull", "plug", "bend")] == [
            "done",
            "done",
            "unknown",
        ]
        assert manager.refresh().module_id == module.module_id
        manager.close()
    finally:
        process.stop()
