"""One round of the talk with head office: does what `engine` says and tells it what happened.

Runs on the sync lane; every write is one short transaction of the store, so a round may be cut
off anywhere, by a cable or a kill, and the next one goes on from there.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from posapp.clock import Clock, Randomness
from posapp.errors import HeadOfficeError, InputError, StoreError
from posapp.journal.chain import Head
from posapp.ports import Contact, LinkState, SyncStatus, SyncStore
from posapp.sync import engine
from posapp.sync.engine import (
    Acknowledge,
    ApplyRows,
    AskRows,
    Begin,
    Effect,
    Event,
    Failed,
    Finish,
    Greet,
    PushAnswered,
    PushSent,
    RowsArrived,
    SendEntries,
    Welcomed,
)
from posapp.sync.transports.http import HttpTransport
from posapp.wire import batch, envelope
from posapp.wire.lease import SignedLease
from posapp.wire.messages import Hello, Message, Pull, Push, Pushed, Refused, Rows, Welcome

RAW_TO_WIRE = 5  # an entry shrinks to a fifth at least; a first guess, measured after
PAUSE_FIRST_MS = 5_000
PAUSE_MAX_MS = 15 * 60_000
CONTACT_KEPT_EVERY = timedelta(minutes=5)

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Transport(Protocol):
    """Carries one frame there and its answer back."""

    def exchange(self, message: Message, frame: bytes) -> bytes:
        """Raises HeadOfficeError LINE_... when there is no answer."""
        ...

    def close(self) -> None:
        """Give the line up. Returns at once."""
        ...


class HttpSync:
    """`ports.SyncEngine` over HTTP; call it from one thread (the sync lane)."""

    def __init__(
        self,
        store: SyncStore,
        transport: Transport | str,
        clock: Clock,
        randomness: Randomness,
        *,
        software: str,
    ) -> None:
        """`transport` may be a URL. Raises ConfigError HEAD_OFFICE_URL."""
        self._store = store
        self._transport = HttpTransport(transport) if isinstance(transport, str) else transport
        self._clock = clock
        self._randomness = randomness
        self._software = software
        self._state = engine.State()
        self._failures = 0
        self._answered = False
        self._since: datetime | None = None
        self._contact = store.contact()
        self._status = self._remembered()

    def run_once(self) -> SyncStatus:
        """One full round. Raises nothing: a missing line, or a store that refuses, is a status."""
        try:
            return self._run_once()
        except StoreError as error:
            # The sale lane meets the same store and stops with the same code, in words.
            self._failures += 1
            self._status = replace(self._status, state=LinkState.OFFLINE, problem=error.code)
            return self._status

    def _run_once(self) -> SyncStatus:
        answered_before = self._status.last_contact
        problem = self._round()
        now = self._clock.now()
        suspended = problem in engine.SUSPENDING
        if problem and not suspended:
            self._failures += 1
            self._since = self._since or now
            state = LinkState.OFFLINE
        else:
            self._failures, self._since = 0, None
            state = LinkState.SUSPENDED if suspended else LinkState.ONLINE
        last = now if self._answered else answered_before
        if self._answered:
            self._remember(Contact(now, problem))
        self._status = SyncStatus(state, self._waiting(), self._since, last, problem)
        return self._status

    def status(self) -> SyncStatus:
        """What the last round left; `waiting` is the number of journal entries it did not send."""
        return self._status

    def pause_ms(self) -> int:
        """How long to wait before the next round: 5 s doubling to 15 min, with full jitter.

        When only a person at head office can help, 7.5 to 15 min from the first time on.
        """
        if self._status.state is LinkState.SUSPENDED:
            least = PAUSE_MAX_MS // 2
            return least + (int.from_bytes(self._randomness.bytes(4), "big") * least >> 32)
        longest = min(PAUSE_FIRST_MS << min(self._failures, 20), PAUSE_MAX_MS)
        return int.from_bytes(self._randomness.bytes(4), "big") * longest >> 32

    def close(self) -> None:
        """Give the line up."""
        self._transport.close()

    # ------------------------------------------------------------ the round

    def _round(self) -> str:
        self._answered = False
        self._state = engine.State(batch_bytes=self._state.batch_bytes)
        told = self._contact.problem == "TILL_FORKED"
        shared = None if told else self._store.acknowledged()
        waiting: deque[Event] = deque([Begin(self._store.head(), shared)])
        while waiting:
            self._state, effects = engine.step(self._state, waiting.popleft())
            for effect in effects:
                if isinstance(effect, Finish):
                    return effect.problem
                try:
                    waiting.extend(self._do(effect))
                except (HeadOfficeError, InputError) as error:
                    waiting.append(Failed(error.code))
        raise AssertionError("a round ends with Finish")

    def _do(self, effect: Effect) -> list[Event]:
        match effect:
            case Greet(head):
                return [self._greet(head)]
            case SendEntries():
                return self._push(effect)
            case Acknowledge(seq, hash_):
                if seq > self._store.acknowledged()[0]:
                    self._store.acknowledge(seq, hash_)
            case AskRows(scope, after, max_bytes):
                pull = Pull(scope, after, max_bytes)
                return [RowsArrived(self._ask(Message.PULL, pull.to_body(), self._rows))]
            case ApplyRows(scope, rows, upto):
                self._store.apply_rows(scope, rows, upto)
                for row in rows:
                    if not row.known:  # its place is passed: it does not come again
                        _log.info(
                            "row %d of %s is of newer software: %s", row.seq, scope, row.entity
                        )
        return []

    def _greet(self, head: Head) -> Event:
        hello = Hello(self._software, head.epoch, head.seq, head.hash)
        welcome = self._ask(Message.HELLO, hello.to_body(), Welcome.from_body)
        cursors = {scope: self._store.cursor(scope) for scope, _ in welcome.scopes}
        return Welcomed(welcome, self._store.hash_at(welcome.seq), cursors)

    def _push(self, effect: SendEntries) -> list[Event]:
        entries, data = self._entries(effect.base_seq, effect.max_bytes)
        head = Head(self._state_head().till_id, self._state_head().epoch, effect.base_seq,
                    effect.base_hash)  # fmt: skip
        for entry in entries:
            head = head.follow(entry)
        push = Push(head.epoch, effect.base_seq, effect.base_hash, data, head.sign(self._store))
        pushed = self._ask(Message.PUSH, push.to_body(), Pushed.from_body)
        own_hash = self._store.hash_at(pushed.seq)
        return [PushSent(head.seq), PushAnswered(pushed, own_hash)]

    def _entries(self, after: int, max_bytes: int) -> tuple[tuple[bytes, ...], bytes]:
        """As many entries as fit into `max_bytes` squeezed, at least one, and their batch."""
        raw = self._store.entries(after, batch.ENTRIES_MAX)
        assert raw, "the engine pushes only what the journal has"
        budget, count, total = max_bytes * RAW_TO_WIRE, 0, 0
        for entry in raw:
            total += len(entry)
            if count and total > budget:
                break
            count += 1
        while True:
            chosen = raw[:count]
            data = batch.encode(chosen)
            if len(data) <= max_bytes or count == 1:
                return chosen, data
            count = max(1, min(count - 1, count * max_bytes // len(data)))

    def _state_head(self) -> Head:
        assert self._state.target is not None
        return self._state.target

    def _rows(self, body: dict[int, Any]) -> Rows:
        rows = Rows.from_body(body)
        key, till_id = self._store.head_office_key(), self._state_head().till_id
        for row in rows.rows:
            if isinstance(row.value, SignedLease):
                row.value.check(key, till_id)
        return rows

    def _ask(
        self, message: Message, body: dict[int, Any], read: Callable[[dict[int, Any]], T]
    ) -> T:
        """One message and its checked answer. Raises HeadOfficeError."""
        request = envelope.Request(
            message,
            self._state_head().till_id,
            self._randomness.bytes(envelope.NONCE_BYTES),
            self._clock.now(),
            body,
        )
        frame = envelope.write_request(request, self._store.sign)
        data = self._transport.exchange(message, frame)
        try:
            reply = envelope.read_reply(data, frame, self._store.head_office_key())
        except InputError as error:
            raise HeadOfficeError("REPLY_FORGED", reason=error.code) from error
        self._answered = True
        if message is Message.HELLO:  # once a round: it is a write
            self._store.set_server_time(reply.at)
        if reply.message == Message.ERROR:
            raise HeadOfficeError(Refused.from_body(reply.body).code)
        if reply.message != message:
            raise HeadOfficeError("REPLY_FORGED", reason="message")
        return read(reply.body)

    # ------------------------------------------------------------ the status

    def _remember(self, contact: Contact) -> None:
        """Keep what happened over a restart; a write, so not at every idle round."""
        kept, at = self._contact, contact.at
        assert at is not None
        recent = kept.at is not None and kept.at <= at < kept.at + CONTACT_KEPT_EVERY
        if kept.problem != contact.problem or not recent:
            self._store.set_contact(contact)
            self._contact = contact

    def _remembered(self) -> SyncStatus:
        contact = self._contact
        if contact.at is None:
            state = LinkState.NEVER
        elif contact.problem in engine.SUSPENDING:
            state = LinkState.SUSPENDED
        else:
            state = LinkState.OFFLINE
        return SyncStatus(state, self._waiting(), None, contact.at, contact.problem)

    def _waiting(self) -> int:
        return max(0, self._store.head().seq - self._store.acknowledged()[0])
