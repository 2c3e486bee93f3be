"""The script behind the two commands, with a Python and a package manager that only take notes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

PYTHON = """#!/bin/sh
# Plays python3: notes what it is asked, and makes a .venv whose commands print their arguments.
case "$*" in
    *version_info*) [ -z "$FAKE_OLD" ] ;;
    *ensurepip*) [ -z "$FAKE_NO_VENV" ] ;;
    *ctypes*) cat >/dev/null; printf '%s\\n' $FAKE_MISSING ;;
    -V) echo "Python 3.${FAKE_OLD:-11}.2" ;;
    "-m venv"*)
        mkdir -p "$4/bin"
        cp "$0" "$4/bin/python"
        printf '#!/bin/sh\\nfor word; do echo "posapp <$word>"; done\\n' >"$4/bin/posapp"
        chmod +x "$4/bin/posapp"
        ;;
    "-m pip"*) echo "pip $*" >>"$NOTES"; [ -z "$FAKE_NO_PIP" ] ;;
    "-m pytest"*) for word; do echo "pytest <$word>"; done ;;
    *) echo "unexpected: $*" >&2; exit 9 ;;
esac
"""


class Machine:
    """A machine of its own: PATH holds stand-ins and the plain tools a shell script uses."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "a path with spaces" / "posapp"
        (self.project / "installer").mkdir(parents=True)
        shutil.copy(ROOT / "installer" / "bootstrap", self.project / "installer")
        for name in ("pyproject.toml", "installer/constraints.txt"):
            (self.project / name).write_text("one")
        self.notes = folder / "notes"
        self.path = folder / "bin"
        self.path.mkdir()
        for tool in ("cat", "cksum", "cp", "dirname", "head", "mkdir", "mktemp", "readlink", "rm",
                     "uname", "chmod", "sh"):  # fmt: skip
            (self.path / tool).symlink_to(shutil.which(tool) or tool)
        for tool in ("Xvfb", "xauth", "xdotool", "openbox", "softhsm2-util"):
            self.put(tool, "exit 0")
        self.put("apt-get", 'echo "apt-get $*" >>"$NOTES"; [ -z "$FAKE_NO_APT" ]')
        self.put("id", "echo 0")
        self.put("python3", PYTHON.partition("\n")[2])

    def put(self, name: str, lines: str) -> None:
        (self.path / name).write_text(f"#!/bin/sh\n{lines}\n")
        (self.path / name).chmod(0o755)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.project / "installer" / "bootstrap", *arguments],
            env={"PATH": str(self.path), "NOTES": str(self.notes), "LC_ALL": "C", **environment},
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def noted(self) -> list[str]:
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        self.notes.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_the_first_run_installs_the_pinned_versions_and_the_second_nothing(machine):
    first = machine.run("test", "-k", "two words")
    assert first.stdout.splitlines()[-2:] == ["pytest <-k>", "pytest <two words>"], first.stderr
    installs = [line for line in machine.noted() if " install " in line]
    assert all("-c installer/constraints.txt" in line for line in installs)
    assert any("-e .[dev]" in line for line in installs)
    second = machine.run("test")
    assert second.returncode == 0
    assert second.stderr == ""
    assert machine.noted() == []


def test_what_the_tests_need_is_enough_for_the_demo(machine):
    machine.run("test")
    machine.noted()
    assert "posapp <demo>" in machine.run("demo").stdout
    assert machine.noted() == []


def test_a_changed_pin_installs_again(machine):
    machine.run("demo")
    machine.noted()
    (machine.project / "installer" / "constraints.txt").write_text("two")
    machine.run("demo")
    assert any(line.endswith("-e .") for line in machine.noted())


def test_a_moved_project_installs_again(machine):
    machine.run("demo")
    machine.noted()
    machine.project = machine.project.rename(machine.project.parent / "elsewhere")
    machine.run("demo")
    assert any(line.endswith("-e .") for line in machine.noted())


def test_an_installation_that_failed_is_not_taken_for_done(machine):
    failed = machine.run("demo", FAKE_NO_PIP="1")
    assert failed.returncode == 1
    assert "run the same command again" in failed.stderr
    machine.noted()
    assert machine.run("demo").returncode == 0
    assert machine.noted()


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["--out", "my day"], {}, ["demo", "--headless", "--out", "my day"]),
        (["--headless"], {}, ["demo", "--headless"]),
        ([], {"DISPLAY": ":0"}, ["demo"]),
        ([], {"WAYLAND_DISPLAY": "wayland-0"}, ["demo"]),
        ([], {"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen"}, ["demo", "--headless"]),
        ([], {"QT_QPA_PLATFORM": "vnc"}, ["demo"]),
    ],
)
def test_the_demo_goes_headless_by_itself_where_there_is_no_screen(
    machine, arguments, environment, expected
):
    run = machine.run("demo", *arguments, **environment)
    assert re.findall("<(.*)>", run.stdout) == expected, run.stderr


def test_only_an_old_python_is_named_with_the_line_that_brings_a_newer(machine):
    run = machine.run("demo", FAKE_OLD="9")
    assert run.returncode == 1
    assert "Python 3.11 or newer" in run.stderr
    assert f"{machine.path}/python3 (Python 3.9.2)" in run.stderr
    assert "apt-get install -y python3" in run.stderr
    assert not machine.noted()


def test_root_gets_the_missing_packages_added(machine):
    run = machine.run("demo", FAKE_NO_VENV="1", FAKE_MISSING="libgl1 libegl1")
    assert run.returncode == 0, run.stderr
    added = [line for line in machine.noted() if line.startswith("apt-get") and "install" in line]
    assert len(added) == 1
    assert added[0].endswith("python3-venv libgl1 libegl1")


def test_others_get_the_exact_line_and_nothing_is_touched(machine):
    machine.put("id", "echo 1000")
    run = machine.run("demo", FAKE_MISSING="libgl1")
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].strip() == (
        "su -c 'apt-get update && apt-get install -y --no-install-recommends libgl1'"
    )
    assert machine.noted() == []
    machine.put("sudo", "exit 0")
    assert "sudo sh -c 'apt-get update" in machine.run("demo", FAKE_MISSING="libgl1").stderr


@pytest.mark.parametrize(("program", "package"), [("Xvfb", "xvfb"), ("softhsm2-util", "softhsm2")])
def test_without_a_tool_the_tests_still_run_and_say_what_is_skipped(machine, program, package):
    (machine.path / program).unlink()
    machine.put("id", "echo 1000")
    run = machine.run("test")
    assert run.returncode == 0
    assert "Some tests will be skipped" in run.stderr
    assert f"{package}'" in run.stderr


def test_a_package_manager_without_a_line_is_no_dead_end_for_the_tests(machine):
    (machine.path / "Xvfb").unlink()
    assert machine.run("test", FAKE_NO_APT="1").returncode == 0
    refused = machine.run("test", FAKE_NO_APT="1", FAKE_MISSING="libgl1")
    assert refused.returncode == 0  # set up already
    (machine.project / ".venv" / ".ready-test").unlink()
    assert machine.run("test", FAKE_NO_APT="1", FAKE_MISSING="libgl1").returncode == 1


def test_a_screen_that_comes_later_is_prepared_for_once(machine):
    machine.run("demo")
    machine.noted()
    run = machine.run("demo", DISPLAY=":0", FAKE_MISSING="libxcb-cursor0")
    assert run.returncode == 0, run.stderr
    assert any("libxcb-cursor0" in line for line in machine.noted())
    machine.run("demo", DISPLAY=":0", FAKE_MISSING="libxcb-cursor0")
    assert machine.noted() == []


def test_what_the_persons_pip_is_set_to_does_no_harm(machine):
    machine.put("python3", 'env | grep ^PIP_ >>"$NOTES"\n' + PYTHON.partition("\n")[2])
    (machine.path / "grep").symlink_to(shutil.which("grep") or "grep")
    (machine.path / "env").symlink_to(shutil.which("env") or "env")
    run = machine.run(
        "demo", PIP_USER="1", PIP_TARGET="/x", PIP_CONSTRAINT="/y", PIP_FIND_LINKS="/z"
    )
    assert run.returncode == 0
    noted = set(machine.noted())
    assert {"PIP_USER=0", "PIP_FIND_LINKS=/z"} <= noted
    assert not [line for line in noted if "TARGET" in line or "CONSTRAINT" in line]


@pytest.mark.parametrize(("arguments", "status"), [((), 2), (("sell",), 2), (("--help",), 0)])
def test_anything_else_explains_the_two_commands(machine, arguments, status):
    run = machine.run(*arguments)
    assert run.returncode == status
    assert "bootstrap demo" in run.stdout + run.stderr
    assert "bootstrap test" in run.stdout + run.stderr
