"""The first head office: tills and their journals, projections, what people load, the feed."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE meta (
  key TEXT NOT NULL,
  value BYTES NOT NULL,
  PRIMARY KEY (key)
);

CREATE TABLE till (
  till_id BYTES NOT NULL,
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  vendor TEXT NOT NULL,
  vendor_address TEXT NOT NULL,
  status TEXT NOT NULL,
  public_key BYTES,
  software TEXT NOT NULL,
  last_seen_ms BIGINT,
  authorised_minor BIGINT NOT NULL,
  max_sale_minor BIGINT NOT NULL,
  min_sale_minor BIGINT NOT NULL,
  lease_days BIGINT NOT NULL,
  lease_number BIGINT NOT NULL,
  lease_until_ms BIGINT NOT NULL,
  PRIMARY KEY (till_id)
);

CREATE TABLE enrol_code (
  name TEXT NOT NULL,
  till_id BYTES NOT NULL,
  secret BYTES NOT NULL,
  expires_ms BIGINT NOT NULL,
  misses BIGINT NOT NULL,
  used_by BYTES,
  PRIMARY KEY (name)
);

CREATE TABLE till_branch (
  till_id BYTES NOT NULL,
  epoch BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  hash BYTES NOT NULL,
  genesis BYTES NOT NULL,
  projected_seq BIGINT NOT NULL,
  PRIMARY KEY (till_id, epoch)
);

CREATE TABLE journal (
  till_id BYTES NOT NULL,
  epoch BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  entry BYTES NOT NULL,
  hash BYTES NOT NULL,
  received_ms BIGINT NOT NULL,
  PRIMARY KEY (till_id, epoch, seq)
);

CREATE TABLE batch (
  till_id BYTES NOT NULL,
  epoch BIGINT NOT NULL,
  to_seq BIGINT NOT NULL,
  from_seq BIGINT NOT NULL,
  hash BYTES NOT NULL,
  signature BYTES NOT NULL,
  received_ms BIGINT NOT NULL,
  PRIMARY KEY (till_id, epoch, to_seq)
);

CREATE TABLE incident (
  till_id BYTES NOT NULL,
  digest BYTES NOT NULL,
  epoch BIGINT NOT NULL,
  base_seq BIGINT NOT NULL,
  code TEXT NOT NULL,
  evidence BYTES NOT NULL,
  received_ms BIGINT NOT NULL,
  PRIMARY KEY (till_id, digest)
);

CREATE TABLE dead_letter (
  till_id BYTES NOT NULL,
  epoch BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (till_id, epoch, seq)
);

CREATE TABLE sale (
  till_id BYTES NOT NULL,
  sale_id BYTES NOT NULL,
  epoch BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  state TEXT NOT NULL,
  receipt BIGINT NOT NULL,
  shift BIGINT NOT NULL,
  operator_id BIGINT NOT NULL,
  business_date BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  meter TEXT NOT NULL,
  customer_id BIGINT NOT NULL,
  tariff TEXT NOT NULL,
  currency TEXT NOT NULL,
  amount_minor BIGINT NOT NULL,
  units_tenths BIGINT NOT NULL,
  module_id TEXT NOT NULL,
  audit_no BIGINT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (till_id, sale_id)
);

CREATE INDEX sale_of_date ON sale (business_date, till_id);

CREATE UNIQUE INDEX sale_of_entry ON sale (till_id, epoch, seq);

CREATE TABLE token (
  till_id BYTES NOT NULL,
  sale_id BYTES NOT NULL,
  place BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  tid BIGINT NOT NULL,
  units BIGINT NOT NULL,
  value_minor BIGINT NOT NULL,
  digits TEXT NOT NULL,
  PRIMARY KEY (till_id, sale_id, place)
);

CREATE TABLE posting (
  till_id BYTES NOT NULL,
  sale_id BYTES NOT NULL,
  account BIGINT NOT NULL,
  amount_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  business_date BIGINT NOT NULL,
  PRIMARY KEY (till_id, sale_id, account)
);

CREATE TABLE shift (
  till_id BYTES NOT NULL,
  number BIGINT NOT NULL,
  operator_id BIGINT NOT NULL,
  opened_ms BIGINT,
  opening_minor BIGINT,
  closed_ms BIGINT,
  counted_minor BIGINT,
  expected_minor BIGINT,
  reason TEXT NOT NULL,
  slips_printed BIGINT NOT NULL,
  copies_printed BIGINT NOT NULL,
  PRIMARY KEY (till_id, number)
);

CREATE TABLE operator (
  operator_id BIGINT NOT NULL,
  body BYTES NOT NULL,
  PRIMARY KEY (operator_id)
);

CREATE TABLE customer (
  customer_id BIGINT NOT NULL,
  account TEXT NOT NULL,
  body BYTES NOT NULL,
  PRIMARY KEY (customer_id)
);

CREATE INDEX customer_of_account ON customer (account);

CREATE TABLE meter (
  number TEXT NOT NULL,
  customer_id BIGINT NOT NULL,
  tariff TEXT NOT NULL,
  body BYTES NOT NULL,
  PRIMARY KEY (number)
);

CREATE INDEX meter_of_customer ON meter (customer_id);

CREATE TABLE tariff (
  code TEXT NOT NULL,
  version BIGINT NOT NULL,
  body BYTES NOT NULL,
  PRIMARY KEY (code)
);

CREATE TABLE feed_pending (
  scope TEXT NOT NULL,
  entity TEXT NOT NULL,
  key TEXT NOT NULL,
  body BYTES,
  PRIMARY KEY (scope, entity, key)
);

CREATE TABLE feed (
  scope TEXT NOT NULL,
  seq BIGINT NOT NULL,
  entity TEXT NOT NULL,
  key TEXT NOT NULL,
  body BYTES,
  PRIMARY KEY (scope, seq)
);

CREATE UNIQUE INDEX feed_of_key ON feed (scope, entity, key);

CREATE TABLE scope_head (
  scope TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (scope)
)
"""

# The same tables on both; SQLite then also checks the types.
TYPES = {
    "sqlite": {"BIGINT": "INTEGER", "BYTES": "BLOB"},
    "postgresql": {"BYTES": "BYTEA"},
}


def upgrade() -> None:
    """All of it in the transaction of whoever migrates."""
    dialect = op.get_bind().dialect.name
    for statement in TABLES.strip().split(";\n"):
        for name, own in TYPES[dialect].items():
            statement = statement.replace(name, own)
        strict = dialect == "sqlite" and statement.strip().startswith("CREATE TABLE")
        op.execute(statement + (" STRICT" if strict else ""))
