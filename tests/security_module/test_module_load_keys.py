"""Key files go into one module, in order, once: whole, or finished by the same file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from posapp.codec.hpke import OpeningKey
from posapp.codec.signing import SigningKey
from posapp.errors import ModuleError
from posapp.security_module.link import codec
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.operators import Action
from posapp.security_module.reference.store import ModuleStore
from posapp.sts.keys import KeyAttributes, VendingKey
from posapp.wire.audit import AuditEntry, AuditKind
from posapp.wire.introductions import Trust
from posapp.wire.key_file import KeyFile, KeyFileHeader, KeyRecord, key_hash
from tests.security_module.controls import code_of, last_body, load
from tests.security_module.engines import (
    MODULE_ID,
    NOON,
    NOON_TID,
    OFFICE,
    TWO_ABOVE_MINOR,
    CountedRandomness,
    SetClock,
    a_grant,
    a_store,
    an_engine,
    order,
    whole_audit,
)
from tests.security_module.module_process import TEST_KEYS, TILL, a_configuration, a_request

OFFICERS = (SigningKey(b"\x11" * 32), SigningKey(b"\x12" * 32))
TRUST = Trust(
    tuple(key.public for key in OFFICE), tuple(key.public for key in OFFICERS), TWO_ABOVE_MINOR
)
NEW = KeyRecord(b"\x5a" * 20, "654321", 1, 2, 2014, 255, 4)
OTHER = KeyRecord(b"\x5b" * 20, "654321", 2, 2, 2014, 255, 4)


def a_file(
    engine: Engine,
    serial: int = 1,
    *records: KeyRecord,
    officers: tuple[SigningKey, ...] = OFFICERS,
    **changes: Any,
) -> bytes:
    public = engine.card().seal_key
    values: dict[str, Any] = {
        "module_id": MODULE_ID,
        "key_hash": key_hash(public),
        "test": True,
        "serial": serial,
        "issued_at": NOON,
        "load_before": NOON + timedelta(days=30),
    }
    header = KeyFileHeader(**{**values, **changes})
    return KeyFile.make(header, public, records or (NEW, OTHER), officers).to_bytes()


def serial_of(store: ModuleStore) -> tuple[int, bool]:
    with store.read() as books:
        standing = books.standing()
    return standing.keys_serial, standing.keys_loading


@pytest.fixture
def module(tmp_path: Path) -> Any:
    engine, store = an_engine(tmp_path, trust=TRUST)
    yield engine, store
    store.close()


def test_a_key_of_a_file_makes_tokens_at_once_and_after_a_restart(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path, trust=TRUST)
    grants = (a_grant(), a_grant(sgc="654321"))
    load(engine, 1, grants=grants)
    meter = a_configuration(sgc="654321")
    assert code_of(lambda: engine.issue(order(a_request(1, NOON_TID, configuration=meter)))) == (
        "KEY_NOT_FOUND"
    )
    assert engine.load_keys(a_file(engine)) == len(TEST_KEYS) + 2
    made = engine.issue(order(a_request(2, NOON_TID, configuration=meter)))
    store.close()
    engine, store = an_engine(tmp_path, trust=TRUST)
    again = engine.issue(order(a_request(2, NOON_TID, configuration=meter)))
    assert again.tokens == made.tokens
    assert engine.issue(order(a_request(3, NOON_TID + 1, configuration=meter))).tokens
    store.close()


def test_the_audit_names_the_file_before_its_keys_and_then_all_keys(module: Any) -> None:
    engine, _ = module
    engine.load_keys(a_file(engine))
    bodies = [AuditEntry.from_bytes(data) for data in whole_audit(engine)]
    told = [entry.body for entry in bodies if entry.kind is AuditKind.KEYS]
    assert (set(told[1]), told[1][23]) == ({13, 23}, 1)
    assert [row[:2] for row in told[2][17]][-2:] == [["654321", 1], ["654321", 2]]
    assert NEW.secret not in b"".join(whole_audit(engine))


def test_the_newest_file_is_taken_again_and_no_older_one(module: Any) -> None:
    engine, _ = module
    first, second = a_file(engine, 1), a_file(engine, 2, OTHER)
    engine.load_keys(first)
    count = engine.load_keys(second)
    entries = len(whole_audit(engine))
    assert engine.load_keys(second) == count
    assert len(whole_audit(engine)) == entries
    assert code_of(lambda: engine.load_keys(first)) == "KEY_FILE_OLD"
    assert code_of(lambda: engine.load_keys(a_file(engine, 2, NEW))) == "KEY_FILE_OLD"


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("KEY_FILE_FOREIGN", {"module_id": "REF-OTHER"}),
        (
            "KEY_FILE_EXPIRED",
            {"issued_at": NOON - timedelta(9), "load_before": NOON - timedelta(8)},
        ),
        ("KEY_FILE_PRODUCTION", {"test": False}),
        ("SIGNERS_TOO_FEW", {"officers": (OFFICERS[0], SigningKey(b"\x13" * 32))}),
        ("SIGNERS_TOO_FEW", {"officers": OFFICE}),
    ],
)
def test_a_file_that_is_not_for_it_changes_nothing_and_is_audited(
    module: Any, code: str, changes: dict[str, Any]
) -> None:
    engine, store = module
    before = engine.report(TILL).keys
    assert code_of(lambda: engine.load_keys(a_file(engine, 1, **changes))) == code
    assert engine.report(TILL).keys == before
    assert serial_of(store) == (0, False)
    assert last_body(engine)[10] == code


def test_one_officers_signature_alone_is_too_few(module: Any) -> None:
    engine, _ = module
    made = KeyFile.read(a_file(engine))
    alone = KeyFile(made.header, made.sealed, made.document, made.signatures[:1])
    assert code_of(lambda: engine.load_keys(alone.to_bytes())) == "SIGNERS_TOO_FEW"


def test_a_flipped_bit_anywhere_is_refused(module: Any) -> None:
    engine, store = module
    data = a_file(engine, 1, NEW)
    for place in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(ModuleError):
            engine.load_keys(bytes(flipped))
    assert serial_of(store) == (0, False)
    assert engine.load_keys(data) == len(TEST_KEYS) + 1


def test_a_file_sealed_to_another_key_does_not_open(module: Any) -> None:
    engine, store = module
    other = OpeningKey(b"\x44" * 32)
    header = KeyFileHeader(
        *(MODULE_ID, key_hash(other.public), True, 1, NOON, NOON + timedelta(days=1))
    )
    data = KeyFile.make(header, other.public, [NEW], OFFICERS).to_bytes()
    assert code_of(lambda: engine.load_keys(data)) == "KEY_FILE_FOREIGN"
    assert serial_of(store) == (0, False)


def test_a_laboratorys_module_and_one_without_officers_take_none(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path / "laboratory")
    assert code_of(lambda: engine.load_keys(a_file(engine))) == "AUTHORISATION_UNTRUSTED"
    store.close()
    nobody = Trust(TRUST.office, (), None)
    engine, store = an_engine(tmp_path / "office", trust=nobody)
    assert code_of(lambda: engine.load_keys(a_file(engine))) == "SIGNERS_TOO_FEW"
    store.close()


def test_more_keys_than_a_module_lists_are_refused_before_the_first_is_kept(module: Any) -> None:
    engine, store = module
    many = [KeyRecord(b"\x5a" * 20, f"7000{n:02}", 1, 2, 2014, 255, 4) for n in range(60)]
    assert code_of(lambda: engine.load_keys(a_file(engine, 1, *many))) == "KEY_FILE_FULL"
    assert len(store.keys()) == len(TEST_KEYS)


def test_real_keys_go_into_a_module_whose_secret_stays_in_a_device(tmp_path: Path) -> None:
    store = a_store(tmp_path, trust=TRUST)
    engine = Engine(store, SetClock(), CountedRandomness(), bound=True)
    assert engine.load_keys(a_file(engine, test=False)) == len(TEST_KEYS) + 2
    stored = store.keys()
    assert [key.sgc for key in stored if not key.test] == ["654321", "654321"]
    store.close()


def test_only_a_person_who_may_load_keys_does_and_the_refusal_is_audited(tmp_path: Path) -> None:
    def permit(action: Action) -> None:
        asked.append(action)
        raise ModuleError("ROLE_DENIED", role="vendor", allowed="supervisor")

    asked: list[Action] = []
    store = a_store(tmp_path, trust=TRUST)
    engine = Engine(store, SetClock(), CountedRandomness(), permit=permit)
    assert code_of(lambda: engine.load_keys(a_file(engine))) == "ROLE_DENIED"
    assert (asked, last_body(engine)[10]) == ([Action.LOAD_KEYS], "ROLE_DENIED")
    assert serial_of(store) == (0, False)
    store.close()


class Fails:
    """A keeper that is a device: it has its own memory, and goes after so many keys."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.keys: dict[tuple[str, int], VendingKey] = {}

    def attributes(self) -> tuple[KeyAttributes, ...]:
        return tuple(self.keys[name].attributes() for name in sorted(self.keys))

    def decoder_key(self, *_: object) -> bytes:
        raise NotImplementedError

    def check(self, known: KeyAttributes) -> None:
        if known.dkga != 4:
            raise ModuleError("HSM_KEY_KIND", dkga=known.dkga)

    def load(self, key: VendingKey) -> None:
        if len(self.keys) >= self.room:
            raise ModuleError("HSM_ABSENT", token="sts")
        self.keys[key.sgc, key.krn] = key


def test_what_a_device_left_half_done_is_finished_by_the_same_file_only(tmp_path: Path) -> None:
    device = Fails(1)
    store = a_store(tmp_path, trust=TRUST)
    engine = Engine(store, SetClock(), CountedRandomness(), keeper=device)
    data = a_file(engine, 2)
    assert code_of(lambda: engine.load_keys(data)) == "HSM_ABSENT"
    assert serial_of(store) == (2, True)
    assert [info.krn for info in engine.report(TILL).keys] == [1]
    engine = Engine(store, SetClock(), CountedRandomness(), keeper=device)  # switched off and on
    assert code_of(lambda: engine.load_keys(a_file(engine, 1))) == "KEY_FILE_OLD"
    device.room = 9
    assert engine.load_keys(data) == 2
    assert serial_of(store) == (2, False)
    store.close()


def test_a_kind_that_the_keeper_cannot_keep_stops_the_file_before_it_begins(tmp_path: Path) -> None:
    store = a_store(tmp_path, trust=TRUST)
    engine = Engine(store, SetClock(), CountedRandomness(), keeper=Fails(9))
    old = KeyRecord(bytes.fromhex("abababababababab"), "123456", 1, 2, 2014, 255, 2)
    assert code_of(lambda: engine.load_keys(a_file(engine, 1, old, NEW))) == "HSM_KEY_KIND"
    assert serial_of(store) == (0, False)
    store.close()


_KILLED = """
import os, signal, sys
from pathlib import Path
from posapp.security_module.reference.store import ModuleStore, open_store
from tests.security_module.engines import *

kept, save, room = [], ModuleStore.put_key, int(sys.argv[3])

def put_key(self, key):
    if len(kept) == room:
        os.kill(os.getpid(), signal.SIGKILL)
    kept.append(key)
    save(self, key)

ModuleStore.put_key = put_key
store = open_store(Path(sys.argv[1]), STORE_KEY)
engine = Engine(store, SetClock(), CountedRandomness())
engine.load_keys(Path(sys.argv[2]).read_bytes())
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX")
@pytest.mark.parametrize("room", [0, 1])
def test_a_module_killed_between_two_keys_goes_on_with_the_same_file(
    tmp_path: Path, room: int
) -> None:
    folder = tmp_path / "m"
    engine, store = an_engine(folder, trust=TRUST)
    data = a_file(engine, 3)
    store.close()
    file = tmp_path / "keys.posapp"
    file.write_bytes(data)
    child = [sys.executable, "-c", _KILLED, str(folder), str(file), str(room)]
    assert subprocess.run(child, check=False).returncode == -signal.SIGKILL
    engine, store = an_engine(folder, trust=TRUST)
    assert serial_of(store) == (3, True)
    assert len(engine.report(TILL).keys) == len(TEST_KEYS) + room
    if room:  # the start tells head office of what is there
        newest = [AuditEntry.from_bytes(data) for data in whole_audit(engine)][-2]
        assert (newest.kind, len(newest.body[17])) == (AuditKind.KEYS, len(TEST_KEYS) + room)
    assert code_of(lambda: engine.load_keys(a_file(engine, 2))) == "KEY_FILE_OLD"
    assert engine.load_keys(data) == len(TEST_KEYS) + 2
    assert serial_of(store) == (3, False)
    store.close()


def test_it_comes_in_pieces_over_the_line(module: Any) -> None:
    engine, _ = module
    desk, data = Desk(engine), a_file(engine)
    half = len(data) // 2
    for call, (at, piece) in enumerate(((0, data[:half]), (half, data[half:]))):
        body = {"doc": piece, "at": at, "of": len(data)}
        reply = codec.read_reply(desk.answer(codec.request(call, codec.LOAD_KEYS, body)) or b"")
        assert reply is not None
        assert reply.fields.integer("have", 0, 1 << 20) == at + len(piece)
    assert reply.fields.integer("keys", 0, 99) == len(TEST_KEYS) + 2
