"""A paired till asks under its own id only: its key is known under one, and the id to one key."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from posapp.codec import cbor
from posapp.codec.files import write_private
from posapp.errors import ModuleError, Outcome
from posapp.ports import NotFound
from posapp.security_module.drivers.link_driver import LinkDriver
from posapp.security_module.link import identity
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.gate import NOBODY
from tests.security_module.controls import last_body, load
from tests.security_module.engines import NOON_TID, TRUST, an_engine
from tests.security_module.line_scene import Scene
from tests.security_module.lines import introduce, line_keys
from tests.security_module.module_process import OTHER_TILL, TILL, a_request


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    scene.open()
    yield scene
    scene.close()


@pytest.fixture
def other(scene: Scene, tmp_path: Path) -> Iterator[LinkDriver]:
    """A second till, paired as well."""
    keys = line_keys(tmp_path / "other till", 7)
    introduce(keys, scene.module_keys)
    driver = scene.a_driver(keys, 8)
    yield driver
    driver.close()


def soon() -> float:
    return time.monotonic() + 5


def code_of(ask: Callable[[], object]) -> str:
    with pytest.raises(ModuleError) as caught:
        ask()
    assert caught.value.outcome is Outcome.NOT_EXECUTED
    return caught.value.code


def test_a_paired_till_may_not_ask_in_another_ones_name_and_the_audit_says_who_did(
    scene: Scene, other: LinkDriver, expect_log: Callable[[str], None]
) -> None:
    request = scene.intend()
    scene.issue(request)
    scene.driver.close()
    scene.open(other)
    expect_log("under the id of another one")
    for ask in (
        lambda: other.issue(a_request(9, NOON_TID + 9), soon()),
        lambda: other.fetch(request.request_id, TILL, soon()),
        lambda: other.cancel(request.request_id, TILL, 99, soon()),
        lambda: other.status(TILL, soon()),
    ):
        assert code_of(ask) == "TILL_IMPOSTOR"
        body = last_body(scene.engine)
        assert (body[10], body[1]) == ("TILL_IMPOSTOR", TILL)
        assert body[24] in {peer.name for peer in scene.module_keys.peers()}
    assert scene.engine.report(TILL).last_sequence == request.sequence
    made = other.issue(replace(a_request(31, NOON_TID + 20), till_id=OTHER_TILL), soon())
    assert made.tokens


def test_a_key_that_has_an_id_takes_no_second_one(
    scene: Scene, expect_log: Callable[[str], None]
) -> None:
    scene.issue(scene.intend())
    expect_log("under the id of another one")
    stranger = replace(a_request(1, NOON_TID + 9), till_id=OTHER_TILL)
    assert code_of(lambda: scene.issue(stranger)) == "TILL_IMPOSTOR"
    scene.restart()  # it is on the disk
    assert code_of(lambda: scene.issue(stranger)) == "TILL_IMPOSTOR"
    assert scene.issue(scene.intend()).tokens


def test_who_sells_nothing_may_ask_how_the_module_does_and_gets_no_id_by_it(
    scene: Scene, other: LinkDriver
) -> None:
    assert other.open(soon())
    other.status(NOBODY, soon())
    other.status(OTHER_TILL, soon())
    assert all(not peer.till for peer in scene.module_keys.peers())
    assert isinstance(other.fetch(bytes(16), OTHER_TILL, soon()), NotFound)
    other.cancel(bytes(16), OTHER_TILL, 1, soon())
    assert all(not peer.till for peer in scene.module_keys.peers())


def test_where_head_office_has_named_a_till_an_order_binds_that_id_only(
    tmp_path: Path,
) -> None:
    engine, store = an_engine(tmp_path / "limited", trust=TRUST)
    scene = Scene(tmp_path)
    scene.gate._desk = Desk(engine)
    scene.open()

    def bound() -> list[bytes]:
        return [peer.till for peer in scene.module_keys.peers()]

    assert code_of(lambda: scene.issue(scene.intend())) == "AUTHORISATION_MISSING"
    assert bound() == [b""]
    load(engine)
    foreign = replace(a_request(1, NOON_TID + 9), till_id=OTHER_TILL)
    assert code_of(lambda: scene.issue(foreign)) == "TILL_FOREIGN"
    assert bound() == [b""]
    assert scene.issue(scene.intend()).tokens
    assert bound() == [TILL]
    scene.close()
    store.close()


def test_pairing_anew_frees_the_id(scene: Scene, tmp_path: Path) -> None:
    scene.issue(scene.intend())
    scene.driver.close()
    (name,) = [peer.name for peer in scene.module_keys.peers()]
    scene.module_keys.forget(name)
    anew = line_keys(tmp_path / "anew", 11)
    introduce(anew, scene.module_keys)
    driver = scene.a_driver(anew, 12)
    scene.open(driver)
    assert driver.issue(scene.intend(), soon()).tokens
    driver.close()


def test_a_file_of_the_version_before_has_peers_without_an_id(scene: Scene) -> None:
    keys = scene.module_keys
    rows = [[peer.name, peer.certificate] for peer in keys.peers()]
    sealed = keys.seal(identity.PEERS_FILE.encode("ascii"), cbor.encode(rows))
    write_private(keys._folder / identity.PEERS_FILE, sealed)
    assert scene.issue(scene.intend()).tokens
    assert [peer.till for peer in keys.peers()] == [TILL]
