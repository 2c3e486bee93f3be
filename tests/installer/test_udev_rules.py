"""The rules that give the module's port to the till, read as udev reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

RULES = ROOT / "installer" / "udev" / "70-posapp-module.rules"
PART = re.compile(r'([A-Z]+)(?:\{(\w+)\})?(==|!=|\+=|=)"([^"]*)"')
EXAMPLE = "# ATTRS{idVendor}=="


def lines() -> list[list[tuple[str, str, str, str]]]:
    """The parts of each rule: key, name, operator, value. The example is in force."""
    found = []
    for line in RULES.read_text(encoding="utf-8").replace(EXAMPLE, EXAMPLE[2:]).splitlines():
        if line.strip() and not line.startswith("#"):
            parts = [part.strip() for part in line.split(", ")]
            matches = [PART.fullmatch(part) for part in parts]
            assert all(matches), line
            found.append([(m[1], m[2] or "", m[3], m[4]) for m in matches if m])
    return found


def apply(device: dict[str, str]) -> dict[str, str]:
    """What the rules set for a device; its keys are `SUBSYSTEM`, `ACTION`, `ATTRS.idVendor` ..."""
    state, skip = dict(device), ""
    for rule in lines():
        label = next((value for key, _, _, value in rule if key == "LABEL"), "")
        if skip and skip != label:
            continue
        skip = ""
        for key, name, operator, value in rule:
            where = f"{key}.{name}" if name else key
            if operator in ("==", "!="):
                same = bool(state.get(where)) if value == "?*" else state.get(where, "") == value
                if same is not (operator == "=="):
                    break
            elif key == "GOTO":
                skip = value
            elif key == "LABEL":
                continue
            elif operator == "+=":
                state[where] = f"{state.get(where, '')} {value}".strip()
            else:
                state[where] = value
    return {key: value for key, value in state.items() if device.get(key) != value}


def a_port(**changes: str) -> dict[str, str]:
    values = {
        "SUBSYSTEM": "tty",
        "ACTION": "add",
        "ATTRS.idVendor": "04d8",
        "ATTRS.idProduct": "000a",
        "ENV.ID_SERIAL_SHORT": "SM-1",
    }
    return {**values, **{key.replace("__", "."): value for key, value in changes.items()}}


def test_the_modules_port_belongs_to_who_sits_at_the_till_and_to_no_modem_manager() -> None:
    done = apply(a_port())
    assert done["ENV.ID_MM_DEVICE_IGNORE"] == done["ENV.ID_MM_PORT_IGNORE"] == "1"
    assert done["TAG"] == "uaccess"
    assert (done["GROUP"], done["MODE"]) == ("dialout", "0660")
    assert done["SYMLINK"] == "posapp-module-$env{ID_SERIAL_SHORT}"


def test_a_module_without_a_serial_number_gets_no_name_that_two_would_share() -> None:
    assert "SYMLINK" not in apply(a_port(ENV__ID_SERIAL_SHORT=""))


@pytest.mark.parametrize(
    "changes",
    [
        {"ATTRS__idVendor": "0403"},
        {"ATTRS__idProduct": "6001"},
        {"SUBSYSTEM": "usb"},
        {"ACTION": "remove"},
    ],
)
def test_every_other_port_is_left_alone(changes: dict[str, str]) -> None:
    assert apply(a_port(**changes)) == {}


def test_the_file_is_read_before_the_tag_becomes_a_permission() -> None:
    assert int(RULES.name.partition("-")[0]) < 73
    assert RULES.suffix == ".rules"


def test_as_it_comes_it_names_no_device() -> None:
    text = RULES.read_text(encoding="utf-8")
    assert EXAMPLE in text
    assert not re.search(r"(?m)^[^#]*idVendor", text)


def test_every_jump_has_its_label_and_nothing_is_open_to_all() -> None:
    rules = lines()
    labels = [value for rule in rules for key, _, _, value in rule if key == "LABEL"]
    jumps = {value for rule in rules for key, _, _, value in rule if key == "GOTO"}
    assert jumps == set(labels) and len(labels) == 1
    modes = [value for rule in rules for key, _, _, value in rule if key == "MODE"]
    assert all(mode.endswith("0") for mode in modes)


def test_udev_itself_has_nothing_to_say(tmp_path: Path) -> None:
    udevadm = shutil.which("udevadm")
    if udevadm is None or b"verify" not in _help(udevadm):
        return  # nothing here could read it better than the tests above
    copy = tmp_path / RULES.name
    shutil.copy(RULES, copy)
    run = subprocess.run([udevadm, "verify", str(copy)], capture_output=True, check=False)
    assert run.returncode == 0, run.stderr


def _help(udevadm: str) -> bytes:
    return subprocess.run([udevadm, "--help"], capture_output=True, check=False).stdout
