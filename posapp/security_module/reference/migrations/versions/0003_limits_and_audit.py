"""What head office allows, what of it is used, and the chain of everything that happened."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = (
    "audit_secret BLOB",
    "seal_secret BLOB",
    "trust BLOB",
    "authorisation BLOB",
    "last_word_ms INTEGER NOT NULL DEFAULT 0",
    "floor_entry INTEGER NOT NULL DEFAULT 0",
    "single_growth_minor INTEGER NOT NULL DEFAULT 0",
    "tokens_made INTEGER NOT NULL DEFAULT 0",
    "tokens_acknowledged INTEGER NOT NULL DEFAULT 0",
    "acknowledged_no INTEGER NOT NULL DEFAULT 0",
)
TABLES = (
    """
    CREATE TABLE limits (
        sgc TEXT NOT NULL,
        krn INTEGER NOT NULL,
        units_granted INTEGER NOT NULL,
        units_used INTEGER NOT NULL CHECK (units_used <= units_granted),
        money_granted INTEGER NOT NULL,
        money_used INTEGER NOT NULL CHECK (money_used <= money_granted),
        value_granted_minor INTEGER NOT NULL,
        value_used_minor INTEGER NOT NULL CHECK (value_used_minor <= value_granted_minor),
        PRIMARY KEY (sgc, krn)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE audit (
        number INTEGER NOT NULL PRIMARY KEY,
        kind INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        hash BLOB NOT NULL,
        entry BLOB NOT NULL
    ) STRICT
    """,
)


def upgrade() -> None:
    for column in COLUMNS:
        op.execute(f"ALTER TABLE module ADD COLUMN {column}")
    for table in TABLES:
        op.execute(table)
