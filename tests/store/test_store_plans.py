"""Every question walks an index and has a limit; nothing scans or sorts a town."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from posapp.store import accounts, counter, feed, ledger, orphans, projections, queries, search
from tests.stores import a_store

INDEXED = {
    "EXACT": ("m USING PRIMARY KEY (number=?)",),
    "STARTS": ("m USING PRIMARY KEY (number>? AND number<?)",),
    "ENDS": ("m USING INDEX meter_by_end (reversed>? AND reversed<?)",),
    "OF_CUSTOMER": ("m USING INDEX meter_by_customer (customer_id=?)",),
    "BY_ACCOUNT": (
        "k USING INDEX customer_by_account (account_key=?)",
        "m USING INDEX meter_by_customer (customer_id=?)",
    ),
    "BY_PHONE": (
        "k USING INDEX customer_by_phone (phone_reversed>? AND phone_reversed<?)",
        "m USING INDEX meter_by_customer (customer_id=?)",
    ),
    "WORDS": ("w VIRTUAL TABLE INDEX", "k USING INTEGER PRIMARY KEY (rowid=?)"),
    "SALE_BY_ID": ("s USING INDEX sale_by_id (sale_id=?)",),
    "SALE_BY_RECEIPT": ("s USING INDEX sale_by_receipt (receipt=?)",),
    "SALE_AT": ("s USING INTEGER PRIMARY KEY (rowid=?)",),
    "SALES_OF_BATCH": ("s USING INDEX sale_by_batch (batch=?)",),
    "LIMITS": ("role_limit USING PRIMARY KEY (role=?)",),
    "FREE_ISSUES": ("sale USING INDEX sale_free (business_date=? AND operator_id=?)",),
    "SIGNATURES": ("override_signed USING INDEX override_by_date (business_date=?)",),
    "KEY_CHANGE": ("s USING INDEX sale_by_meter (meter=?)", "t EXISTS USING PRIMARY KEY (place=?)"),
    "KEY_ANSWER": ("key_answer USING INTEGER PRIMARY KEY (rowid=?)",),
    "REFUNDED": ("refund USING INDEX refund_by_sale (sale_place=?)",),
    "ORPHANS": ("o USING INDEX orphan_open",),
    "ORPHAN_KNOWN": ("orphan USING INDEX orphan_by_request (request_id=?)",),
    "SEQUENCE_LAST": ("module_sequence USING PRIMARY KEY (module_id=?)",),
    "SALES_OPEN": ("SCAN s USING INDEX sale_open",),
    "SALES_ON": ("s USING INDEX sale_by_date (business_date=? AND place>?)",),
    "SALES_OF_SHIFT": ("s USING INDEX sale_by_shift (shift=? AND place>?)",),
    "SALE_LAST": ("SCAN s",),
    "RECENT": ("SCAN sale",),
    "MONTH": ("sale USING INDEX sale_by_meter (meter=? AND month=?)",),
    "EARLIER": ("sale USING INDEX sale_by_meter (meter=? AND month>? AND month<?)",),
    "LAST_BOUGHT": ("sale USING INDEX sale_by_meter (meter=? AND month<?)",),
    "FEES": ("s USING INDEX sale_by_meter (meter=?)", "f USING PRIMARY KEY (place=?)"),
    "ARREARS": ("s USING INDEX sale_by_meter (meter=?)", "l USING PRIMARY KEY (place=?)"),
    "STANDING": ("standing USING PRIMARY KEY (meter=?)",),
    "RATE": ("rate USING PRIMARY KEY (currency=?)",),
    "SALE_LAST_OF": (
        "s USING INTEGER PRIMARY KEY (rowid=?)",
        "l USING INDEX sale_by_meter (meter=?)",
    ),
    "TID_HIGH": ("tid USING PRIMARY KEY (meter=? AND base_date=?)",),
    "SHIFT_OPEN": ("SCAN shift",),
    "SHIFT_ONE": ("shift USING INTEGER PRIMARY KEY (rowid=?)",),
    "SHIFTS_OPENED": ("shift USING INDEX shift_by_opening (opened_ms>? AND opened_ms<?)",),
    "SHIFTS_SOLD": (
        "shift USING INTEGER PRIMARY KEY (rowid=?)",
        "sale USING INDEX sale_by_date (business_date=?)",
    ),
    "SHIFT_LAST": ("shift",),
    "JOBS_IN": ("print_job USING INDEX print_job_by_state (state=?)",),
    "JOB_ONE": ("print_job USING INTEGER PRIMARY KEY (rowid=?)",),
    "JOBS_OF_SALE": ("print_job USING INDEX print_job_by_sale (sale_id=?)",),
    "PRINTED": (
        "s USING INDEX sale_by_shift (shift=?)",
        "p USING INDEX print_job_by_sale (sale_id=? AND kind=?)",
    ),
    "SALES_OF_CUSTOMER": ("s USING INTEGER PRIMARY KEY (rowid>?)",),
    "SALES_LATE": ("s USING INDEX sale_held (ended_place>? AND ended_place<?)",),
    "PERIOD_STATES": ("sale USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",),
    "PERIOD_LATE": ("sale USING INDEX sale_held (ended_place>? AND ended_place<?)",),
    "PERIOD_TYPES": ("booking USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",),
    "PERIOD_TENDERS": (
        "b USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        "p USING PRIMARY KEY (place=? AND account<?)",
    ),
    "PERIOD_ACCOUNTS": ("posting USING PRIMARY KEY (place>? AND place<?)",),
    "PERIOD_TOKENS": (
        "b USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        "t USING PRIMARY KEY (place=?)",
    ),
    "PERIOD_ABANDONED": ("sale USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",),
    "DRAWER": (
        "b USING INDEX booking_by_shift (shift=?)",
        "p USING PRIMARY KEY (place=? AND account=?)",
    ),
    "DRAWER_PARTS": ("b USING INDEX booking_by_shift (shift=?)",),
    "HELD_SALES": ("SCAN p USING INDEX posting_held", "b USING INTEGER PRIMARY KEY (rowid=?)"),
    "CASH_BETWEEN": ("c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",),
    "CASH_OF_SHIFT": ("c USING INDEX cash_move_by_shift (shift=?)",),
    "Z_LAST": ("SCAN z",),
    "Z_ONE": ("z USING INTEGER PRIMARY KEY (rowid=?)",),
    "Z_OF_SHIFT": ("z USING INDEX",),
    "Z_BEFORE": ("z USING INDEX z_report_by_date (business_date<?)",),
    "ZS_ON": ("z USING INDEX z_report_by_date (business_date=?)",),
    "AUDIT_MARK": ("z_report USING INDEX z_report_by_module (module_id=?)",),
    "ISSUED_SINCE": ("b USING INTEGER PRIMARY KEY (rowid>?)",),
    "LEDGER": (
        "b USING INDEX booking_by_date (business_date=? AND place>?)",
        "p USING PRIMARY KEY (place=?)",
    ),
    "ENTRIES": ("journal USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",),
}
# From the newest backwards, stopping at the first that fits: no index says more than the key.
FROM_THE_END = {
    "ORPHANS",
    "HELD_SALES",
    "Z_LAST",
    "SALE_LAST",
    "RECENT",
    "SHIFT_OPEN",
    "SALES_OPEN",
    "SHIFT_LAST",
}
# One row each, or sums over one meter's sales, one shift or one stretch of the journal.
NO_LIMIT = {
    "MONTH", "EARLIER", "ARREARS", "STANDING", "RATE", "PRINTED", "FREE_ISSUES", "REFUNDED",
    "PERIOD_STATES", "PERIOD_LATE", "PERIOD_TYPES", "PERIOD_TENDERS", "PERIOD_ACCOUNTS",
    "PERIOD_TOKENS", "DRAWER", "DRAWER_PARTS", "ISSUED_SINCE",
}  # fmt: skip


def _statements() -> dict[str, str]:
    return {
        name: value
        for module in (search, queries, accounts, counter, orphans, ledger)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory):
    store = a_store(tmp_path_factory.mktemp("plans"))

    def explain(statement: str) -> str:
        numbered = {int(n) for n in re.findall(r"\?(\d+)", statement)}
        values = ("x",) * (max(numbered) if numbered else statement.count("?"))
        return store.look(
            lambda c: "\n".join(
                row[3] for row in c.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values)
            ).replace("COVERING ", "")
        )

    yield {name: explain(statement) for name, statement in _statements().items()}
    store.close()


def test_every_question_is_listed_here():
    assert set(_statements()) == set(INDEXED)


@pytest.mark.parametrize("name", INDEXED)
def test_a_question_walks_its_index(plans: dict[str, str], name: str):
    plan = plans[name]
    for part in INDEXED[name]:
        assert part in plan, plan
    if name not in FROM_THE_END:
        assert not re.search(r"^SCAN (?!\(|w )", plan, re.M), plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan, plan


@pytest.mark.parametrize("name", sorted(set(INDEXED) - NO_LIMIT))
def test_a_question_has_a_limit(name: str):
    assert re.search(r"LIMIT (\?\d?|1)\s*$", _statements()[name])


def test_the_word_index_is_never_asked_to_order():
    assert "rank" not in search.WORDS.lower() and "ORDER" not in search.WORDS


def test_changes_go_by_keys_too(tmp_path: Path):
    store = a_store(tmp_path)
    statements = [
        value
        for module in (feed, projections)
        for value in vars(module).values()
        if isinstance(value, str) and value.startswith(("UPDATE", "DELETE", "SELECT"))
    ]
    assert len(statements) > 10
    for statement in statements:
        values = tuple("x" for _ in range(len(re.findall(r"\?(?!\d)", statement))))
        plan = store.look(
            lambda c, s=statement, v=values: [  # type: ignore[misc]
                row[3] for row in c.exec_driver_sql("EXPLAIN QUERY PLAN " + s, v)
            ]
        )
        assert not any(line.startswith("SCAN") for line in plan), (statement, plan)
    store.close()
