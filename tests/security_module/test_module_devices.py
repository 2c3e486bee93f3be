"""Finding a module's port: by USB numbers, by path, after a replug, among others, or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from posapp.clock import SystemClock
from posapp.errors import ConfigError, ModuleError, Outcome
from posapp.ports import ModuleState
from posapp.security_module import devices
from posapp.security_module.devices import UsbPort, UsbSpec
from posapp.security_module.drivers.driver import Context, LineClosedError
from posapp.security_module.drivers.registry import DriverRegistry
from posapp.security_module.manager import ModuleManager
from tests.security_module.lines import ScriptedPeer, silent
from tests.security_module.module_process import ON_POSIX, ModuleProcess

ONE = UsbPort("/dev/ttyACM0", 0x04D8, 0x000A, "SM-1", "a module")
TWO = UsbPort("/dev/ttyACM1", 0x04D8, 0x000A, "SM-2", "a module")
CABLE = UsbPort("/dev/ttyUSB0", 0x0403, 0x6001, "", "any cable")
TILL = bytes(16)

posix_only = pytest.mark.skipif(not ON_POSIX, reason="a pty is Unix")


def make(address: str) -> Any:
    return DriverRegistry().make(address, Context())


@pytest.fixture
def usb(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The system's list of serial ports, to be changed at will."""
    ports: list[Any] = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(ports))
    return ports


def plugged(port: str, serial: str | None = "SM-1", vendor: int | None = 0x04D8) -> Any:
    info = ListPortInfo(port)
    info.vid, info.pid, info.serial_number, info.description = vendor, 0x000A, serial, "a module"
    return info


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("04D8:000A:SM-1", UsbSpec(0x04D8, 0x000A, "SM-1")),
        ("04d8:000a", UsbSpec(0x04D8, 0x000A)),
        ("04D8:000A:", UsbSpec(0x04D8, 0x000A)),
        ("04D8:000A:a:b c", UsbSpec(0x04D8, 0x000A, "a:b c")),
        ("4D8:000A:x", None),
        ("04D8", None),
        ("04D8:000G", None),
        ("04D8:000A:" + "x" * 81, None),
    ],
)
def test_a_device_is_named_by_vendor_product_and_serial(text: str, spec: UsbSpec | None) -> None:
    assert UsbSpec.parse(text) == spec


def test_the_address_of_a_found_port_leads_back_to_it() -> None:
    assert ONE.address == "serial:usb=04D8:000A:SM-1"
    spec = UsbSpec.parse(ONE.address.removeprefix("serial:usb="))
    assert spec is not None
    assert devices.port_of(spec, [CABLE, TWO, ONE]) == "/dev/ttyACM0"


def test_a_serial_number_is_the_same_in_capitals() -> None:
    assert UsbSpec(0x04D8, 0x000A, "sm-1").fits(ONE)
    assert not UsbSpec(0x04D8, 0x000A, "SM-11").fits(ONE)


@pytest.mark.parametrize("address", ["serial:usb=", "serial:usb=1:2:3", "serial:usb=04D8"])
def test_half_a_device_is_no_address(address: str) -> None:
    with pytest.raises(ConfigError, match="MODULE_ADDRESS_INVALID"):
        make(address)


def test_none_and_two_that_fit_are_told_apart() -> None:
    any_of_them = UsbSpec(0x04D8, 0x000A)
    with pytest.raises(LineClosedError) as none:
        devices.port_of(any_of_them, [CABLE])
    with pytest.raises(LineClosedError) as two:
        devices.port_of(any_of_them, [ONE, TWO])
    assert (none.value.code, two.value.code) == ("PORT_MISSING", "PORT_AMBIGUOUS")
    assert two.value.reason == "/dev/ttyACM0, /dev/ttyACM1"


# ---------------------------------------------------------------- what is there


def test_ports_that_are_not_on_usb_and_a_list_that_breaks_harm_nobody(
    usb: list[Any], monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    usb += [plugged("/dev/ttyS0", vendor=None), plugged("/dev/ttyACM0", serial=None)]
    assert devices.usb_ports() == (UsbPort("/dev/ttyACM0", 0x04D8, 0x000A, "", "a module"),)

    def breaks() -> Any:
        raise OSError(5, "I/O error")

    monkeypatch.setattr(list_ports, "comports", breaks)
    expect_log("serial ports cannot be listed")
    assert devices.usb_ports() == ()


def test_candidates_are_the_configured_devices_and_what_is_named_besides() -> None:
    def ports() -> list[UsbPort]:
        return [ONE, CABLE, TWO]

    found = devices.candidates(["04D8:000A"], ["serial:/tmp/line"], ports)
    assert [address for address, _ in found] == [ONE.address, TWO.address, "serial:/tmp/line"]
    assert devices.candidates([], (), ports) == ()
    with pytest.raises(ConfigError, match="USB_DEVICE_INVALID"):
        devices.candidates(["04D8"], (), ports)


def test_twins_without_a_serial_number_are_named_by_their_ports() -> None:
    twins = [UsbPort(f"/dev/ttyACM{i}", 0x04D8, 0x000A, "", "twin") for i in range(2)]
    found = devices.candidates(["04D8:000A"], (), lambda: twins)
    assert [address for address, _ in found] == ["serial:/dev/ttyACM0", "serial:/dev/ttyACM1"]


def test_a_list_of_modules_names_who_answers_and_why_the_others_do_not(tmp_path: Path) -> None:
    module = ModuleProcess.make(tmp_path / "module", "tcp:127.0.0.1:0")
    mute = ScriptedPeer(silent, None)
    rows = [
        (f"serial:{tmp_path / 'nothing'}", "gone"),
        (mute.address, "mute"),
        ("pigeon:post", "odd"),
        ("tcp:127.0.0.1:1", "nobody"),
    ]
    try:
        with module.running():
            found = devices.find_modules([*rows, (module.address, "ours")], make, meet_s=0.2)
    finally:
        mute.close()
    assert [(f.words, f.problem) for f in found] == [
        ("gone", "PORT_MISSING"),
        ("mute", "MODULE_ABSENT"),
        ("odd", "DRIVER_UNKNOWN"),
        ("nobody", "MODULE_ABSENT"),
        ("ours", ""),
    ]
    assert found[-1].module_id == module.module_id
    assert not found[-1].certified


@posix_only
def test_a_port_without_permission_is_denied(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        denied = tmp_path  # root may open everything; a folder is no port for anybody
        assert devices.find_modules([(f"serial:{denied}", "")], make)[0].problem
        return
    device = tmp_path / "port"
    device.touch(0)
    assert devices.find_modules([(f"serial:{device}", "")], make)[0].problem == "PORT_DENIED"


# ---------------------------------------------------------------- has anything changed


def test_the_same_ports_in_another_order_are_no_change() -> None:
    assert devices.state_hash([ONE, TWO]) == devices.state_hash([TWO, ONE])
    others = [[ONE], [], [ONE, UsbPort("/dev/ttyACM1", 0x04D8, 0x000A, "SM-3")], [ONE, CABLE]]
    hashes = {devices.state_hash(ports) for ports in ([ONE, TWO], *others)}
    assert len(hashes) == 5


def test_only_the_ports_that_fit_an_address_count(usb: list[Any]) -> None:
    address = "serial:usb=04D8:000A:SM-1"
    gone = devices.presence(address)
    usb.append(plugged("/dev/ttyACM1", "SM-2"))
    assert devices.presence(address) == gone
    usb.append(plugged("/dev/ttyACM0", "SM-1"))
    here = devices.presence(address)
    usb[-1] = plugged("/dev/ttyACM4", "SM-1")
    assert len({gone, here, devices.presence(address)}) == 3
    assert devices.presence("tcp:127.0.0.1:1") == b""


@posix_only
def test_a_path_changes_when_it_comes_goes_or_leads_elsewhere(tmp_path: Path) -> None:
    link, first, second = tmp_path / "line", tmp_path / "a", tmp_path / "b"
    address = f"serial:{link}"
    seen = [devices.presence(address)]
    for target in (first, second):
        target.touch()
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        seen.append(devices.presence(address))
        first.write_text("what is said on a line is no change of the line")
        assert devices.presence(address) == seen[-1]
    assert len(set(seen)) == 3


def test_looking_once_a_second_costs_next_to_nothing() -> None:
    begun = time.process_time()
    for _ in range(20):
        devices.presence("serial:usb=04D8:000A:SM-1")
        devices.presence("serial:/dev/ttyACM0")
    assert (time.process_time() - begun) / 20 < 0.010  # one per cent of a second; it takes a tenth


# ---------------------------------------------------------------- with the manager


@pytest.fixture
def module(tmp_path: Path) -> Any:
    one = ModuleProcess.make(tmp_path / "module", f"pty:{tmp_path / 'line'}")
    yield one
    if one._process is not None:
        one.kill()


@posix_only
def test_a_device_is_found_again_under_another_port_name(
    usb: list[Any], module: ModuleProcess, tmp_path: Path
) -> None:
    manager = ModuleManager("serial:usb=04D8:000A:SM-1", till_id=TILL, clock=SystemClock())
    assert manager.poll().state is ModuleState.ABSENT
    assert manager.status().problem == "PORT_MISSING"
    module.start()
    usb.append(plugged(str(tmp_path / "line")))
    assert manager.poll().state is ModuleState.READY
    assert manager.status().problem == ""
    usb.clear()
    module.kill()
    assert manager.poll().state is ModuleState.LINK_LOST
    assert manager.poll().state is ModuleState.ABSENT
    module.start()
    (tmp_path / "line").rename(tmp_path / "ttyACM7")
    usb.append(plugged(str(tmp_path / "ttyACM7")))
    assert manager.poll().state is ModuleState.READY
    manager.close()


@posix_only
def test_two_that_fit_are_not_guessed_between(
    usb: list[Any], module: ModuleProcess, tmp_path: Path
) -> None:
    module.start()
    usb += [plugged(str(tmp_path / "line"), "SM-1"), plugged(str(tmp_path / "other"), "SM-2")]
    manager = ModuleManager("serial:usb=04D8:000A", till_id=TILL, clock=SystemClock())
    with pytest.raises(ModuleError) as caught:
        manager.refresh()
    assert (caught.value.code, caught.value.outcome) == ("PORT_AMBIGUOUS", Outcome.NOT_EXECUTED)
    usb.pop()
    assert manager.refresh().state is ModuleState.READY
    manager.close()


@posix_only
def test_a_device_that_never_answers_is_not_asked_again_until_its_port_changes(
    usb: list[Any],
) -> None:
    """A silent port costs a second a look, and a sale waits behind it."""
    ends = [os.openpty() for _ in range(2)]
    names = [os.ttyname(port) for _, port in ends]
    usb.append(plugged(names[0]))
    manager = ModuleManager("serial:usb=04D8:000A:SM-1", till_id=TILL, clock=SystemClock())
    manager.poll()
    assert manager.status().problem == "MODULE_ABSENT"
    for _ in range(5):
        begun = time.monotonic()
        manager.poll()
        assert time.monotonic() - begun < 0.5
    assert os.read(ends[0][0], 4096)
    usb[0] = plugged(names[1])
    manager.poll()
    assert os.read(ends[1][0], 4096)  # it was asked: nobody waits for the tenth look
    manager.close()
    for pair in ends:
        for handle in pair:
            os.close(handle)
