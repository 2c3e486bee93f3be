"""Tariffs by version; what head office knows of accounts; free units and fees of a sale."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE meter ADD COLUMN ct_ratio INTEGER NOT NULL DEFAULT 1 CHECK (ct_ratio >= 1)",
    "ALTER TABLE tariff RENAME TO tariff_0001",
    """
    CREATE TABLE tariff (
      code TEXT NOT NULL,
      version INTEGER NOT NULL CHECK (version >= 0),
      pack TEXT NOT NULL,
      PRIMARY KEY (code, version)
    ) STRICT, WITHOUT ROWID
    """,
    "INSERT INTO tariff (code, version, pack) SELECT code, 0, pack FROM tariff_0001",
    "DROP TABLE tariff_0001",
    """
    CREATE TABLE standing (
      meter TEXT NOT NULL PRIMARY KEY,
      body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE rate (
      currency TEXT NOT NULL PRIMARY KEY,
      rate TEXT NOT NULL,
      stamped INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "ALTER TABLE sale ADD COLUMN free_tenths INTEGER NOT NULL DEFAULT 0 CHECK (free_tenths >= 0)",
    """
    CREATE TABLE sale_fee (
      place INTEGER NOT NULL,
      code TEXT NOT NULL,
      through INTEGER NOT NULL,
      owed_minor INTEGER NOT NULL CHECK (owed_minor >= 0),
      PRIMARY KEY (place, code)
    ) STRICT, WITHOUT ROWID
    """,
    # Fees that were charged are settled up to their sale's day; lines of kind 3 are fees.
    """
    INSERT INTO sale_fee (place, code, through, owed_minor)
      SELECT DISTINCT l.place, l.code, s.business_date, 0
      FROM sale_line l JOIN sale s ON s.place = l.place WHERE l.kind = 3
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
