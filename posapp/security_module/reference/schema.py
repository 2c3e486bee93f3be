"""The module's tables. What is added later comes as a migration beside the first one.

`issues` is the module's own book: one row a request it executed, numbered without gaps.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
)

metadata = MetaData()

module = Table(  # one row
    "module",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("module_id", String, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("clock_floor_ms", Integer, nullable=False),
    Column("audit_secret", LargeBinary),  # Ed25519, 32 bytes: signs the head of `audit`
    Column("seal_secret", LargeBinary),  # X25519, 32 bytes: opens key files for this module
    Column("trust", LargeBinary),  # the text of `wire.introductions.Trust`; NULL: a laboratory's
    Column("authorisation", LargeBinary),  # the newest, as it was signed
    Column("last_word_ms", Integer, nullable=False, server_default="0"),
    Column("floor_entry", Integer, nullable=False, server_default="0"),
    Column("single_growth_minor", Integer, nullable=False, server_default="0"),
    Column("tokens_made", Integer, nullable=False, server_default="0"),
    Column("tokens_acknowledged", Integer, nullable=False, server_default="0"),
    Column("acknowledged_no", Integer, nullable=False, server_default="0"),
    Column("keys_serial", Integer, nullable=False, server_default="0"),
    Column("keys_file", LargeBinary),  # SHA-256 of the newest key file
    Column("keys_loading", Boolean, nullable=False, server_default="0"),  # begun, not yet done
    Column("keys_known", LargeBinary),  # SHA-256 of what the newest KEYS entry lists
    Column("people_generation", Integer, nullable=False, server_default="0"),
    Column("issues_acknowledged", Integer, nullable=False, server_default="0"),
    Column("sta_tables", LargeBinary),  # SHA-256 of the tables it began with
)

vending_keys = Table(
    "vending_keys",
    metadata,
    Column("sgc", String, nullable=False),
    Column("krn", Integer, nullable=False),
    Column("kt", Integer, nullable=False),
    Column("base_date", Integer, nullable=False),
    Column("ken", Integer, nullable=False),
    Column("dkga", Integer, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("test", Boolean, nullable=False),
    Column("active_from_ms", Integer),
    Column("issue_until_ms", Integer),
    Column("permitted", String),
    PrimaryKeyConstraint("sgc", "krn"),
)

tills = Table(
    "tills",
    metadata,
    Column("till", LargeBinary, primary_key=True),
    Column("last_sequence", Integer, nullable=False),
)

issues = Table(
    "issues",
    metadata,
    Column("audit_no", Integer, primary_key=True),
    Column("request_id", LargeBinary, nullable=False, unique=True),
    Column("till", LargeBinary, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("at_ms", Integer, nullable=False),
    Column("meter", String, nullable=False),
    Column("sgc", String, nullable=False),
    Column("krn", Integer, nullable=False),
    Column("tokens", String, nullable=False),
)

# The primary key is the rule that a TID is given once a meter and base date.
issued_tids = Table(
    "issued_tids",
    metadata,
    Column("meter", String, nullable=False),
    Column("base_date", Integer, nullable=False),
    Column("tid", Integer, nullable=False),
    Column("reserved", Boolean, nullable=False),
    Column("audit_no", Integer, ForeignKey("issues.audit_no"), nullable=False),
    Column("kind", Integer, nullable=False),
    Column("subclass", Integer, nullable=False),
    Column("units", Integer, nullable=False),
    Column("value_minor", Integer, nullable=False),
    PrimaryKeyConstraint("meter", "base_date", "tid"),
    sqlite_with_rowid=False,
)

# What head office granted of a key, ever, and what of it is used; both only grow.
limits = Table(
    "limits",
    metadata,
    Column("sgc", String, nullable=False),
    Column("krn", Integer, nullable=False),
    Column("units_granted", Integer, nullable=False),
    Column("units_used", Integer, nullable=False),
    Column("money_granted", Integer, nullable=False),
    Column("money_used", Integer, nullable=False),
    Column("value_granted_minor", Integer, nullable=False),
    Column("value_used_minor", Integer, nullable=False),
    PrimaryKeyConstraint("sgc", "krn"),
    sqlite_with_rowid=False,
)

# The chain of `wire.audit`; `tokens` counts all tokens made up to and with an entry.
audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("kind", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("entry", LargeBinary, nullable=False),
)
