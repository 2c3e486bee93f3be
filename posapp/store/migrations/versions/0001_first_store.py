"""The first store: journal, projections of it, replicated rows, print jobs."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE meta (
  key TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE till (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  till_id BLOB NOT NULL CHECK (length(till_id) = 16),
  epoch INTEGER NOT NULL CHECK (epoch >= 1),
  parent_hash BLOB NOT NULL CHECK (length(parent_hash) = 32),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  signature BLOB NOT NULL CHECK (length(signature) = 64),
  receipt INTEGER NOT NULL CHECK (receipt >= 0),
  vended_minor INTEGER NOT NULL CHECK (vended_minor >= 0),
  floor_ms INTEGER NOT NULL,
  acked_seq INTEGER NOT NULL CHECK (acked_seq BETWEEN 0 AND seq),
  acked_hash BLOB NOT NULL CHECK (length(acked_hash) = 32)
) STRICT;

CREATE TABLE journal (
  place INTEGER NOT NULL PRIMARY KEY,
  entry BLOB NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TABLE module_sequence (
  module_id TEXT NOT NULL PRIMARY KEY,
  last INTEGER NOT NULL CHECK (last >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE sale (
  place INTEGER NOT NULL PRIMARY KEY,
  sale_id BLOB NOT NULL CHECK (length(sale_id) = 16),
  receipt INTEGER NOT NULL CHECK (receipt >= 1),
  shift INTEGER NOT NULL,
  operator_id INTEGER NOT NULL,
  business_date INTEGER NOT NULL,
  month INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  meter TEXT NOT NULL,
  customer_id INTEGER NOT NULL,
  tariff TEXT NOT NULL,
  currency TEXT NOT NULL,
  amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
  units_tenths INTEGER NOT NULL CHECK (units_tenths >= 0),
  fee INTEGER NOT NULL CHECK (fee IN (0, 1)),
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
  step INTEGER NOT NULL DEFAULT 0 CHECK (step BETWEEN 0 AND 2),
  items_place INTEGER,
  ended_place INTEGER,
  audit_no INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX sale_by_id ON sale (sale_id);
CREATE UNIQUE INDEX sale_by_receipt ON sale (receipt);
CREATE INDEX sale_by_meter ON sale (meter, month, place);
CREATE INDEX sale_by_date ON sale (business_date, place);
CREATE INDEX sale_by_shift ON sale (shift, place);
CREATE INDEX sale_open ON sale (place) WHERE state IN (0, 4);

CREATE TABLE sale_line (
  place INTEGER NOT NULL,
  n INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  code TEXT NOT NULL,
  amount_minor INTEGER NOT NULL,
  units_tenths INTEGER NOT NULL,
  rate TEXT NOT NULL,
  PRIMARY KEY (place, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
  place INTEGER NOT NULL,
  n INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  subclass INTEGER NOT NULL,
  tid INTEGER NOT NULL,
  units INTEGER NOT NULL,
  value_minor INTEGER NOT NULL,
  digits TEXT NOT NULL CHECK (length(digits) = 20),
  PRIMARY KEY (place, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE posting (
  place INTEGER NOT NULL,
  account INTEGER NOT NULL,
  amount_minor INTEGER NOT NULL CHECK (amount_minor <> 0),
  PRIMARY KEY (place, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE tid (
  meter TEXT NOT NULL,
  base_date INTEGER NOT NULL,
  tid INTEGER NOT NULL,
  reserved INTEGER NOT NULL CHECK (reserved IN (0, 1)),
  place INTEGER NOT NULL,
  PRIMARY KEY (meter, base_date, tid)
) STRICT, WITHOUT ROWID;

CREATE TABLE shift (
  number INTEGER NOT NULL PRIMARY KEY,
  operator_id INTEGER NOT NULL,
  opened_ms INTEGER NOT NULL,
  opening_minor INTEGER NOT NULL,
  closed_ms INTEGER,
  counted_minor INTEGER,
  expected_minor INTEGER,
  reason TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX shift_by_opening ON shift (opened_ms);

CREATE TABLE print_job (
  job_id INTEGER NOT NULL PRIMARY KEY,
  sale_id BLOB,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  document BLOB NOT NULL,
  copy_no INTEGER NOT NULL CHECK (copy_no >= 0),
  state TEXT NOT NULL,
  queued_ms INTEGER NOT NULL,
  held TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX print_job_by_sale ON print_job (sale_id, kind, copy_no)
  WHERE sale_id IS NOT NULL;
CREATE INDEX print_job_by_state ON print_job (state, job_id);

CREATE TABLE customer (
  customer_id INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  account TEXT NOT NULL,
  account_key TEXT NOT NULL,
  phone TEXT NOT NULL,
  phone_reversed TEXT NOT NULL,
  address TEXT NOT NULL
) STRICT;
CREATE INDEX customer_by_account ON customer (account_key) WHERE account_key <> '';
CREATE INDEX customer_by_phone ON customer (phone_reversed) WHERE phone_reversed <> '';
CREATE VIRTUAL TABLE customer_words USING fts5 (
  name, address, content = 'customer', content_rowid = 'customer_id',
  detail = column, columnsize = 0, prefix = '2 3', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE meter (
  number TEXT NOT NULL PRIMARY KEY,
  reversed TEXT NOT NULL,
  customer_id INTEGER NOT NULL,
  ea INTEGER NOT NULL,
  sgc TEXT NOT NULL,
  krn INTEGER NOT NULL,
  ti TEXT NOT NULL,
  base_date INTEGER NOT NULL,
  ken INTEGER NOT NULL,
  tct INTEGER NOT NULL,
  kt INTEGER NOT NULL,
  tariff TEXT NOT NULL,
  state TEXT NOT NULL,
  phases INTEGER NOT NULL,
  maker TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX meter_by_end ON meter (reversed);
CREATE INDEX meter_by_customer ON meter (customer_id);

CREATE TABLE tariff (
  code TEXT NOT NULL PRIMARY KEY,
  pack TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE operator (
  operator_id INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  pin_verifier TEXT NOT NULL,
  misses INTEGER NOT NULL DEFAULT 0 CHECK (misses >= 0)
) STRICT;

CREATE TABLE lease (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  number INTEGER NOT NULL,
  document BLOB NOT NULL,
  signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT;

CREATE TABLE scope (
  scope_id INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  seq INTEGER NOT NULL CHECK (seq >= 0)
) STRICT;

CREATE TABLE scope_row (
  scope_id INTEGER NOT NULL,
  entity TEXT NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (scope_id, entity, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX scope_row_by_key ON scope_row (entity, key)
"""

# Semicolons inside a trigger: these cannot be split like the tables.
TRIGGERS = (
    "CREATE TRIGGER journal_keeps BEFORE UPDATE ON journal BEGIN "
    "SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "CREATE TRIGGER journal_stays BEFORE DELETE ON journal BEGIN "
    "SELECT RAISE(ABORT, 'the journal is append-only'); END",
)


def upgrade() -> None:
    """Make every table; one transaction around it is the runner's."""
    connection = op.get_bind()
    for statement in (*TABLES.split(";"), *TRIGGERS):
        connection.exec_driver_sql(statement)
