"""Builders of a head office and of tills that talk with it, without or with a real process."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, select

from posapp.codec.signing import SigningKey
from posapp.errors import HeadOfficeError
from posapp.headoffice import admin
from posapp.headoffice.desk import Desk
from posapp.headoffice.office import Office, Utility, create, open_office
from posapp.sync.enrol import EnrolmentAnswer, enrol
from posapp.sync.http_sync import HttpSync, Transport
from posapp.wire import batch, envelope
from posapp.wire.envelope import Request
from posapp.wire.messages import Message, Push, Pushed, Refused, Rows
from tests.journals import Journal
from tests.sync_store import MemorySyncStore

STORE_KEY = bytes(range(32))
UTILITY = Utility("Town Power", "P051", "0800 1", "Africa/Nairobi", "KES", "00:00")
TERMS = admin.TillTerms(10_000_000, 1_000_000, 100)
SOFTWARE = "0.1.0"


@dataclass
class FixedClock:
    """Stands still until it is moved."""

    moment: datetime = datetime(2026, 11, 20, 8, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_ms(self) -> int:
        return int(self.moment.timestamp() * 1000)

    def pass_by(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


class SeededRandomness:
    """The same bytes every time."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._rng.randbytes(count)


def an_office(folder: Path, clock: FixedClock | None = None) -> Office:
    return create(folder, STORE_KEY, UTILITY, clock or FixedClock(), SeededRandomness(1))


def reopened(office: Office) -> Office:
    """As after the process ended at any moment."""
    folder = office.database.path.parent
    office.close()
    return open_office(folder, STORE_KEY, office.clock, office.randomness)


@dataclass
class DirectLine:
    """Straight to a desk; keeps what went over it, and breaks when told to.

    `losing_answers` counts answers to lose after the request arrived, `down` any exchange.
    """

    desk: Desk
    frames: list[tuple[Message, bytes, bytes]] = field(default_factory=list)
    losing_answers: int = 0
    down: bool = False

    def exchange(self, message: Message, frame: bytes) -> bytes:
        if self.down:
            raise HeadOfficeError("LINE_DOWN")
        answer = self.desk.answer(message, frame)
        self.frames.append((message, frame, answer))
        if self.losing_answers:
            self.losing_answers -= 1
            raise HeadOfficeError("LINE_STALLED")
        return answer

    def close(self) -> None:
        return None


@dataclass
class TestTill:
    """An enrolled till on memory with its sync."""

    __test__ = False
    journal: Journal
    store: MemorySyncStore
    sync: HttpSync
    answer: EnrolmentAnswer


def enrolled_till(
    office_or_code: Office | str,
    line: Transport | str,
    seed: int = 1,
    code: str = "0417",
    clock: FixedClock | None = None,
) -> TestTill:
    """A new till with a journal that begins; enrolled with a code made for it."""
    clock = clock or FixedClock()
    if isinstance(office_or_code, Office):
        admin.set_up_till(office_or_code, code, "", "Mama Njeri", "Market St 3", TERMS)
        one_time = admin.make_code(office_or_code, code).text
    else:
        one_time = office_or_code
    randomness = SeededRandomness(1000 + seed)
    key = SigningKey(randomness.bytes(32))
    answer = enrol(line, one_time, clock, randomness, signing_key=key, software=SOFTWARE)
    journal = Journal(random.Random(seed), answer.till_id)
    journal.key = key
    store = MemorySyncStore(journal, key, answer.head_office_key)
    sync = HttpSync(store, line, clock, randomness, software=SOFTWARE)
    return TestTill(journal, store, sync, answer)


def count(office: Office, table: Table) -> int:
    """How many rows a table of head office has."""
    with office.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def dump(office: Office, *tables: Table) -> list[object]:
    """All rows of some tables, in an order of their own."""
    with office.database.read() as connection:
        return [
            sorted(map(tuple, connection.execute(select(table)).all()), key=repr)
            for table in tables
        ]


def a_push(till: TestTill, after: int, upto: int, **changes: Any) -> Push:
    """A till's push by hand of the entries after one place up to another."""
    journal = till.journal
    push = Push(
        1,
        after,
        journal.heads[after].hash,
        batch.encode(journal.entries[after:upto]),
        journal.heads[upto].sign(till.store.key),
    )
    return replace(push, **changes)


def ask(
    line: DirectLine, till: TestTill, message: Message, body: Any, key: SigningKey | None = None
) -> Any:
    """One frame by hand and its checked answer."""
    request = Request(message, till.journal.till_id, b"nonce--8", FixedClock().now(), body)
    frame = envelope.write_request(request, (key or till.store.key).sign)
    answer = line.desk.answer(message, frame)
    reply = envelope.read_reply(answer, frame, till.store.office_key)
    if reply.message == Message.ERROR:
        return Refused.from_body(reply.body)
    reader = {Message.PUSH: Pushed.from_body, Message.PULL: Rows.from_body}[message]
    return reader(reply.body)
