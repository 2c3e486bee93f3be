"""Which STA tables the module began with: others would make tokens that no meter takes."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE module ADD COLUMN sta_tables BLOB")
