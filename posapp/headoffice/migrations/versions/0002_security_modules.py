"""Security modules: their cards, what each was allowed so far, and their own books."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE module (
  module_id TEXT NOT NULL,
  card BYTES NOT NULL,
  added_ms BIGINT NOT NULL,
  till_id BYTES,
  authorisation BIGINT NOT NULL,
  single_growth_minor BIGINT NOT NULL,
  entry BIGINT NOT NULL,
  hash BYTES NOT NULL,
  copied_ms BIGINT,
  PRIMARY KEY (module_id)
);

CREATE TABLE module_grant (
  module_id TEXT NOT NULL,
  sgc TEXT NOT NULL,
  krn BIGINT NOT NULL,
  units_total BIGINT NOT NULL,
  money_units_total BIGINT NOT NULL,
  value_total_minor BIGINT NOT NULL,
  PRIMARY KEY (module_id, sgc, krn)
);

CREATE TABLE module_authorisation (
  module_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  issued_ms BIGINT NOT NULL,
  data BYTES NOT NULL,
  PRIMARY KEY (module_id, number)
);

CREATE TABLE module_entry (
  module_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  hash BYTES NOT NULL,
  entry BYTES NOT NULL,
  PRIMARY KEY (module_id, number)
);

CREATE TABLE module_fork (
  module_id TEXT NOT NULL,
  digest BYTES NOT NULL,
  number BIGINT NOT NULL,
  evidence BYTES NOT NULL,
  received_ms BIGINT NOT NULL,
  PRIMARY KEY (module_id, digest)
)
"""

TYPES = {
    "sqlite": {"BYTES": "BLOB", "BIGINT": "INTEGER"},
    "postgresql": {"BYTES": "BYTEA"},
}


def upgrade() -> None:
    """All of it in the transaction of whoever migrates."""
    dialect = op.get_bind().dialect.name
    for statement in TABLES.strip().split(";\n"):
        for name, own in TYPES[dialect].items():
            statement = statement.replace(name, own)
        op.execute(statement + (" STRICT" if dialect == "sqlite" else ""))
