"""The way down: changes wait beside the data they belong to, a sequencer gives them places.

A scope's places are dense and never reused; only the newest state of a thing keeps one, and it
moves to a later place when it changes, so that paging by place cannot miss it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from posapp.codec import cbor
from posapp.headoffice.schema import feed, feed_pending, scope_head
from posapp.wire.feed import Entity, FeedValue, body_of
from posapp.wire.messages import ROWS_MAX, Rows

PULL_BYTES_MAX = 1024 * 1024  # half of what a reply may be
SEQUENCE_ROWS = 5_000  # in one transaction of the sequencer
CHUNK = 500  # keys in one statement


@dataclass(frozen=True, slots=True)
class Change:
    """A thing's new state; no value: it is gone."""

    scope: str
    entity: Entity
    key: str
    value: FeedValue | None


def publish(connection: Connection, changes: Iterable[Change]) -> None:
    """Note changes in the caller's own transaction; each thing at most once in it."""
    rows = [
        {
            "scope": change.scope,
            "entity": change.entity.value,
            "key": change.key,
            "body": None if change.value is None else cbor.encode(body_of(change.value)),
        }
        for change in changes
    ]
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        for scope, entity in {(row["scope"], row["entity"]) for row in some}:
            keys = [r["key"] for r in some if (r["scope"], r["entity"]) == (scope, entity)]
            connection.execute(
                delete(feed_pending).where(
                    feed_pending.c.scope == scope,
                    feed_pending.c.entity == entity,
                    feed_pending.c.key.in_(keys),
                )
            )
        connection.execute(insert(feed_pending), some)


def sequence(connection: Connection) -> bool:
    """Give places to what waits, in one transaction; whether more is left.

    The row of the scope is locked while it counts, so that two sequencers cannot count the same.
    """
    waiting = connection.execute(
        select(feed_pending)
        .order_by(feed_pending.c.scope, feed_pending.c.entity, feed_pending.c.key)
        .limit(SEQUENCE_ROWS)
    ).all()
    by_scope: dict[str, list[Any]] = {}
    for row in waiting:
        by_scope.setdefault(row.scope, []).append(row)
    for scope, rows in by_scope.items():
        last = _locked_head(connection, scope)
        for start in range(0, len(rows), CHUNK):
            _place(connection, scope, rows[start : start + CHUNK], last + start)
        connection.execute(
            update(scope_head).where(scope_head.c.scope == scope).values(seq=last + len(rows))
        )
    return len(waiting) == SEQUENCE_ROWS


def _locked_head(connection: Connection, scope: str) -> int:
    found = connection.execute(
        select(scope_head.c.seq).where(scope_head.c.scope == scope).with_for_update()
    ).first()
    if found is None:
        connection.execute(insert(scope_head).values(scope=scope, seq=0))
        return 0
    return int(found.seq)


def _place(connection: Connection, scope: str, rows: Sequence[Any], last: int) -> None:
    for entity in {row.entity for row in rows}:
        keys = [row.key for row in rows if row.entity == entity]
        for table in (feed, feed_pending):
            connection.execute(
                delete(table).where(
                    table.c.scope == scope, table.c.entity == entity, table.c.key.in_(keys)
                )
            )
    connection.execute(
        insert(feed),
        [
            {
                "scope": scope,
                "seq": last + place,
                "entity": row.entity,
                "key": row.key,
                "body": row.body,
            }
            for place, row in enumerate(rows, 1)
        ],
    )


def heads(connection: Connection, scopes: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """How far each scope goes, in the order asked; 0 for one without rows."""
    known = {
        row.scope: row.seq
        for row in connection.execute(select(scope_head).where(scope_head.c.scope.in_(scopes)))
    }
    return tuple((scope, known.get(scope, 0)) for scope in scopes)


def rows_after(connection: Connection, scope: str, after: int, max_bytes: int) -> dict[int, Any]:
    """The body of `Rows` after a place: at least one row when there is one, about `max_bytes`."""
    head = heads(connection, [scope])[0][1]
    limit = min(max_bytes, PULL_BYTES_MAX)
    items: list[list[Any]] = []
    size, upto = 0, head
    query = (
        select(feed)
        .where(feed.c.scope == scope, feed.c.seq > after, feed.c.seq <= head)
        .order_by(feed.c.seq)
        .limit(ROWS_MAX)
    )
    with connection.execute(query) as result:
        for row in result:
            if items and (size >= limit or len(items) == ROWS_MAX - 1):
                upto = items[-1][0]
                break
            body = None if row.body is None else cbor.decode(row.body)
            items.append([row.seq, row.entity, row.key, body])
            size += len(row.body or b"") + len(row.key) + 16
    return Rows.body(scope, upto, head, items)


def newest(connection: Connection, scope: str, entity: Entity, key: str) -> bytes | None:
    """The body of one thing as it is now, with a place or still without; None: there is none."""
    for table in (feed_pending, feed):
        query = select(table.c.body).where(
            table.c.scope == scope, table.c.entity == entity, table.c.key == key
        )
        row = connection.execute(query).first()
        if row is not None:
            return None if row.body is None else bytes(row.body)
    return None


def pending(connection: Connection) -> int:
    """How many changes wait for a place."""
    return int(connection.execute(select(func.count()).select_from(feed_pending)).scalar_one())
