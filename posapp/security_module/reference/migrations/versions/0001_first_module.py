"""The module's first tables; frozen as they were released, apart from `schema.py` of today."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE module (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        module_id TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        clock_floor_ms INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE vending_keys (
        sgc TEXT NOT NULL,
        krn INTEGER NOT NULL,
        kt INTEGER NOT NULL,
        base_date INTEGER NOT NULL,
        ken INTEGER NOT NULL,
        dkga INTEGER NOT NULL,
        secret BLOB NOT NULL,
        test INTEGER NOT NULL,
        PRIMARY KEY (sgc, krn)
    ) STRICT
    """,
    """
    CREATE TABLE tills (
        till BLOB NOT NULL PRIMARY KEY,
        last_sequence INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE issues (
        audit_no INTEGER NOT NULL PRIMARY KEY,
        request_id BLOB NOT NULL UNIQUE,
        till BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        digest BLOB NOT NULL,
        at_ms INTEGER NOT NULL,
        meter TEXT NOT NULL,
        sgc TEXT NOT NULL,
        krn INTEGER NOT NULL,
        tokens TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE issued_tids (
        meter TEXT NOT NULL,
        base_date INTEGER NOT NULL,
        tid INTEGER NOT NULL,
        reserved INTEGER NOT NULL,
        audit_no INTEGER NOT NULL REFERENCES issues (audit_no),
        kind INTEGER NOT NULL,
        subclass INTEGER NOT NULL,
        units INTEGER NOT NULL,
        value_minor INTEGER NOT NULL,
        PRIMARY KEY (meter, base_date, tid)
    ) STRICT, WITHOUT ROWID
    """,
)


def upgrade() -> None:
    for table in TABLES:
        op.execute(table)
