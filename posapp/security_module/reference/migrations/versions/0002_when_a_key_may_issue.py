"""When a vending key may make tokens, and which: the attributes beside KEN and base date."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("active_from_ms INTEGER", "issue_until_ms INTEGER", "permitted TEXT"):
        op.execute(f"ALTER TABLE vending_keys ADD COLUMN {column}")
