"""The ledger: bookings and their postings, cash that moved without a sale, Z reports."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Postings had no code before: the mark has all projections made again from the journal.
STATEMENTS = (
    "DROP TABLE posting",
    """
    CREATE TABLE posting (
      place INTEGER NOT NULL,
      account INTEGER NOT NULL,
      code TEXT NOT NULL,
      amount_minor INTEGER NOT NULL CHECK (amount_minor <> 0),
      PRIMARY KEY (place, account, code)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX posting_held ON posting (place) WHERE account = 19",
    """
    CREATE TABLE booking (
      place INTEGER NOT NULL PRIMARY KEY,
      kind INTEGER NOT NULL,
      sale_place INTEGER NOT NULL,
      shift INTEGER NOT NULL,
      operator_id INTEGER NOT NULL,
      business_date INTEGER NOT NULL,
      currency TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX booking_by_date ON booking (business_date, place)",
    "CREATE INDEX booking_by_shift ON booking (shift, place)",
    "ALTER TABLE sale ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1))",
    "CREATE INDEX sale_held ON sale (ended_place) WHERE held = 1",
    """
    CREATE TABLE cash_move (
      place INTEGER NOT NULL PRIMARY KEY,
      kind INTEGER NOT NULL,
      shift INTEGER NOT NULL,
      business_date INTEGER NOT NULL,
      amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0)
    ) STRICT
    """,
    "CREATE INDEX cash_move_by_shift ON cash_move (shift, place)",
    "CREATE INDEX cash_move_by_date ON cash_move (business_date, place)",
    "ALTER TABLE shift ADD COLUMN business_date INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE shift ADD COLUMN closed_place INTEGER",
    """
    CREATE TABLE z_report (
      number INTEGER NOT NULL PRIMARY KEY,
      place INTEGER NOT NULL UNIQUE,
      shift INTEGER NOT NULL UNIQUE,
      business_date INTEGER NOT NULL,
      module_id TEXT NOT NULL,
      audit_through INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX z_report_by_date ON z_report (business_date, number)",
    "CREATE INDEX z_report_by_module ON z_report (module_id, number) WHERE audit_through > 0",
    "INSERT INTO meta (key, value) VALUES ('rebuild', x'01')",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
