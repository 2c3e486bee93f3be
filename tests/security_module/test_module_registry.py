"""Drivers by scheme: ours, those of others, and those that cannot be used, each with its reason."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from posapp.errors import ConfigError
from posapp.security_module.drivers import registry
from posapp.security_module.drivers.driver import Capability, Context, Driver
from posapp.security_module.drivers.link_driver import LinkDriver
from posapp.security_module.drivers.registry import GROUP, OURS, DriverRegistry
from posapp.ui import messages

ROOT = Path(__file__).resolve().parents[2]

FOREIGN = """
from posapp.security_module.drivers.driver import Capability, DriverKind
from posapp.security_module.drivers.link import make
GOOD = DriverKind(("acme",), "Acme's module", make, frozenset({Capability.REPLAY}))
NEWER = DriverKind(("newer",), "", make, interface=2)
ELSEWHERE = DriverKind(("other",), "", make)
LIAR = DriverKind(("liar",), "", lambda address, context: object())
class Half:
    is_open = False
    def open(self, deadline): ...
    def close(self): ...
HALF = DriverKind(("half",), "", lambda address, context: Half())
def breaks(address, context): raise KeyError("no such port")
BREAKS = DriverKind(("breaks",), "", breaks)
NOTHING = 7
class Likely:
    interface = 1
    schemes = ("likely",)
LIKELY = Likely()
"""


@pytest.fixture(scope="module", autouse=True)
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Drivers of others, in files that Python can import."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "foreign_drivers.py").write_text(FOREIGN)
    (folder / "foreign_lacks.py").write_text("import no_such_library_of_ours\n")
    (folder / "foreign_raises.py").write_text("raise RuntimeError('at import')\n")
    (folder / "foreign_exits.py").write_text("import sys; sys.exit(3)\n")
    (folder / "foreign_typo.py").write_text("def (\n")
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith("foreign_")]:
        del sys.modules[name]


def a_registry(**points: str) -> DriverRegistry:
    return DriverRegistry(lambda: [EntryPoint(n, value, GROUP) for n, value in points.items()])


def refusal(drivers: DriverRegistry, address: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        drivers.make(address, Context())
    assert caught.value.code in messages.WORDS
    return caught.value


# ---------------------------------------------------------------- ours


@pytest.mark.parametrize(
    "address", ["serial:/dev/ttyACM0", "tcp:127.0.0.1:9", "serial:usb=04D8:000A:X1"]
)
def test_our_line_is_found_by_scheme_and_stays_closed(address: str) -> None:
    driver = DriverRegistry().make(address, Context())
    assert isinstance(driver, LinkDriver)
    assert isinstance(driver, Driver)
    assert not driver.is_open


def test_ours_are_registered_the_way_of_others_too() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"][GROUP] == OURS
    assert {registry.EXTRAS[name] for name in registry.EXTRAS} <= set(
        project["optional-dependencies"]
    )


def test_a_scheme_nobody_knows_is_told_with_those_there_are() -> None:
    error = refusal(a_registry(acme="foreign_drivers:GOOD"), "pigeon:post")
    assert error.code == "DRIVER_UNKNOWN"
    assert error.params["scheme"] == "pigeon"
    assert error.params["expected"] == "acme, prismtoken, serial, tcp, unix"


def test_our_own_line_is_found_without_a_look_at_what_is_installed() -> None:
    def never() -> Any:
        raise AssertionError("start-up looks through every installed package")

    assert DriverRegistry(never).kind_of("tcp:127.0.0.1:9").schemes == ("serial", "tcp", "unix")


# ---------------------------------------------------------------- those of others


def test_a_driver_of_others_is_loaded_when_it_is_asked_for() -> None:
    drivers = a_registry(acme="foreign_drivers:GOOD")
    assert drivers.kind_of("acme:1").capabilities == {Capability.REPLAY}


@pytest.mark.parametrize(
    ("name", "value", "code", "words"),
    [
        ("lacks", "foreign_lacks:KIND", "DRIVER_LIBRARY_MISSING", "no_such_library_of_ours"),
        ("raises", "foreign_raises:KIND", "DRIVER_BROKEN", "RuntimeError: at import"),
        ("exits", "foreign_exits:KIND", "DRIVER_BROKEN", "SystemExit: 3"),
        ("typo", "foreign_typo:KIND", "DRIVER_BROKEN", "SyntaxError"),
        ("absent", "foreign_drivers:NO_SUCH", "DRIVER_BROKEN", "AttributeError"),
        ("gone", "foreign_gone:KIND", "DRIVER_LIBRARY_MISSING", "foreign_gone"),
        ("newer", "foreign_drivers:NEWER", "DRIVER_INTERFACE", "speaks 2"),
        ("nothing", "foreign_drivers:NOTHING", "DRIVER_INTERFACE", "speaks None"),
        ("likely", "foreign_drivers:LIKELY", "DRIVER_BROKEN", "no driver for likely"),
        ("mine", "foreign_drivers:ELSEWHERE", "DRIVER_BROKEN", "no driver for mine"),
    ],
)
def test_one_that_cannot_be_used_is_listed_with_its_reason_and_the_rest_work(
    name: str, value: str, code: str, words: str
) -> None:
    drivers = a_registry(**{name: value, "acme": "foreign_drivers:GOOD"})
    rows = {row.scheme: row for row in drivers.listed()}
    assert rows[name].problem == code
    assert words in rows[name].reason
    assert not rows["acme"].problem and rows["acme"].words == "Acme's module"
    assert not rows["serial"].problem
    assert refusal(drivers, f"{name}:x").code == code
    assert isinstance(drivers.make("serial:/dev/ttyACM0", Context()), LinkDriver)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("liar", "it has no is_open, open, check, status, issue, fetch, cancel, interrupt, close"),
        ("half", "it has no check, status, issue, fetch, cancel, interrupt"),
        ("breaks", "KeyError"),
    ],
)
def test_one_that_lies_about_what_it_can_is_refused_before_it_is_used(
    name: str, reason: str
) -> None:
    error = refusal(a_registry(**{name: f"foreign_drivers:{name.upper()}"}), f"{name}:x")
    assert error.code == "DRIVER_BROKEN"
    assert str(error.params["reason"]).startswith(reason)


def test_nobody_takes_the_place_of_a_driver_that_comes_with_the_till() -> None:
    drivers = a_registry(serial="foreign_drivers:GOOD")
    assert drivers.kind_of("serial:x").words == "posapp's own line"
    rows = [row for row in drivers.listed() if row.scheme == "serial"]
    assert [row.problem for row in rows] == ["", "DRIVER_SCHEME_TAKEN"]
    assert rows[1].reason == "foreign_drivers:GOOD"


def test_our_own_entry_points_are_no_rivals_of_ours() -> None:
    rows = DriverRegistry(lambda: [EntryPoint(n, v, GROUP) for n, v in OURS.items()]).listed()
    assert [row.scheme for row in rows] == sorted(OURS)


def test_a_missing_library_of_ours_names_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [n for n in sys.modules if n.startswith("posapp.security_module.drivers.prism")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "thriftpy2", None)
    drivers = DriverRegistry()
    error = refusal(drivers, "prismtoken://sm.example:9443")
    assert (error.code, error.params["library"]) == ("DRIVER_LIBRARY_MISSING", "thriftpy2")
    assert error.params["extra"] == "prismtoken"
    problems = {row.scheme: row.problem for row in drivers.listed()}
    assert problems["prismtoken"] == "DRIVER_LIBRARY_MISSING"
    assert problems["serial"] == ""


def test_what_a_driver_is_made_with_shows_no_secret() -> None:
    context = Context(secret=lambda _name: "hunter2")
    assert "hunter2" not in repr(context) and "secret" not in repr(context)
