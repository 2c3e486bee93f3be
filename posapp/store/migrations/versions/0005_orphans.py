"""What a module made and the journal of a restored store does not tell of."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE orphan (
      place INTEGER NOT NULL PRIMARY KEY,
      request_id BLOB NOT NULL CHECK (length(request_id) = 16),
      value_minor INTEGER NOT NULL,
      settled_place INTEGER,
      how INTEGER NOT NULL DEFAULT 0 CHECK (how BETWEEN 0 AND 2),
      reason TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    "CREATE UNIQUE INDEX orphan_by_request ON orphan (request_id)",
    "CREATE INDEX orphan_open ON orphan (place) WHERE how = 0",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
