"""A module of an older version goes on: answers, numbers and TIDs stay, and its audit begins."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import text

from posapp.clock import epoch_ms
from posapp.codec import cbor
from posapp.db import migrations
from posapp.db.engine import open_sqlcipher
from posapp.security_module.link.messages import Answer
from posapp.security_module.reference import store as stores
from posapp.wire.audit import AuditEntry, AuditKind, genesis, verify_entries
from tests.security_module.engines import (
    MODULE_ID,
    NOON,
    NOON_TID,
    STORE_KEY,
    an_engine,
    order,
    whole_audit,
)
from tests.security_module.module_process import HMAC_SECRET, METER, TILL, a_request

TOKEN = "12345678901234567890"


def _of_version_two(folder: Path) -> None:
    """A store as that version left it: one key, one token sold."""
    old = folder / "migrations" / "versions"
    old.mkdir(parents=True)
    for path in sorted((Path(stores.__file__).parent / "migrations" / "versions").glob("*.py")):
        if path.name < "0003":
            shutil.copy(path, old)
    database = open_sqlcipher(folder / stores.FILE_NAME, STORE_KEY, create=True)
    migrations.upgrade(database, folder / "migrations", stores.VERSION_TABLE)
    values = {
        "till": TILL,
        "rid": (1).to_bytes(16, "big"),
        "digest": bytes(32),
        "secret": bytes.fromhex(HMAC_SECRET),
        "now": epoch_ms(NOON),
    }
    with database.write() as connection:
        for statement in (
            f"INSERT INTO module VALUES (1, '{MODULE_ID}', :now, :now)",
            "INSERT INTO vending_keys VALUES"
            " ('201457', 1, 2, 2014, 255, 4, :secret, 1, NULL, NULL, NULL)",
            "INSERT INTO tills VALUES (:till, 1)",
            f"INSERT INTO issues VALUES"
            f" (1, :rid, :till, 1, :digest, :now, '{METER}', '201457', 1, '{TOKEN}')",
            f"INSERT INTO issued_tids VALUES ('{METER}', 2014, {NOON_TID}, 0, 1, 0, 0, 711, 11376)",
        ):
            used = {name: v for name, v in values.items() if f":{name}" in statement}
            connection.execute(text(statement), used)
    database.close()


def test_an_older_module_keeps_what_it_knew_and_begins_its_audit(tmp_path: Path) -> None:
    _of_version_two(tmp_path)
    engine, store = an_engine(tmp_path)
    found = engine.fetch((1).to_bytes(16, "big"), TILL)
    assert isinstance(found, Answer)
    assert (found.tokens, found.audit_no) == ((TOKEN,), 1)
    assert engine.issue(order(a_request(2, NOON_TID + 1))).audit_no == 2
    entries = whole_audit(engine)
    assert verify_entries(0, genesis(MODULE_ID), entries).broken_number is None
    kinds = [AuditEntry.from_bytes(entry).kind for entry in entries]
    assert kinds == [AuditKind.KEYS, AuditKind.START, AuditKind.ISSUE]
    key = engine.report(TILL).audit_key
    store.close()
    engine, store = an_engine(tmp_path)
    assert engine.report(TILL).audit_key == key
    store.close()


def test_a_request_of_the_older_version_is_still_the_same_request() -> None:
    """Its digest stands in stores: a change of form would make a repeat a conflict."""
    body = order(a_request(1, NOON_TID)).body()
    assert cbor.encode(body["items"]).hex() == (
        "81870000" + f"1a{NOON_TID:08x}" + "1907de" + "1902c7" + "192c70" + "f4"
    )
