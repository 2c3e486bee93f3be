"""The hunt finds what it looks for, wherever and however it was written down."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

import pytest

from posapp.store.schema import STORE_FILE
from posapp.store.store import set_meta
from tests import secrets_hunt
from tests.secrets_hunt import Hunt, key_forms, pin_forms
from tests.stores import KEY, a_store

SECRET = bytes(range(200, 220))
PIN = "739518264075"


@pytest.mark.parametrize(
    "written",
    [SECRET, SECRET.hex().encode(), SECRET.hex().upper().encode()],
    ids=["as it is", "hex", "HEX"],
)
@pytest.mark.parametrize("before", [0, 5, 47, 48, 64])
def test_a_key_is_found_in_a_file_also_over_the_edge_of_two_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bytes, before: int
) -> None:
    monkeypatch.setattr(secrets_hunt, "PIECE_BYTES", 64)
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "x").write_bytes(bytes(before) + written + bytes(300))
    (line,) = set(Hunt(key_forms("k", SECRET)).in_folder(tmp_path))
    assert line.startswith("x: k")
    assert Hunt(key_forms("k", SECRET[::-1])).in_folder(tmp_path) == []


def test_a_pin_is_found_in_any_text() -> None:
    hunt = Hunt(pin_forms(PIN))
    for before in ("", "1", "12", "123", "operator=1&pin="):
        text = f"{before}{PIN}x"
        for written in (text.encode(), text.encode("utf-16"), text.encode().hex().encode()):
            assert hunt.in_bytes("log", written), (before, written)
        assert hunt.in_bytes("log", base64.b64encode(text.encode())), before
    assert hunt.in_bytes("log", b"739518264076 " + base64.b64encode(b"739518264076")) == []


def test_a_name_of_a_file_and_a_value_of_a_store_are_looked_at(tmp_path: Path) -> None:
    hunt = Hunt({**key_forms("k", SECRET), **pin_forms(PIN)})
    (tmp_path / f"{PIN}.txt").write_text("nothing")
    assert hunt.in_folder(tmp_path) == [f"the name of {PIN}.txt: PIN"]
    store = a_store(tmp_path / "till")
    assert hunt.in_store(tmp_path / "till" / STORE_FILE, KEY) == []
    store.transaction(lambda connection: set_meta(connection, "x", SECRET))
    store.close()
    assert hunt.in_store(tmp_path / "till" / STORE_FILE, KEY) == ["till.db, meta: k"]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked at in /proc")
def test_a_key_is_found_in_a_running_process() -> None:
    assert Hunt(key_forms("k", SECRET)).in_memory(os.getpid())
