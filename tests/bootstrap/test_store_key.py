"""The key of the store: made once, kept for its owner, never replaced."""

from __future__ import annotations

import os

import pytest

from posapp.bootstrap import store_key
from posapp.errors import StoreError
from tests.stores import SeededRandomness


def test_a_key_that_is_there_is_never_replaced(tmp_path):
    first = store_key.create(tmp_path, "keyfile", SeededRandomness(1))
    assert store_key.create(tmp_path, "keyfile", SeededRandomness(2)) == first
    assert store_key.load(tmp_path, "keyfile") == first


@pytest.mark.skipif(os.name != "posix", reason="file modes are Unix")
def test_the_key_file_is_for_its_owner_alone(tmp_path):
    store_key.create(tmp_path, "keyfile", SeededRandomness(1))
    assert (tmp_path / store_key.FILE_NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "zz", "00" * 31])
def test_what_is_no_key_is_said_and_not_overwritten(tmp_path, text):
    (tmp_path / store_key.FILE_NAME).write_text(text)
    for attempt in (store_key.load, lambda *a: store_key.create(*a, SeededRandomness(1))):
        with pytest.raises(StoreError) as refusal:
            attempt(tmp_path, "keyfile")
        assert refusal.value.code == "STORE_KEY_WRONG"
    assert (tmp_path / store_key.FILE_NAME).read_text() == text
