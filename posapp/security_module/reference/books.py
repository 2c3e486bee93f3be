"""Questions to the module's store and entries in it, inside one transaction.

`engine.py` asks one `Books` per transaction; what the module may do is decided there and in
`limits.py`, `authority.py` and `audit.py`, never here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from posapp.security_module.reference.schema import (
    audit,
    issued_tids,
    issues,
    limits,
    module,
    tills,
)


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

    @property
    def unacknowledged(self) -> int:
        """Tokens that head office has not seen in the audit."""
        return self.tokens_made - self.tokens_acknowledged


class Books:
    """Questions and entries inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def answer(self, request_id: bytes) -> StoredAnswer | None:
        """What this request was answered, if it was executed; kept for ever."""
        row = self._connection.execute(
            select(issues.c.audit_no, issues.c.till, issues.c.digest, issues.c.tokens).where(
                issues.c.request_id == request_id
            )
        ).first()
        if row is None:
            return None
        return StoredAnswer(row.audit_no, row.till, row.digest, tuple(row.tokens.split()))

    def last_sequence(self, till: bytes) -> int:
        """The highest number this till has used up; 0 before the first."""
        row = self._connection.execute(
            select(tills.c.last_sequence).where(tills.c.till == till)
        ).first()
        return 0 if row is None else int(row.last_sequence)

    def issue_count(self) -> int:
        """The number of the last entry; entries are numbered from 1 without gaps."""
        return self._connection.execute(select(func.max(issues.c.audit_no))).scalar_one() or 0

    def high_water(self, meter: str, base_date: int) -> int | None:
        """The highest ordinary TID given to a meter under a base date."""
        t = issued_tids.c
        row = self._connection.execute(
            select(t.tid)
            .where(t.meter == meter, t.base_date == base_date, t.reserved.is_(False))
            .order_by(t.tid.desc())
            .limit(1)
        ).first()
        return None if row is None else int(row.tid)

    def is_given(self, meter: str, base_date: int, tid: int) -> bool:
        """Whether exactly this TID was given to a meter under a base date."""
        t = issued_tids.c
        row = self._connection.execute(
            select(t.tid).where(t.meter == meter, t.base_date == base_date, t.tid == tid)
        ).first()
        return row is not None

    def use_up(self, till: bytes, sequence: int) -> None:
        """No request of this till with this number or a lower one runs from now on."""
        row = upsert(tills).values(till=till, last_sequence=sequence)
        self._connection.execute(
            row.on_conflict_do_update(
                index_elements=[tills.c.till],
                set_={"last_sequence": func.max(tills.c.last_sequence, row.excluded.last_sequence)},
            )
        )

    def record(self, row: IssueRow) -> int:
        """Enter an executed request with all its TIDs; its audit number."""
        audit_no = self.issue_count() + 1
        self._connection.execute(
            insert(issues).values(
                audit_no=audit_no,
                request_id=row.request_id,
                till=row.till,
                sequence=row.sequence,
                digest=row.digest,
                at_ms=row.at_ms,
                meter=row.meter,
                sgc=row.sgc,
                krn=row.krn,
                tokens=" ".join(row.tokens),
            )
        )
        if row.items:
            self._connection.execute(
                insert(issued_tids),
                [{"meter": row.meter, "audit_no": audit_no, **item} for item in row.items],
            )
        return audit_no

    # ------------------------------------------------------------ limits and head office's word

    def standing(self) -> Standing:
        """The module's counters."""
        columns = (module.c[name] for name in Standing.__dataclass_fields__)
        row = self._connection.execute(select(*columns)).one()
        return Standing(*row)

    def set_standing(self, **values: object) -> None:
        """Change columns of the module's one row; the names are those of the table."""
        self._connection.execute(update(module).values(**values))

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
        a = audit.c
        row = self._connection.execute(
            select(a.number, a.hash, a.tokens).order_by(a.number.desc()).limit(1)
        ).first()
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

    def last_audit(self, kind: int) -> bytes | None:
        """The newest entry of a kind. It looks from the end: for kinds that come often."""
        a = audit.c
        query = select(a.entry).where(a.kind == kind).order_by(a.number.desc()).limit(1)
        return self._connection.execute(query).scalar()

    def append_audit(
        self, number: int, kind: int, tokens: int, hash32: bytes, entry: bytes
    ) -> None:
        """Add the next entry."""
        self._connection.execute(
            insert(audit).values(number=number, kind=kind, tokens=tokens, hash=hash32, entry=entry)
        )
