"""Files from outside are read within their limit; our own are whole, durable and private."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from posapp.codec.files import read_bounded, read_json, read_text, write_private
from posapp.errors import ConfigError

ENDLESS = Path("/dev/zero")


def test_a_file_of_exactly_its_limit_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"1234")
    assert read_bounded(file, 4) == b"1234"
    with pytest.raises(ValueError, match="too long"):
        read_bounded(file, 3)


@pytest.mark.skipif(not ENDLESS.exists(), reason="a device of Unix")
def test_a_device_without_end_is_too_long() -> None:
    with pytest.raises(ValueError, match="too long"):
        read_bounded(ENDLESS, 100)


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b'{"secret": 1', b"\xff\xfe"])
def test_what_is_no_json_is_refused_without_quoting_it(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(raw)
    with pytest.raises(ValueError, match="no JSON"):
        read_json(file, 1 << 20)


def test_json_and_text_are_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes('["größer"]'.encode())
    assert read_text(file, 100) == '["größer"]'
    assert read_json(file, 100) == ["größer"]
    file.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="decode"):
        read_text(file, 100)


def test_a_private_file_takes_the_place_of_the_old_one_and_leaves_nothing_else(
    tmp_path: Path,
) -> None:
    file = tmp_path / "x"
    for content in (b"old and long", b"new"):
        write_private(file, content)
        assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes and links are of POSIX")
def test_neither_an_open_file_nor_a_link_in_its_place_gets_a_private_content(
    tmp_path: Path,
) -> None:
    file, elsewhere = tmp_path / "x", tmp_path / "elsewhere"
    file.symlink_to(elsewhere)
    write_private(file, b"secret")
    assert not file.is_symlink()
    assert not elsewhere.exists()
    file.chmod(0o666)
    write_private(file, b"secret")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("has_links", [True, False])
def test_a_new_private_file_is_never_put_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    def no_links(*_: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    if not has_links:
        monkeypatch.setattr(os, "link", no_links)
    write_private(tmp_path / "x", b"first", new=True)
    with pytest.raises(ConfigError, match="FILE_EXISTS"):
        write_private(tmp_path / "x", b"second", new=True)
    assert (tmp_path / "x").read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_private_file_that_cannot_be_finished_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    write_private(tmp_path / "x", b"old")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(ConfigError, match="FILE_UNWRITABLE") as caught:
        write_private(tmp_path / "x", b"new")
    assert caught.value.params["reason"] == "no space left"
    monkeypatch.undo()
    assert (tmp_path / "x").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_file_and_folder_are_on_the_disk_before_a_private_file_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    write_private(tmp_path / "x", b"1")
    assert synced == ([False, True] if os.name == "posix" else [False])
