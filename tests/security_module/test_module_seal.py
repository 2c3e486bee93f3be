"""What is on the disk beside the store: vouched for by the device, whole or not believed."""

from __future__ import annotations

import os
import stat

import pytest

from posapp.errors import ConfigError, ModuleError
from posapp.security_module.reference.seal import FileDevice, VouchedFile
from tests.security_module.engines import CountedRandomness

on_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX file modes")


@pytest.fixture
def device(tmp_path):
    return FileDevice.create(tmp_path / "device.secret", CountedRandomness())


@pytest.fixture
def file(tmp_path, device):
    return VouchedFile(tmp_path / "operators.sealed", device, b"test/1", 4096)


def test_a_device_answers_each_purpose_with_other_bytes_and_the_same_after_a_restart(
    tmp_path, device
):
    again = FileDevice.open(tmp_path / "device.secret")
    assert again.derive(b"one") == device.derive(b"one") != device.derive(b"two")
    assert len(device.derive(b"one")) == 32
    assert not device.bound


@on_posix
def test_the_device_file_is_its_owners_alone_and_never_overwritten(tmp_path):
    FileDevice.create(tmp_path / "device.secret", CountedRandomness())
    path = tmp_path / "device.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="SEAL_EXISTS"):
        FileDevice.create(path, CountedRandomness())
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="SEAL_EXPOSED"):
        FileDevice.open(path)
    with pytest.raises(ConfigError, match="FILE_UNWRITABLE"):
        FileDevice.create(tmp_path / "no" / "folder", CountedRandomness())


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_device_file_of_another_length_is_damaged(tmp_path, content):
    path = tmp_path / "device.secret"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ModuleError, match="SEAL_DAMAGED"):
        FileDevice.open(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path, file):
    with pytest.raises(ConfigError, match="SEAL_MISSING"):
        FileDevice.open(tmp_path / "other")
    with pytest.raises(ConfigError, match="SEAL_MISSING"):
        file.read()
    file.path.mkdir()
    with pytest.raises(ConfigError, match="FILE_UNREADABLE"):
        file.read()


def test_what_was_written_last_is_read_and_nothing_else_stays(tmp_path, file):
    for content in (b"one", b"", b"x" * 4096):
        file.write(content)
        assert file.read() == content
    assert sorted(p.name for p in tmp_path.iterdir()) == ["device.secret", "operators.sealed"]


def test_every_flipped_bit_and_every_cut_of_a_file_is_found(file):
    file.write(b"operators of a module")
    whole = file.path.read_bytes()
    damaged = [whole[:length] for length in range(len(whole))] + [whole + b"\0", bytes(9000)]
    for place in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            damaged.append(bytes(flipped))
    for content in damaged:
        file.path.write_bytes(content)
        with pytest.raises(ModuleError, match="SEAL_DAMAGED"):
            file.read()


def test_another_device_or_purpose_does_not_vouch(device, file):
    file.write(b"content")
    other = FileDevice(bytes(32))
    for stranger in (
        VouchedFile(file.path, other, b"test/1", 4096),
        VouchedFile(file.path, device, b"test/2", 4096),
    ):
        with pytest.raises(ModuleError, match="SEAL_DAMAGED"):
            stranger.read()


def test_a_write_that_fails_says_so_and_leaves_the_old_content(file, monkeypatch):
    file.write(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="FILE_UNWRITABLE"):
        file.write(b"new")
    monkeypatch.undo()
    assert file.read() == b"old"
    file.write(b"newer")
    assert file.read() == b"newer"
