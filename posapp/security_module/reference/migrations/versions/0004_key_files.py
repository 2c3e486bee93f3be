"""Which key file was loaded last, and what only a bounded book makes necessary to remember."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (
    "keys_serial INTEGER NOT NULL DEFAULT 0",
    "keys_file BLOB",
    "keys_loading INTEGER NOT NULL DEFAULT 0",
    "keys_known BLOB",
    "people_generation INTEGER NOT NULL DEFAULT 0",
    "issues_acknowledged INTEGER NOT NULL DEFAULT 0",
)


def upgrade() -> None:
    for column in COLUMNS:
        op.execute(f"ALTER TABLE module ADD COLUMN {column}")
    op.execute("CREATE INDEX issued_tids_by_issue ON issued_tids (audit_no)")
