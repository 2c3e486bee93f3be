"""Takes a till's entries into its branch: raw first, judged by `branch`, projected later.

What does not continue the branch is kept as evidence; nothing a till signed is thrown away.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from posapp.clock import epoch_ms
from posapp.errors import InputError
from posapp.headoffice import schema
from posapp.headoffice.branch import Judgement, judge
from posapp.headoffice.schema import till_branch
from posapp.journal.chain import Head
from posapp.wire import batch
from posapp.wire.messages import Push, Pushed, Verdict

INCIDENTS_MAX = 200  # kept of one till; a till that sends more says nothing new


class SqlBranch:
    """One epoch of one till's journal in the database. Implements `branch.Branch`."""

    def __init__(self, connection: Connection, row: Any) -> None:
        self._connection = connection
        self._genesis = bytes(row.genesis)
        self._head = Head(bytes(row.till_id), row.epoch, row.seq, bytes(row.hash))

    @property
    def head(self) -> Head:
        return self._head

    def hash_at(self, seq: int) -> bytes | None:
        if seq == 0:
            return self._genesis
        if seq > self._head.seq:
            return None
        table = schema.journal
        found = self._connection.execute(
            select(table.c.hash).where(
                table.c.till_id == self._head.till_id,
                table.c.epoch == self._head.epoch,
                table.c.seq == seq,
            )
        ).scalar_one()
        return bytes(found)


def find_branch(
    connection: Connection, till_id: bytes, epoch: int, *, lock: bool = False
) -> SqlBranch | None:
    """The branch of an epoch; with `lock` nobody else appends to it before the commit."""
    query = select(till_branch).where(
        till_branch.c.till_id == till_id, till_branch.c.epoch == epoch
    )
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else SqlBranch(connection, row)


def take(
    connection: Connection, till_id: bytes, public_key: bytes, push: Push, now: datetime
) -> Pushed:
    """Append what is new of a push, in the caller's transaction, and what to answer after it."""
    branch = find_branch(connection, till_id, push.epoch, lock=True)
    if branch is None:
        _keep(connection, till_id, push, "EPOCH_UNKNOWN", now)
        return Pushed(Verdict.INVALID, 0, bytes(32))
    try:
        entries = batch.decode(push.batch, push.base_seq)
    except InputError as error:
        _keep(connection, till_id, push, error.code, now)
        return Pushed(Verdict.INVALID, branch.head.seq, branch.head.hash)

    def is_signed(head: Head) -> bool:
        try:
            head.check(public_key, push.signature)
        except InputError:
            return False
        return True

    judgement = judge(branch, push.base_seq, push.base_hash, entries, is_signed)
    if judgement.verdict in (Verdict.FORK, Verdict.INVALID):
        _keep(connection, till_id, push, f"PUSH_{judgement.verdict.name}", now)
    if judgement.new:
        _append(connection, judgement, push.signature, now)
    return Pushed(judgement.verdict, judgement.head.seq, judgement.head.hash)


def _append(connection: Connection, judgement: Judgement, signature: bytes, now: datetime) -> None:
    head, received_ms = judgement.head, epoch_ms(now)
    place = {"till_id": head.till_id, "epoch": head.epoch}
    connection.execute(
        insert(schema.journal),
        [
            {
                **place,
                "seq": after.seq,
                "kind": entry.kind,
                "entry": data,
                "hash": after.hash,
                "received_ms": received_ms,
            }
            for entry, data, after in judgement.new
        ],
    )
    connection.execute(
        insert(schema.batch).values(
            **place,
            to_seq=head.seq,
            from_seq=judgement.new[0][2].seq,
            hash=head.hash,
            signature=signature,
            received_ms=received_ms,
        )
    )
    connection.execute(
        update(till_branch)
        .where(till_branch.c.till_id == head.till_id, till_branch.c.epoch == head.epoch)
        .values(seq=head.seq, hash=head.hash)
    )


def _keep(connection: Connection, till_id: bytes, push: Push, code: str, now: datetime) -> None:
    """Evidence of what could not be appended: once, however often it is sent."""
    table = schema.incident
    digest = hashlib.sha256(push.base_hash + push.batch).digest()
    mine = table.c.till_id == till_id
    known = connection.execute(select(table.c.code).where(mine, table.c.digest == digest)).first()
    count = connection.execute(select(func.count()).select_from(table).where(mine)).scalar_one()
    if known is not None or count >= INCIDENTS_MAX:
        return
    connection.execute(
        insert(table).values(
            till_id=till_id,
            digest=digest,
            epoch=push.epoch,
            base_seq=push.base_seq,
            code=code,
            evidence=push.base_hash + push.signature + push.batch,
            received_ms=epoch_ms(now),
        )
    )
