"""Who was erased: the bare number, so that a feed does not bring the person back."""

from alembic import op

revision = "0006"
down_revision = "0005"

TABLE = """
CREATE TABLE erased_person (
  customer_id INTEGER NOT NULL PRIMARY KEY,
  place INTEGER NOT NULL
) STRICT
"""


def upgrade() -> None:
    """One empty table."""
    op.get_bind().exec_driver_sql(TABLE)
