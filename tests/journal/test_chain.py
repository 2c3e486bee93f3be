"""Entries and their chain: one value, one string of bytes, one hash."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.codec import cbor
from posapp.codec.signing import SigningKey
from posapp.errors import InputError
from posapp.journal.chain import ENTRY_BYTES_MAX, Entry, Head, genesis

TILL = bytes(range(16))
KEY = SigningKey(bytes(32))

bodies = st.dictionaries(
    st.integers(0, 40),
    st.one_of(
        st.integers(-(2**63), 2**63), st.binary(max_size=40), st.text(max_size=40), st.booleans()
    ),
    max_size=8,
)


@given(st.integers(0, 2**40), st.integers(0, 99), st.integers(0, 9), st.integers(0, 2**47), bodies)
def test_an_entry_reads_back_as_it_was(seq: int, kind: int, version: int, at_ms: int, body: dict):
    entry = Entry(seq, kind, version, at_ms, body)
    assert Entry.from_bytes(entry.to_bytes()) == entry


def test_the_chain_is_what_the_page_says():
    first = genesis(TILL, 1)
    assert first.hash == hashlib.sha256(b"posapp/j1" + TILL + b"\0\0\0\1" + bytes(32)).digest()
    data = Entry(1, 1, 1, 5, {}).to_bytes()
    second = first.follow(data)
    digest = hashlib.sha256(b"posapp/j1" + first.hash + b"\0\0\0\1" + data).digest()
    assert second == Head(TILL, 1, 1, digest)


def test_epochs_and_tills_and_parents_start_different_chains():
    heads = {
        genesis(TILL, 1).hash,
        genesis(TILL, 2).hash,
        genesis(bytes(16), 1).hash,
        genesis(TILL, 1, b"\1" * 32).hash,
    }
    assert len(heads) == 4


def test_a_head_of_the_same_hash_elsewhere_has_another_signature():
    head = genesis(TILL, 1)
    signature = head.sign(KEY)
    head.check(KEY.public, signature)
    for other in (
        Head(TILL, 2, 0, head.hash),
        Head(TILL, 1, 1, head.hash),
        Head(bytes(16), 1, 0, head.hash),
    ):
        with pytest.raises(InputError):
            other.check(KEY.public, signature)


def test_the_code_for_paper_is_twelve_hex_digits():
    head = genesis(TILL, 1)
    assert head.code.replace(" ", "") == head.hash.hex().upper()[:12]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [1, 2, 3, 4],
        [1, 2, 3, -4, {}],
        [1, 2, 3, 4, []],
        [1, 2, 3, 4, {"a": 1}],
        [True, 2, 3, 4, {}],
        ["1", 2, 3, 4, {}],
    ],
)
def test_bytes_that_are_no_entry_are_refused(value: object):
    with pytest.raises(InputError) as caught:
        Entry.from_bytes(cbor.encode(value))
    assert caught.value.code == "JOURNAL_ENTRY_INVALID"


def test_the_same_value_written_another_way_is_refused():
    with pytest.raises(InputError):
        Entry.from_bytes(bytes.fromhex("851800010105a0"))  # 0 written in two bytes


def test_an_entry_has_a_limit():
    with pytest.raises(InputError) as caught:
        Entry(1, 1, 1, 1, {0: bytes(ENTRY_BYTES_MAX)}).to_bytes()
    assert caught.value.code == "JOURNAL_ENTRY_TOO_LARGE"
    with pytest.raises(InputError):
        Entry.from_bytes(bytes(ENTRY_BYTES_MAX + 1))
