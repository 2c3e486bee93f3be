"""The half of the store that head office talks to: journal up, customers and authority down.

Rows are applied in small transactions, each with its own cursor, so that a sale never waits for
a feed and a power cut leaves a feed at a row's edge.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.codec import cbor
from posapp.domain.customer import Customer
from posapp.domain.meter import Meter
from posapp.domain.operator import OperatorRecord
from posapp.domain.role_limits import RoleLimits
from posapp.domain.standing import Rate, Standing
from posapp.errors import StoreError
from posapp.journal.chain import Head
from posapp.lanes import Urgency
from posapp.ports import Contact
from posapp.store import people, search
from posapp.store.leases import put_lease
from posapp.store.meta import get_meta, set_meta
from posapp.store.schema import place_of
from posapp.store.store import SqlStore
from posapp.store.till_row import TillRow
from posapp.wire.feed import Entity, FeedRow, TariffText, body_of
from posapp.wire.lease import SignedLease

STEP_S = 0.005  # of applying rows in one transaction; with its commit it stays under 20 ms
STEP_ROWS = 100
DELETE_STEP = 200

_ENDS = "SELECT acked_seq, acked_hash FROM till WHERE one = 1"
_ACKNOWLEDGE = "UPDATE till SET acked_seq = ?, acked_hash = ? WHERE one = 1 AND acked_seq < ?1"
_HASH = "SELECT hash FROM journal WHERE place = ?"
_CURSOR = "SELECT scope_id, seq FROM scope WHERE name = ?"
_NEW_SCOPE = "INSERT INTO scope (name, seq) VALUES (?, 0) RETURNING scope_id"
_SET_CURSOR = "UPDATE scope SET seq = ? WHERE scope_id = ?"
_HOLD = "INSERT INTO scope_row (scope_id, entity, key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_LET_GO = "DELETE FROM scope_row WHERE scope_id = ? AND entity = ? AND key = ?"
_HELD = "SELECT 1 FROM scope_row WHERE entity = ? AND key = ? LIMIT 1"
_SCOPE_ROWS = "SELECT entity, key FROM scope_row WHERE scope_id = ? LIMIT ?"

_ADD_WORDS = "INSERT INTO customer_words (rowid, name, address) VALUES (?, ?, ?)"
_CUSTOMER = (
    "INSERT INTO customer (customer_id, name, account, account_key, phone, phone_reversed,"
    " address) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name,"
    " account = excluded.account, account_key = excluded.account_key, phone = excluded.phone,"
    " phone_reversed = excluded.phone_reversed, address = excluded.address"
)
_METER = (
    "INSERT INTO meter (number, reversed, customer_id, ea, sgc, krn, ti, base_date, ken, tct, kt,"
    " tariff, state, phases, maker, ct_ratio, pending_sgc, pending_krn, pending_ti,"
    " pending_base_date, pending_ken)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET customer_id = excluded.customer_id, ea = excluded.ea,"
    " sgc = excluded.sgc, krn = excluded.krn, ti = excluded.ti, base_date = excluded.base_date,"
    " ken = excluded.ken, tct = excluded.tct, kt = excluded.kt, tariff = excluded.tariff,"
    " state = excluded.state, phases = excluded.phases, maker = excluded.maker,"
    " ct_ratio = excluded.ct_ratio, pending_sgc = excluded.pending_sgc,"
    " pending_krn = excluded.pending_krn, pending_ti = excluded.pending_ti,"
    " pending_base_date = excluded.pending_base_date, pending_ken = excluded.pending_ken"
)
_TARIFF = (
    "INSERT INTO tariff (code, version, pack) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET pack = excluded.pack"
)
_STANDING = (
    "INSERT INTO standing (meter, body) VALUES (?, ?)"
    " ON CONFLICT DO UPDATE SET body = excluded.body"
)
_RATE = (
    "INSERT INTO rate (currency, rate, stamped) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET rate = excluded.rate, stamped = excluded.stamped"
)
_LIMITS = (
    "INSERT INTO role_limit (role, max_sale_minor, free_issues_a_day, free_tenths, max_void_minor)"
    " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET max_sale_minor = excluded.max_sale_minor,"
    " free_issues_a_day = excluded.free_issues_a_day, free_tenths = excluded.free_tenths,"
    " max_void_minor = excluded.max_void_minor"
)
# A new PIN forgives old misses; the same PIN does not.
_OPERATOR = (
    "INSERT INTO operator (operator_id, name, role, pin_verifier) VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET name = excluded.name, role = excluded.role,"
    " misses = CASE WHEN pin_verifier = excluded.pin_verifier THEN misses ELSE 0 END,"
    " pin_verifier = excluded.pin_verifier"
)


class SqlSyncStore:
    """Implements `ports.SyncStore` on a till's store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def head(self) -> Head:
        return self._store.read(lambda reader: reader.head())

    def acknowledged(self) -> tuple[int, bytes]:
        row = self._store.look(lambda c: c.exec_driver_sql(_ENDS).first())
        if row is None:
            raise StoreError("NOT_ENROLLED")
        return int(row[0]), bytes(row[1])

    def hash_at(self, seq: int) -> bytes | None:
        return self._store.look(lambda connection: _hash_at(connection, seq))

    def entries(self, after_seq: int, limit: int) -> tuple[bytes, ...]:
        return self._store.read(lambda reader: reader.entries(after_seq, limit))

    def acknowledge(self, seq: int, hash: bytes) -> None:
        def note(connection: Connection) -> None:
            if _hash_at(connection, seq) != hash:
                raise StoreError("STORE_DAMAGED", seq=seq)
            connection.exec_driver_sql(_ACKNOWLEDGE, (seq, hash))

        self._store.transaction(note, Urgency.CHORE)

    def sign(self, purpose: bytes, message: bytes) -> bytes:
        return self._store.identity().key.sign(purpose, message)

    def head_office_key(self) -> bytes:
        return self._store.identity().head_office_key

    def cursor(self, scope: str) -> int:
        row = self._store.look(lambda c: c.exec_driver_sql(_CURSOR, (scope,)).first())
        return 0 if row is None else int(row[1])

    def apply_rows(self, scope: str, rows: Sequence[FeedRow], upto: int) -> None:
        done = 0
        while True:
            step = _Step(scope, rows, done, upto)
            done = self._store.transaction(step, Urgency.CHORE)
            if done >= len(rows):
                return

    def leave(self, scope: str) -> None:
        """Forget a scope and every row that no other scope holds, in small transactions."""
        while self._store.transaction(lambda c: _leave_some(c, scope), Urgency.CHORE):
            pass

    def scopes(self) -> tuple[str, ...]:
        """What this till follows, by name."""
        rows = self._store.look(
            lambda c: c.exec_driver_sql("SELECT name FROM scope ORDER BY name LIMIT 1000").all()
        )
        return tuple(row[0] for row in rows)

    def set_server_time(self, moment: datetime) -> None:
        self._store.write(lambda unit: unit.trust_time(moment), Urgency.CHORE)

    def contact(self) -> Contact:
        data = self._store.look(lambda connection: get_meta(connection, "contact"))
        if data is None:
            return Contact()
        at_ms, problem = cbor.decode(data)
        return Contact(None if at_ms is None else from_epoch_ms(at_ms), problem)

    def set_contact(self, contact: Contact) -> None:
        at_ms = None if contact.at is None else epoch_ms(contact.at)
        data = cbor.encode([at_ms, contact.problem])
        self._store.transaction(lambda c: set_meta(c, "contact", data), Urgency.CHORE)


class _Step:
    """Rows from one place on, for as long as a step may take; says where the next one starts."""

    def __init__(self, scope: str, rows: Sequence[FeedRow], start: int, upto: int) -> None:
        self._scope, self._rows, self._start, self._upto = scope, rows, start, upto

    def __call__(self, connection: Connection) -> int:
        scope_id, cursor = _scope(connection, self._scope)
        if self._upto < cursor:
            return len(self._rows)
        until = time.perf_counter() + STEP_S
        done = self._start
        for row in self._rows[self._start : self._start + STEP_ROWS]:
            if row.seq > cursor and row.known:
                apply_row(connection, scope_id, row)
            done += 1
            if time.perf_counter() > until:
                break
        finished = done >= len(self._rows)
        reached = self._upto if finished else self._rows[done - 1].seq
        connection.exec_driver_sql(_SET_CURSOR, (max(cursor, reached), scope_id))
        return done


def apply_row(connection: Connection, scope_id: int, row: FeedRow) -> None:
    """Make the table say what the row says, and note which scope holds it."""
    run = connection.exec_driver_sql
    if row.deleted:
        run(_LET_GO, (scope_id, row.entity, row.key))
        if run(_HELD, (row.entity, row.key)).first() is None:
            _delete(connection, row.entity, row.key)
        return
    value = row.value
    if isinstance(value, Customer):
        if people.is_erased(run, value.customer_id):
            return  # whom two people erased here does not come back by itself
        _put_customer(connection, value)
    elif isinstance(value, Meter):
        run(_METER, _meter_values(value))
    elif isinstance(value, TariffText):
        run(_TARIFF, (value.code, value.version, value.text))
    elif isinstance(value, Standing):
        run(_STANDING, (value.meter.digits, cbor.encode(body_of(value))))
    elif isinstance(value, Rate):
        run(_RATE, (value.currency, str(value.rate), value.stamped.toordinal()))
    elif isinstance(value, RoleLimits):
        run(_LIMITS, tuple(body_of(value).values()))
    elif isinstance(value, OperatorRecord):
        person = value.operator
        run(
            _OPERATOR,
            (person.operator_id, person.name, person.role.value, value.pin_verifier),
        )
    elif isinstance(value, SignedLease):
        put_lease(connection, value)
        return  # a lease is never let go with its scope: without one the till stops anyway
    run(_HOLD, (scope_id, row.entity, row.key))


def _put_customer(connection: Connection, customer: Customer) -> None:
    run = connection.exec_driver_sql
    old = run(people.OLD_WORDS, (customer.customer_id,)).first()
    run(
        _CUSTOMER,
        (
            customer.customer_id, customer.name, customer.account,
            search.account_key(customer.account), customer.phone,
            search.phone_key(customer.phone), customer.address,
        ),
    )  # fmt: skip
    words = (customer.name, customer.address)
    if old is not None:
        if tuple(old) == words:
            return
        run(people.DROP_WORDS, (customer.customer_id, *old))
    run(_ADD_WORDS, (customer.customer_id, *words))


def _meter_values(meter: Meter) -> tuple[Any, ...]:
    c, number, p = meter.configuration, meter.number.digits, meter.pending
    wanted = (None,) * 5 if p is None else (p.sgc, p.krn, p.ti, p.base_date, p.ken)
    return (
        number, search.reversed_digits(number), meter.customer_id, int(c.ea), c.sgc, c.krn, c.ti,
        c.base_date, c.ken, c.tct, int(c.kt), meter.tariff, meter.state.value, meter.phases,
        meter.maker, meter.ct_ratio, *wanted,
    )  # fmt: skip


def _delete_customer(connection: Connection, key: str) -> None:
    people.delete(connection.exec_driver_sql, int(key))


def _delete_meter(connection: Connection, key: str) -> None:
    connection.exec_driver_sql("DELETE FROM meter WHERE number = ?", (key,))


def _delete_tariff(connection: Connection, key: str) -> None:
    code, _, version = key.partition("@")
    connection.exec_driver_sql(
        "DELETE FROM tariff WHERE code = ? AND version = ?", (code, int(version or 0))
    )


def _delete_standing(connection: Connection, key: str) -> None:
    connection.exec_driver_sql("DELETE FROM standing WHERE meter = ?", (key,))


def _delete_rate(connection: Connection, key: str) -> None:
    connection.exec_driver_sql("DELETE FROM rate WHERE currency = ?", (key,))


def _delete_limits(connection: Connection, key: str) -> None:
    connection.exec_driver_sql("DELETE FROM role_limit WHERE role = ?", (key,))


def _delete_operator(connection: Connection, key: str) -> None:
    connection.exec_driver_sql("DELETE FROM operator WHERE operator_id = ?", (int(key),))


_DELETES: dict[str, Callable[[Connection, str], None]] = {
    Entity.CUSTOMER: _delete_customer,
    Entity.METER: _delete_meter,
    Entity.TARIFF: _delete_tariff,
    Entity.OPERATOR: _delete_operator,
    Entity.STANDING: _delete_standing,
    Entity.RATE: _delete_rate,
    Entity.ROLE_LIMITS: _delete_limits,
}


def _delete(connection: Connection, entity: str, key: str) -> None:
    action = _DELETES.get(entity)
    if action is not None:
        action(connection, key)


def _scope(connection: Connection, name: str) -> tuple[int, int]:
    row = connection.exec_driver_sql(_CURSOR, (name,)).first()
    if row is not None:
        return int(row[0]), int(row[1])
    made = connection.exec_driver_sql(_NEW_SCOPE, (name,)).first()
    assert made is not None
    return int(made[0]), 0


def _leave_some(connection: Connection, name: str) -> bool:
    """Whether there is more to do."""
    run = connection.exec_driver_sql
    row = run(_CURSOR, (name,)).first()
    if row is None:
        return False
    scope_id = int(row[0])
    held = run(_SCOPE_ROWS, (scope_id, DELETE_STEP)).all()
    for entity, key in held:
        run(_LET_GO, (scope_id, entity, key))
        if run(_HELD, (entity, key)).first() is None:
            _delete(connection, entity, key)
    if len(held) < DELETE_STEP:
        run("DELETE FROM scope WHERE scope_id = ?", (scope_id,))
        return False
    return True


def _hash_at(connection: Connection, seq: int) -> bytes | None:
    till = TillRow.load(connection)
    if till is None:
        raise StoreError("NOT_ENROLLED")
    if seq == 0:
        return till.genesis.hash
    row = connection.exec_driver_sql(_HASH, (place_of(till.head.epoch, seq),)).first()
    return None if row is None else bytes(row[0])
