"""What tills and head office say to each other; each value checks itself when it is read.

All are positions or rows, so that every one may be lost, doubled or late without harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from posapp.errors import InputError
from posapp.wire.batch import BATCH_BYTES_MAX
from posapp.wire.feed import FeedRow
from posapp.wire.fields import Fields, bad

PROTOCOL = 1
SCOPES_MAX = 64
SCOPE_CHARACTERS_MAX = 80
ROWS_MAX = 20_000
EPOCH_MAX = (1 << 32) - 1

Body = dict[int, Any]


class Message(IntEnum):
    """Numbers in the frame; `name.lower()` is the last part of the URL."""

    ERROR = 0
    HELLO = 1
    PUSH = 2
    PULL = 3
    ENROL = 4


@dataclass(frozen=True, slots=True)
class Refused:
    """Head office understood the frame and will not serve it; `code` is a stable error code."""

    code: str

    def to_body(self) -> Body:
        return {0: self.code}

    @classmethod
    def from_body(cls, body: Body) -> Refused:
        return cls(Fields(body).text(0, 40))


@dataclass(frozen=True, slots=True)
class Hello:
    """Where the till stands: epoch, last position and its hash, and what it runs."""

    software: str
    epoch: int
    seq: int
    hash: bytes
    protocol: int = PROTOCOL

    def to_body(self) -> Body:
        return {0: self.software, 1: self.protocol, 2: self.epoch, 3: self.seq, 4: self.hash}

    @classmethod
    def from_body(cls, body: Body) -> Hello:
        f = Fields(body)
        return cls(
            f.text(0, 40), f.integer(2, high=EPOCH_MAX), f.integer(3), f.data(4, length=32),
            f.integer(1),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Welcome:
    """Where head office stands with this till, and how far each of its scopes goes.

    `problem` is empty, or why nothing may be pushed (TILL_ROLLED_BACK, TILL_FORKED,
    TILL_SUSPENDED, EPOCH_UNKNOWN).
    """

    seq: int
    hash: bytes
    scopes: tuple[tuple[str, int], ...]
    problem: str = ""

    def to_body(self) -> Body:
        return {
            0: self.seq,
            1: self.hash,
            2: [[scope, head] for scope, head in self.scopes],
            3: self.problem,
        }

    @classmethod
    def from_body(cls, body: Body) -> Welcome:
        f = Fields(body)
        scopes = []
        for item in f.items(2, SCOPES_MAX):
            if not isinstance(item, list) or len(item) != 2:
                raise bad(2)
            pair = Fields(dict(enumerate(item)))
            scopes.append((pair.text(0, SCOPE_CHARACTERS_MAX), pair.integer(1)))
        return cls(f.integer(0), f.data(1, length=32), tuple(scopes), f.text(3, 40))


@dataclass(frozen=True, slots=True)
class Push:
    """Entries after (base_seq, base_hash) of an epoch, and the signature of the new head."""

    epoch: int
    base_seq: int
    base_hash: bytes
    batch: bytes
    signature: bytes

    def to_body(self) -> Body:
        return {
            0: self.epoch,
            1: self.base_seq,
            2: self.base_hash,
            3: self.batch,
            4: self.signature,
        }

    @classmethod
    def from_body(cls, body: Body) -> Push:
        f = Fields(body)
        return cls(
            f.integer(0, high=EPOCH_MAX),
            f.integer(1),
            f.data(2, length=32),
            f.data(3, limit=BATCH_BYTES_MAX),
            f.data(4, length=64),
        )


class Verdict(IntEnum):
    """What became of a push.

    ACK: head office has everything up to (seq, hash). GAP: it lacks what comes before; (seq,
    hash) is where to start. FORK: another history stands at (seq). SUSPENDED: the till may not
    push. INVALID: these bytes are no continuation (chain, signature or form).
    """

    ACK = 0
    GAP = 1
    FORK = 2
    SUSPENDED = 3
    INVALID = 4


@dataclass(frozen=True, slots=True)
class Pushed:
    """The answer to a push."""

    verdict: Verdict
    seq: int
    hash: bytes

    def to_body(self) -> Body:
        return {0: int(self.verdict), 1: self.seq, 2: self.hash}

    @classmethod
    def from_body(cls, body: Body) -> Pushed:
        f = Fields(body)
        verdict = f.integer(0, high=max(Verdict))
        return cls(Verdict(verdict), f.integer(1), f.data(2, length=32))


@dataclass(frozen=True, slots=True)
class Pull:
    """Asks for rows of a scope after a position, about `max_bytes` of them, at least one."""

    scope: str
    after: int
    max_bytes: int

    def to_body(self) -> Body:
        return {0: self.scope, 1: self.after, 2: self.max_bytes}

    @classmethod
    def from_body(cls, body: Body) -> Pull:
        f = Fields(body)
        return cls(f.text(0, SCOPE_CHARACTERS_MAX), f.integer(1), f.integer(2, low=1))


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows with after < seq <= upto, in order; what lies between them was superseded later.

    `head` is the scope's last position: `upto` below it means there is more.
    """

    scope: str
    upto: int
    head: int
    rows: tuple[FeedRow, ...]

    def to_body(self) -> Body:
        return self.body(self.scope, self.upto, self.head, [row.to_item() for row in self.rows])

    @staticmethod
    def body(scope: str, upto: int, head: int, items: list[list[Any]]) -> Body:
        """The body of rows that lie ready as `[seq, entity, key, body or null]`."""
        return {0: scope, 1: upto, 2: head, 3: items}

    @classmethod
    def from_body(cls, body: Body) -> Rows:
        f = Fields(body)
        rows = tuple(FeedRow.from_item(item) for item in f.items(3, ROWS_MAX))
        reply = cls(f.text(0, SCOPE_CHARACTERS_MAX), f.integer(1), f.integer(2), rows)
        last = 0
        for row in rows:
            if not last < row.seq <= reply.upto:
                raise InputError("MESSAGE_INVALID", field="row order")
            last = row.seq
        if reply.upto > reply.head:
            raise InputError("MESSAGE_INVALID", field="upto")
        return reply
