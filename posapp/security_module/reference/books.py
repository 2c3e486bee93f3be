"""Questions to the module's store and entries in it, inside one transaction.

`engine.py` asks one `Books` per transaction; what the module may do is decided there and in
`limits.py`, `authority.py` and `audit.py`, never here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, CursorResult, delete, insert, select, text
from sqlalchemy.dialects.sqlite import insert as upsert

from posapp.security_module.reference.schema import (
    audit,
    issued_tids,
    issues,
    limits,
    module,
)
from posapp.wire.audit import AuditEntry, AuditKind

# What every sale asks and enters is said to the driver as it stands: putting a statement together
# anew each time took a third of the time that a sale takes here.
_ANSWER = "SELECT audit_no, till, digest, tokens FROM issues WHERE request_id = ?"
_LAST_SEQUENCE = "SELECT last_sequence FROM tills WHERE till = ?"
_COUNT = "SELECT max(audit_no) FROM issues"
_HIGH_WATER = (
    "SELECT tid FROM issued_tids WHERE meter = ? AND base_date = ? AND NOT reserved"
    " ORDER BY tid DESC LIMIT 1"
)
_GIVEN = "SELECT tid FROM issued_tids WHERE meter = ? AND base_date = ? AND tid = ?"
_USE_UP = (
    "INSERT INTO tills (till, last_sequence) VALUES (?, ?)"
    " ON CONFLICT (till) DO UPDATE SET last_sequence = max(last_sequence, excluded.last_sequence)"
)
_ISSUE = (
    "INSERT INTO issues"
    " (audit_no, request_id, till, sequence, digest, at_ms, meter, sgc, krn, tokens)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_AUDIT_HEAD = "SELECT number, hash, tokens FROM audit ORDER BY number DESC LIMIT 1"
_AUDIT = "INSERT INTO audit (number, kind, tokens, hash, entry) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer to a request that was executed."""

    audit_no: int
    till: bytes
    digest: bytes
    tokens: tuple[str, ...]

    def __repr__(self) -> str:
        return f"StoredAnswer({self.audit_no}, {len(self.tokens)} tokens)"


@dataclass(frozen=True, slots=True)
class IssueRow:
    """One executed request.

    `items` are rows of issued_tids without meter and audit number: only what took a TID.
    """

    request_id: bytes
    till: bytes
    sequence: int
    digest: bytes
    at_ms: int
    meter: str
    sgc: str
    krn: int
    tokens: tuple[str, ...]
    items: tuple[dict[str, Any], ...]

    def __repr__(self) -> str:
        return f"IssueRow({self.request_id.hex()}, {len(self.tokens)} tokens)"


@dataclass(frozen=True, slots=True)
class LimitRow:
    """What was granted of a key and used of it; see `posapp.wire.authorisation.Grant`."""

    sgc: str
    krn: int
    units_granted: int = 0
    units_used: int = 0
    money_granted: int = 0
    money_used: int = 0
    value_granted_minor: int = 0
    value_used_minor: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """The module's counters.

    `clock_floor_ms` has surely passed, and entry `floor_entry` of the chain says so.
    `last_word_ms` is the time of head office's newest signed word. `single_growth_minor` is
    what one signer alone has granted since two last did. `keys_file` is the digest of the key file
    with `keys_serial`, the newest; `keys_loading` says that not all of it may be there yet.
    `issues_acknowledged` is the last row of `issues` that head office has seen in the audit.
    """

    clock_floor_ms: int
    floor_entry: int
    last_word_ms: int
    single_growth_minor: int
    tokens_made: int
    tokens_acknowledged: int
    acknowledged_no: int
    keys_serial: int
    keys_file: bytes | None
    keys_loading: bool
    keys_known: bytes | None
    people_generation: int
    issues_acknowledged: int

    @property
    def unacknowledged(self) -> int:
        """Tokens that head office has not seen in the audit."""
        return self.tokens_made - self.tokens_acknowledged


_STANDING = select(*(module.c[name] for name in Standing.__dataclass_fields__))


class Books:
    """Questions and entries inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(statement, values)

    def answer(self, request_id: bytes) -> StoredAnswer | None:
        """What this request was answered, if it was executed; kept until `forget_issues`."""
        row = self._run(_ANSWER, (request_id,)).first()
        if row is None:
            return None
        return StoredAnswer(row.audit_no, row.till, row.digest, tuple(row.tokens.split()))

    def last_sequence(self, till: bytes) -> int:
        """The highest number this till has used up; 0 before the first."""
        return self._run(_LAST_SEQUENCE, (till,)).scalar() or 0

    def issue_count(self) -> int:
        """The number of the last entry; entries are numbered from 1 without gaps."""
        return self._run(_COUNT).scalar_one() or 0

    def high_water(self, meter: str, base_date: int) -> int | None:
        """The highest ordinary TID given to a meter under a base date."""
        row = self._run(_HIGH_WATER, (meter, base_date)).first()
        return None if row is None else int(row.tid)

    def is_given(self, meter: str, base_date: int, tid: int) -> bool:
        """Whether exactly this TID was given to a meter under a base date."""
        return self._run(_GIVEN, (meter, base_date, tid)).first() is not None

    def use_up(self, till: bytes, sequence: int) -> None:
        """No request of this till with this number or a lower one runs from now on."""
        self._run(_USE_UP, (till, sequence))

    def record(self, row: IssueRow) -> int:
        """Enter an executed request with all its TIDs; its audit number."""
        audit_no = self.issue_count() + 1
        names = ("request_id", "till", "sequence", "digest", "at_ms", "meter", "sgc", "krn")
        values = (getattr(row, name) for name in names)
        self._run(_ISSUE, (audit_no, *values, " ".join(row.tokens)))
        if row.items:
            self._connection.execute(
                insert(issued_tids),
                [{"meter": row.meter, "audit_no": audit_no, **item} for item in row.items],
            )
        return audit_no

    # ------------------------------------------------------------ limits and head office's word

    def standing(self) -> Standing:
        """The module's counters."""
        return Standing(*self._connection.execute(_STANDING).one())

    def set_standing(self, **values: object) -> None:
        """Change columns of the module's one row; the names are those of the table."""
        assert all(name in module.c for name in values)
        columns = ", ".join(f"{name} = ?" for name in values)
        self._run(f"UPDATE module SET {columns}", tuple(values.values()))

    def limits(self) -> tuple[LimitRow, ...]:
        """All rows, by SGC and KRN; at most as many as one authorisation has."""
        rows = self._connection.execute(select(limits).order_by(limits.c.sgc, limits.c.krn))
        return tuple(LimitRow(*row) for row in rows)

    def put_limit(self, row: LimitRow) -> None:
        """Enter a row or replace the one of its key. The table refuses more used than granted."""
        values = {name: getattr(row, name) for name in LimitRow.__dataclass_fields__}
        self._connection.execute(
            upsert(limits)
            .values(**values)
            .on_conflict_do_update(index_elements=[limits.c.sgc, limits.c.krn], set_=values)
        )

    # ------------------------------------------------------------ the chain

    def audit_head(self) -> tuple[int, bytes, int] | None:
        """Number, hash and token count of the last entry; None before the first."""
        row = self._run(_AUDIT_HEAD).first()
        return None if row is None else (row.number, row.hash, row.tokens)

    def audit_at(self, number: int) -> tuple[bytes, int] | None:
        """Hash and token count of an entry."""
        a = audit.c
        row = self._connection.execute(select(a.hash, a.tokens).where(a.number == number)).first()
        return None if row is None else (row.hash, row.tokens)

    def audit_after(self, number: int, limit: int) -> tuple[bytes, ...]:
        """The entries after a number, in order."""
        a = audit.c
        query = select(a.entry).where(a.number > number).order_by(a.number).limit(limit)
        return tuple(self._connection.execute(query).scalars())

    def last_issue(self, number: int) -> int:
        """The row of `issues` that the last entry of an order up to `number` tells of; 0: none."""
        a = audit.c
        query = (
            select(a.entry)
            .where(a.kind == int(AuditKind.ISSUE), a.number <= number)
            .order_by(a.number.desc())
        )
        # No LIMIT: a run has no row, and after some of them comes an order.
        for entry in self._connection.execute(query).scalars():
            row = AuditEntry.from_bytes(entry).body.get(3)
            if row is not None:
                return int(row)
        return 0

    def last_audit(self, kind: int) -> bytes | None:
        """The newest entry of a kind. It looks from the end: for kinds that come often."""
        a = audit.c
        query = select(a.entry).where(a.kind == kind).order_by(a.number.desc()).limit(1)
        return self._connection.execute(query).scalar()

    def append_audit(
        self, number: int, kind: int, tokens: int, hash32: bytes, entry: bytes
    ) -> None:
        """Add the next entry."""
        self._run(_AUDIT, (number, kind, tokens, hash32, entry))

    # ------------------------------------------------------------ forgetting

    def forget_audit(self, before: int, most: int) -> int:
        """Drop the oldest entries below a number, at most so many; how many it were."""
        oldest = select(audit.c.number).where(audit.c.number < before)
        oldest = oldest.order_by(audit.c.number).limit(most)
        return self._connection.execute(delete(audit).where(audit.c.number.in_(oldest))).rowcount

    def forget_issues(self, upto: int, before_ms: int, most: int) -> int:
        """Drop the oldest answers up to a row, with their TIDs, as long as they are older than a
        moment; at most so many; how many it were.
        """
        i = issues.c
        rows = self._connection.execute(
            select(i.audit_no, i.at_ms).where(i.audit_no <= upto).order_by(i.audit_no).limit(most)
        ).all()
        old = list(takewhile(lambda row: row.at_ms < before_ms, rows))
        if not old:
            return 0
        last = old[-1].audit_no
        self._connection.execute(delete(issued_tids).where(issued_tids.c.audit_no <= last))
        self._connection.execute(delete(issues).where(i.audit_no <= last))
        return len(old)

    def is_sound(self) -> bool:
        """Whether every page of the file carries its right check, and the tables hang together."""
        pages = self._connection.execute(text("PRAGMA cipher_integrity_check")).all()
        return not pages and self._connection.execute(text("PRAGMA quick_check")).scalar() == "ok"
