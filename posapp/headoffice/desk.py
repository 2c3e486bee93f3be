"""Answers frames: whose is it, is it genuine, what does it ask, what stands in the answer.

Every answer is signed and bound to its request. A frame that is none of ours raises, so that
the server can say so in HTTP's own words; everything else gets a signed answer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, select, update

from posapp.clock import epoch_ms
from posapp.errors import InputError
from posapp.headoffice import apply, branch, enrolling, feed, leases, projector
from posapp.headoffice.office import Office
from posapp.headoffice.schema import ACTIVE, till, till_branch
from posapp.wire import envelope
from posapp.wire.envelope import Frame, Request
from posapp.wire.feed import GLOBAL, till_scope
from posapp.wire.messages import (
    Hello,
    Message,
    Pull,
    Push,
    Pushed,
    Refused,
    Verdict,
    Welcome,
)

SEEN_EVERY_MS = 60_000  # a till's last word is noted this often, not at every message

_log = logging.getLogger(__name__)


class Desk:
    """One head office answering; use it from one thread."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._failing: set[str] = set()  # what cannot be projected now, said once

    def catch_up(self) -> None:
        """Finish what a crash left between a commit and what follows it."""
        self._project()
        self._sequence()

    def answer(self, message: Message, data: bytes) -> bytes:
        """The signed reply to a frame that came for `message`.

        Raises InputError FRAME_INVALID or FRAME_VERSION when it is no frame for it.
        """
        frame = envelope.read_request(data)
        if frame.message != message:
            raise InputError("FRAME_INVALID", reason="message")
        try:
            if message is Message.ENROL:
                body = enrolling.enrol(self._office, frame, data)
            else:
                body = self._serve(message, frame)
            number = int(message)
        except InputError as error:
            _log.info("refused a message %s as %s", message.name, error.code)
            number, body = int(Message.ERROR), Refused(error.code).to_body()
        reply = envelope.Reply(number, self._office.clock.now(), body)
        return envelope.write_reply(reply, data, self._office.key.sign)

    def _serve(self, message: Message, frame: Frame) -> dict[int, Any]:
        with self._office.database.read() as connection:
            row = connection.execute(till.select().where(till.c.till_id == frame.till_id)).first()
        if row is None or row.public_key is None:
            raise InputError("TILL_UNKNOWN")
        request = frame.open(bytes(row.public_key))
        if message is Message.HELLO:
            return self._hello(row, request).to_body()
        if message is Message.PUSH:
            return self._push(row, request).to_body()
        if message is Message.PULL:
            return self._pull(row, request)
        raise InputError("MESSAGE_UNKNOWN")

    def _hello(self, row: Any, request: Request) -> Welcome:
        hello = Hello.from_body(request.body)
        now = self._office.clock.now()
        suspended = row.status != ACTIVE
        renew = not suspended and leases.is_due(row, now)
        stale = epoch_ms(now) - (row.last_seen_ms or 0) >= SEEN_EVERY_MS
        if renew or stale or row.software != hello.software:
            with self._office.write() as connection:
                connection.execute(
                    update(till)
                    .where(till.c.till_id == row.till_id)
                    .values(last_seen_ms=epoch_ms(now), software=hello.software)
                )
                if renew:
                    leases.renew(connection, row, self._office.key, now)
        self._sequence()
        scopes = _scopes(row)
        with self._office.database.read() as connection:
            known = apply.find_branch(connection, bytes(row.till_id), hello.epoch)
            problem = "TILL_SUSPENDED" if suspended else branch.greet(known, hello)
            heads = feed.heads(connection, scopes)
            head = _head(connection, row, known)
        return Welcome(head[0], head[1], heads, problem)

    def _push(self, row: Any, request: Request) -> Pushed:
        push = Push.from_body(request.body)
        if row.status != ACTIVE:
            return Pushed(Verdict.SUSPENDED, 0, bytes(32))
        with self._office.write() as connection:
            pushed = apply.take(
                connection,
                bytes(row.till_id),
                bytes(row.public_key),
                push,
                self._office.clock.now(),
            )
        if pushed.verdict in (Verdict.FORK, Verdict.INVALID):
            _log.warning("till %s pushed and was answered %s", row.code, pushed.verdict.name)
        self._project()
        return pushed

    def _pull(self, row: Any, request: Request) -> dict[int, Any]:
        pull = Pull.from_body(request.body)
        if row.status != ACTIVE:
            raise InputError("TILL_SUSPENDED")
        if pull.scope not in _scopes(row):
            raise InputError("SCOPE_FORBIDDEN")
        with self._office.database.read() as connection:
            return feed.rows_after(connection, pull.scope, pull.after, pull.max_bytes)

    def _project(self) -> None:
        """Book what waits, each branch in transactions of its own.

        What was received is safe before this: a failure here changes no answer and holds up no
        other branch. It is logged once and tried again with the next push.
        """
        with self._kept_apart("all branches"):
            with self._office.database.read() as connection:
                places = projector.waiting(connection)
            for place in places:
                with self._kept_apart(f"branch {place[0].hex()}/{place[1]}"):
                    self._project_branch(place)

    def _project_branch(self, place: projector.Place) -> None:
        more = True
        while more:
            with self._office.write() as connection:
                more = projector.project(connection, place)

    @contextmanager
    def _kept_apart(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            if what not in self._failing:
                self._failing.add(what)
                _log.exception("%s cannot be projected now", what)
        else:
            self._failing.discard(what)

    def _sequence(self) -> None:
        with self._office.database.read() as connection:
            more = feed.pending(connection) > 0
        while more:
            with self._office.write() as connection:
                more = feed.sequence(connection)


def _scopes(row: Any) -> tuple[str, ...]:
    """What a till subscribes to, most urgent first: its lease, then everyone's."""
    return till_scope(bytes(row.till_id)), GLOBAL


def _head(connection: Connection, row: Any, known: apply.SqlBranch | None) -> tuple[int, bytes]:
    if known is not None:
        return known.head.seq, known.head.hash
    newest = connection.execute(
        select(till_branch.c.seq, till_branch.c.hash)
        .where(till_branch.c.till_id == row.till_id)
        .order_by(till_branch.c.epoch.desc())
        .limit(1)
    ).first()
    return (0, bytes(32)) if newest is None else (newest.seq, bytes(newest.hash))
