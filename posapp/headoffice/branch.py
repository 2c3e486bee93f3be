"""Judges where a till stands and what it pushes, without tables, clock or network.

A fact is never refused for what it says. What is refused is another history: it is reported as
a fork and kept as evidence by whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from posapp.errors import InputError
from posapp.journal.chain import Entry, Head
from posapp.wire.fields import INT_MAX
from posapp.wire.messages import Hello, Verdict


class Branch(Protocol):
    """One epoch of one till's journal, as head office has it."""

    @property
    def head(self) -> Head:
        """Where it ends."""
        ...

    def hash_at(self, seq: int) -> bytes | None:
        """The hash of the entry at `seq` (0: of the empty journal); None beyond the end."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to answer, and what to append: entries with the heads they lead to."""

    verdict: Verdict
    head: Head
    new: tuple[tuple[Entry, bytes, Head], ...] = ()
    reason: str = ""


def greet(branch: Branch | None, hello: Hello) -> str:
    """Why this till must not push; empty when it may. Nothing is recorded for it.

    A greeting may be an old one that was delayed or captured, so it accuses nobody.
    """
    if branch is None:
        return "EPOCH_UNKNOWN"
    ours = branch.hash_at(hello.seq)
    if ours is None:
        return ""  # it has more than we do: the push will show whether it continues us
    if ours != hello.hash:
        return "TILL_FORKED"
    return "" if hello.seq == branch.head.seq else "TILL_ROLLED_BACK"


def judge(
    branch: Branch,
    base_seq: int,
    base_hash: bytes,
    entries: Sequence[bytes],
    is_signed: Callable[[Head], bool],
) -> Judgement:
    """Whether `entries` continue the branch after (base_seq, base_hash).

    `is_signed` says whether the till signed the head that the entries lead to. Entries that are
    here already are compared by hash and skipped, so that any push may come any number of times.
    """
    ours = branch.head
    if base_seq > ours.seq:
        return Judgement(Verdict.GAP, ours)
    if branch.hash_at(base_seq) != base_hash:
        return Judgement(Verdict.FORK, ours, reason="base")
    head = Head(ours.till_id, ours.epoch, base_seq, base_hash)
    walked: list[tuple[Entry, bytes, Head]] = []
    for data in entries:
        try:
            entry = Entry.from_bytes(data)
        except InputError:
            return Judgement(Verdict.INVALID, ours, reason="entry")
        if max(entry.kind, entry.version, entry.at_ms) > INT_MAX:  # no column could hold it
            return Judgement(Verdict.INVALID, ours, reason="entry")
        if entry.seq != head.seq + 1:
            return Judgement(Verdict.INVALID, ours, reason="order")
        head = head.follow(data)
        walked.append((entry, data, head))
    if not is_signed(head):
        return Judgement(Verdict.INVALID, ours, reason="signature")
    # The hash at the last common position stands for every byte before it.
    common = min(head.seq, ours.seq) - base_seq
    if common and walked[common - 1][2].hash != branch.hash_at(base_seq + common):
        return Judgement(Verdict.FORK, ours, reason="overlap")
    new = tuple(walked[common:])
    return Judgement(Verdict.ACK, head if new else ours, new)
