"""The demo's day as a person would start it: real processes, pulled plugs, every check ok."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from posapp.demo.day import SALES
from posapp.demo.special import ORDERS

pytestmark = pytest.mark.e2e
LIMIT_S = 240
PLACED = SALES + ORDERS


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    done = subprocess.run(
        [sys.executable, "-m", "posapp", "demo", "--headless", "--out", str(folder)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def summary(out):
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


def test_every_check_of_the_day_is_ok(summary):
    assert [check for check in summary["checks"] if not check["ok"]] == []
    assert len(summary["checks"]) >= 48


def test_the_summary_adds_up_by_itself(summary):
    sales = summary["sales"]
    assert len(sales) == PLACED
    assert len({sale["receipt_no"] for sale in sales}) == PLACED
    assert all(sale["printed"] for sale in sales)
    assert {sale["tokens"][-1]["verdict"] for sale in sales} == {"Accept"}
    assert {token["ea"] for sale in sales for token in sale["tokens"]} == {7, 11}
    sold = sum(sale["amount_minor"] for sale in sales)
    assert summary["headoffice"]["amount_minor"] == {"KES": sold}
    shift = summary["shift"]
    assert shift["counted_minor"] - shift["expected_minor"] == shift["variance_minor"] == -5_000


def test_one_order_holds_a_new_key_and_credit_under_it_in_the_order_of_entry(summary):
    (order,) = (s for s in summary["sales"] if s["tokens"][0]["kind"] == "key_change")
    tokens = order["tokens"]
    assert [token["kind"] for token in tokens] == ["key_change"] * (len(tokens) - 1) + ["credit"]
    assert [token["verdict"] for token in tokens][-3:] == ["1stKCT", "Accept", "Accept"]
    assert (tokens[0]["sgc"], tokens[-1]["sgc"]) == ("600702", "600701")


def test_the_modules_own_books_add_up_by_themselves(summary):
    module, sales = summary["module"], summary["sales"]
    granted = sum(limit["units_granted"] for limit in module["limits"])
    left = sum(limit["units_left"] for limit in module["limits"])
    made = sum(token["units_tenths"] for sale in sales for token in sale["tokens"])
    assert granted - left == made > sum(sale["units_tenths"] for sale in sales)
    audit = module["audit"]
    assert (audit["issue"], audit["unacknowledged_tokens"]) == (PLACED, 0)
    assert audit["acknowledged"] == audit["entries"]
    assert module["refusals"] == {
        "foreign till": "NOT_PAIRED",
        "wrong PIN at the module": "PIN_WRONG",
    }
    for happened in (module["killed"], module["cable_pulled"]):
        assert happened["sold_once"]
        assert happened["said"][-1] == {"sentence": "STATE_READY", "action": "SELL"}


def test_what_was_printed_is_kept_as_bytes_picture_and_text(out, summary):
    for sale in summary["sales"]:
        text = (out / sale["slips"][0]).read_text(encoding="utf-8")
        picture = (out / sale["slips"][0]).with_suffix(".png")
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.with_suffix(".bin").stat().st_size > 500
        assert sale["tokens"][0]["digits"] in re.sub(r"\D", "", text)


def test_reports_and_screens_are_kept(out):
    assert (out / "reports" / "daily.pdf").read_bytes().startswith(b"%PDF")
    screens = {path.name for path in (out / "screens").glob("*.png")}
    for page in ("login", "sell-1-idle", "sell-3-quote", "sell-5-sold", "shift-close", "day"):
        for theme in ("light", "dark"):
            assert f"{page}-{theme}-1366.png" in screens
            assert f"{page}-{theme}-1024.png" in screens
