"""Tariffs by version; how meters' accounts stand; exchange rates."""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
ALTER TABLE tariff RENAME TO tariff_0002;

CREATE TABLE tariff (
  reference TEXT NOT NULL,
  code TEXT NOT NULL,
  version BIGINT NOT NULL,
  body BYTES NOT NULL,
  PRIMARY KEY (reference)
);

INSERT INTO tariff (reference, code, version, body)
  SELECT code || '@' || version, code, version, body FROM tariff_0002;

DROP TABLE tariff_0002;

CREATE INDEX tariff_of_code ON tariff (code, version);

CREATE TABLE standing (
  meter TEXT NOT NULL,
  body BYTES NOT NULL,
  PRIMARY KEY (meter)
);

CREATE TABLE rate (
  currency TEXT NOT NULL,
  body BYTES NOT NULL,
  PRIMARY KEY (currency)
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
        strict = dialect == "sqlite" and "CREATE TABLE" in statement
        op.execute(statement + (" STRICT" if strict else ""))
