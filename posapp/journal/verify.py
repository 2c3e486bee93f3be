"""Reads a journal back and finds the first link that does not hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from posapp.errors import InputError
from posapp.journal.chain import Entry, Head


@dataclass(frozen=True, slots=True)
class Verdict:
    """`broken_seq`: first position that does not hold (None: all hold); `head`: the last good."""

    head: Head
    broken_seq: int | None = None
    reason: str = ""


def verify_chain(
    start: Head,
    rows: Iterable[tuple[int, bytes, bytes]],
    public: bytes,
    stored_head: Head,
    signature: bytes,
) -> Verdict:
    """Walk rows of (seq, entry bytes, stored hash) from `start` to the signed head.

    Never raises for bad data: the verdict says where and why.
    """
    head = start
    for seq, data, stored_hash in rows:
        expected = head.seq + 1
        try:
            entry = Entry.from_bytes(data)
        except InputError as error:
            return Verdict(head, expected, error.code)
        if seq != expected or entry.seq != expected:
            return Verdict(head, expected, "JOURNAL_SEQ_GAP")
        following = head.follow(data)
        if following.hash != stored_hash:
            return Verdict(head, expected, "JOURNAL_HASH_BROKEN")
        head = following
    if stored_head != head:
        return Verdict(head, head.seq + 1, "JOURNAL_TRUNCATED")
    try:
        stored_head.check(public, signature)
    except InputError as error:
        return Verdict(head, head.seq, error.code)
    return Verdict(head)
