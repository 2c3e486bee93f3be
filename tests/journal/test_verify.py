"""Reading a journal back finds the first link that does not hold, whatever was done to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.codec.signing import SigningKey
from posapp.journal.chain import Entry, Head, genesis
from posapp.journal.verify import Verdict, verify_chain

TILL = bytes(range(16))
KEY = SigningKey(bytes(32))
COUNT = 12

Row = tuple[int, bytes, bytes]


def a_journal(count: int = COUNT) -> tuple[list[Row], Head]:
    rows, head = [], genesis(TILL, 1)
    for seq in range(1, count + 1):
        data = Entry(seq, 30, 1, 1000 + seq, {0: seq, 1: seq}).to_bytes()
        head = head.follow(data)
        rows.append((seq, data, head.hash))
    return rows, head


def check(rows: list[Row], head: Head, signature: bytes | None = None) -> Verdict:
    signed = head.sign(KEY) if signature is None else signature
    return verify_chain(genesis(TILL, 1), rows, KEY.public, head, signed)


def test_a_sound_journal_holds():
    rows, head = a_journal()
    assert check(rows, head) == Verdict(head)
    assert check([], genesis(TILL, 1)).broken_seq is None


@given(st.integers(0, COUNT - 1), st.data())
def test_any_changed_byte_is_found_at_its_entry(place: int, data: st.DataObject):
    rows, head = a_journal()
    seq, entry, digest = rows[place]
    at = data.draw(st.integers(0, len(entry) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(entry)
    changed[at] ^= 1 << bit
    rows[place] = (seq, bytes(changed), digest)
    verdict = check(rows, head)
    assert verdict.broken_seq == place + 1
    assert verdict.head.seq == place


@pytest.mark.parametrize("place", range(COUNT - 1))
def test_a_missing_entry_is_found(place: int):
    rows, head = a_journal()
    del rows[place]
    assert check(rows, head).broken_seq == place + 1


@given(st.permutations(range(COUNT)))
def test_another_order_is_found_at_the_first_that_moved(order: list[int]):
    rows, head = a_journal()
    moved = next((n for n, place in enumerate(order) if n != place), None)
    verdict = check([rows[place] for place in order], head)
    assert verdict.broken_seq == (None if moved is None else moved + 1)


@pytest.mark.parametrize("kept", range(COUNT))
def test_a_journal_cut_short_is_found(kept: int):
    rows, head = a_journal()
    verdict = check(rows[:kept], head)
    assert (verdict.broken_seq, verdict.reason) == (kept + 1, "JOURNAL_TRUNCATED")


def test_a_journal_rewritten_from_its_start_needs_the_tills_key():
    rows, _ = a_journal(5)
    _, old = a_journal(6)
    new = Head(TILL, 1, 5, rows[-1][2])
    forged = new.sign(SigningKey(bytes(31) + b"\1"))
    assert check(rows, new, forged).reason == "SIGNATURE_INVALID"
    assert check(rows, new, old.sign(KEY)).reason == "SIGNATURE_INVALID"
    assert check(rows, new).broken_seq is None


def test_a_changed_hash_is_found():
    rows, head = a_journal()
    rows[4] = (rows[4][0], rows[4][1], bytes(32))
    verdict = check(rows, head)
    assert (verdict.broken_seq, verdict.reason) == (5, "JOURNAL_HASH_BROKEN")
