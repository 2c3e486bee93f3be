"""Head office's tables, in SQL that SQLite and PostgreSQL both have.

Keys of large tables start with the till; no sequences, triggers or advisory locks. The files
that make them are in migrations/versions; a test keeps the two together.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text

metadata = MetaData()

ACTIVE, SUSPENDED = "active", "suspended"  # a till's status
GONE = b""  # body of who left or was erased; the row keeps the number from being used again

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

till = Table(
    "till",
    metadata,
    Column("till_id", LargeBinary, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("vendor", Text, nullable=False),
    Column("vendor_address", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("public_key", LargeBinary),
    Column("software", Text, nullable=False, default=""),
    Column("last_seen_ms", BigInteger),
    Column("authorised_minor", BigInteger, nullable=False),
    Column("max_sale_minor", BigInteger, nullable=False),
    Column("min_sale_minor", BigInteger, nullable=False),
    Column("lease_days", BigInteger, nullable=False),
    Column("lease_number", BigInteger, nullable=False, default=0),
    Column("lease_until_ms", BigInteger, nullable=False, default=0),
)

enrol_code = Table(
    "enrol_code",
    metadata,
    Column("name", Text, primary_key=True),
    Column("till_id", LargeBinary, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("misses", BigInteger, nullable=False, default=0),
    Column("used_by", LargeBinary),
)

till_branch = Table(
    "till_branch",
    metadata,
    Column("till_id", LargeBinary, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("genesis", LargeBinary, nullable=False),
    Column("projected_seq", BigInteger, nullable=False, default=0),
)

journal = Table(
    "journal",
    metadata,
    Column("till_id", LargeBinary, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("kind", BigInteger, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
)

batch = Table(
    "batch",
    metadata,
    Column("till_id", LargeBinary, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("to_seq", BigInteger, primary_key=True),
    Column("from_seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
)

# What could not be taken as it came: another history, an entry that cannot be projected.
incident = Table(
    "incident",
    metadata,
    Column("till_id", LargeBinary, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("base_seq", BigInteger, nullable=False),
    Column("code", Text, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("till_id", LargeBinary, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

sale = Table(
    "sale",
    metadata,
    Column("till_id", LargeBinary, primary_key=True),
    Column("sale_id", LargeBinary, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("receipt", BigInteger, nullable=False),
    Column("shift", BigInteger, nullable=False),
    Column("operator_id", BigInteger, nullable=False),
    Column("business_date", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("meter", Text, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("tariff", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("units_tenths", BigInteger, nullable=False),
    Column("module_id", Text, nullable=False),
    Column("audit_no", BigInteger, nullable=False, default=0),
    Column("reason", Text, nullable=False, default=""),
    Column("held", BigInteger, nullable=False, default=0),
    Index("sale_of_entry", "till_id", "epoch", "seq", unique=True),
    Index("sale_of_date", "business_date", "till_id"),
)

token = Table(
    "token",
    metadata,
    Column("till_id", LargeBinary, primary_key=True),
    Column("sale_id", LargeBinary, primary_key=True),
    Column("place", BigInteger, primary_key=True),
    Column("kind", BigInteger, nullable=False),
    Column("tid", BigInteger, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("value_minor", BigInteger, nullable=False),
    Column("digits", Text, nullable=False),
)

posting = Table(
    "posting",
    metadata,
    Column("till_id", LargeBinary, primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("account", BigInteger, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("business_date", BigInteger, nullable=False),
    Column("shift", BigInteger, nullable=False),
    Column("booking", BigInteger, nullable=False),
    Index("posting_of_date", "business_date", "till_id"),
)

shift = Table(
    "shift",
    metadata,
    Column("till_id", LargeBinary, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("operator_id", BigInteger, nullable=False),
    Column("opened_ms", BigInteger),
    Column("opening_minor", BigInteger),
    Column("closed_ms", BigInteger),
    Column("counted_minor", BigInteger),
    Column("expected_minor", BigInteger),
    Column("reason", Text, nullable=False, default=""),
    Column("slips_printed", BigInteger, nullable=False, default=0),
    Column("copies_printed", BigInteger, nullable=False, default=0),
)

# What people load and change; the feed is made from it.
operator = Table(
    "operator",
    metadata,
    Column("operator_id", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

customer = Table(
    "customer",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("customer_of_account", "account"),
)

meter = Table(
    "meter",
    metadata,
    Column("number", Text, primary_key=True),
    Column("customer_id", BigInteger, nullable=False),
    Column("tariff", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("meter_of_customer", "customer_id"),
)

# `reference` is `KE-D1@3`: every version stays, so that tills can switch at its own instant.
tariff = Table(
    "tariff",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("tariff_of_code", "code", "version"),
)

standing = Table(
    "standing",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

rate = Table(
    "rate",
    metadata,
    Column("currency", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# A change waits in `feed_pending` with its own transaction; the sequencer gives it its place.
feed_pending = Table(
    "feed_pending",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body", LargeBinary),
)

feed = Table(
    "feed",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("body", LargeBinary),
    Index("feed_of_key", "scope", "entity", "key", unique=True),
)

scope_head = Table(
    "scope_head",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

# A security module: whose it is, how far its authorisations (from 1) and its own book (from 1)
# are known here. `copied_ms`: since when two of it are about; it is never trusted again.
module = Table(
    "module",
    metadata,
    Column("module_id", Text, primary_key=True),
    Column("card", LargeBinary, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("till_id", LargeBinary),
    Column("authorisation", BigInteger, nullable=False, default=0),
    Column("single_growth_minor", BigInteger, nullable=False, default=0),
    Column("entry", BigInteger, nullable=False, default=0),
    Column("hash", LargeBinary, nullable=False),
    Column("copied_ms", BigInteger),
)

module_grant = Table(  # cumulative; only ever grows
    "module_grant",
    metadata,
    Column("module_id", Text, primary_key=True),
    Column("sgc", Text, primary_key=True),
    Column("krn", BigInteger, primary_key=True),
    Column("units_total", BigInteger, nullable=False),
    Column("money_units_total", BigInteger, nullable=False),
    Column("value_total_minor", BigInteger, nullable=False),
)

module_authorisation = Table(
    "module_authorisation",
    metadata,
    Column("module_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("issued_ms", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

module_entry = Table(
    "module_entry",
    metadata,
    Column("module_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("entry", LargeBinary, nullable=False),
)

module_fork = Table(  # the file that showed another entry with a number we know
    "module_fork",
    metadata,
    Column("module_id", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
)
