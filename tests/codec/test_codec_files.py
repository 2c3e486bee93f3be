"""Files from outside are read within their limit, whatever they turn out to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from posapp.codec.files import read_bounded, read_json, read_text

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
