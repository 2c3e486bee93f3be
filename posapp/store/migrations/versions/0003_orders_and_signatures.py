"""Why an order was placed; second signatures; which meters are to get another key."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE sale ADD COLUMN kind INTEGER NOT NULL DEFAULT 0 CHECK (kind >= 0)",
    "ALTER TABLE sale ADD COLUMN batch BLOB",
    "CREATE INDEX sale_free ON sale (business_date, operator_id) WHERE kind = 2",
    "CREATE INDEX sale_by_batch ON sale (batch, place) WHERE batch IS NOT NULL",
    """
    CREATE TABLE override_signed (
      place INTEGER NOT NULL PRIMARY KEY,
      at_ms INTEGER NOT NULL,
      business_date INTEGER NOT NULL,
      operation TEXT NOT NULL,
      first_id INTEGER NOT NULL,
      second_id INTEGER NOT NULL,
      reason TEXT NOT NULL,
      note TEXT NOT NULL,
      subject BLOB
    ) STRICT
    """,
    "CREATE INDEX override_by_date ON override_signed (business_date, place)",
    """
    CREATE TABLE key_answer (
      sale_place INTEGER NOT NULL PRIMARY KEY,
      place INTEGER NOT NULL,
      took INTEGER NOT NULL CHECK (took IN (0, 1))
    ) STRICT
    """,
    """
    CREATE TABLE refund (
      place INTEGER NOT NULL PRIMARY KEY,
      sale_place INTEGER NOT NULL,
      shift INTEGER NOT NULL,
      business_date INTEGER NOT NULL,
      amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
      right_meter TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX refund_by_sale ON refund (sale_place)",
    "CREATE INDEX refund_by_date ON refund (business_date, place)",
    "ALTER TABLE meter ADD COLUMN pending_sgc TEXT",
    "ALTER TABLE meter ADD COLUMN pending_krn INTEGER",
    "ALTER TABLE meter ADD COLUMN pending_ti TEXT",
    "ALTER TABLE meter ADD COLUMN pending_base_date INTEGER",
    "ALTER TABLE meter ADD COLUMN pending_ken INTEGER",
    """
    CREATE TABLE role_limit (
      role TEXT NOT NULL PRIMARY KEY,
      max_sale_minor INTEGER NOT NULL,
      free_issues_a_day INTEGER NOT NULL,
      free_tenths INTEGER NOT NULL,
      max_void_minor INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
