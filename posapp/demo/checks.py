"""Whether the day was right: till, module, meters, paper and head office must agree to the cent."""

from __future__ import annotations

import json
import re
import urllib.request
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from posapp.bootstrap.till import check_rebuild, verify_journal
from posapp.demo.day import OPENING_MINOR, SALES, SHORT_MINOR, Day
from posapp.demo.special import ORDERS
from posapp.demo.stage import Stage
from posapp.domain.ids import ReceiptNumber
from posapp.domain.sale import SOLD_STATES
from posapp.ports import LinkState, Reader, SaleRecord
from posapp.services.shift import cash_kept
from posapp.services.till import Till

ANSWER_LIMIT_S = 10.0
SLIPS_LIMIT = 10_000
TAKEN = ("Accept", "1stKCT", "2ndKCT", "3rdKCT")  # what a meter says to a token it takes
RECEIPT_TITLE = re.compile(r"(?:TAX INVOICE|FREE ISSUE) +([A-Z0-9]{4}-\d{7}-\d)")


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about the day."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a meter of the town said to a token."""

    result: str
    register_tenths: int


@dataclass
class Findings:
    """The day's books side by side."""

    sales: list[SaleRecord]
    verdicts: dict[str, Verdict]
    slips: dict[str, list[Path]]
    office: dict[str, Any]
    checks: list[Check]


def examine(stage: Stage, till: Till, day: Day) -> Findings:
    """Compare everything with everything. Reads only, but for keying the tokens into meters."""
    sold = [record for record in _sales(till) if record.state in SOLD_STATES]
    found = Findings(sold, _keyed_in(stage, sold), _slips(stage), _office(stage, day), [])
    found.checks.extend(_Examiner(stage, till, day, found).all())
    return found


def examine_files(stage: Stage) -> list[Check]:
    """The journal and its projections, once the till is closed."""
    verdict, flaws = verify_journal(stage.till_folder)
    differences = check_rebuild(stage.till_folder)
    return [
        Check("journal holds", verdict.broken_seq is None, f"{verdict.head.seq} entries"),
        Check("pages, bookings and documents hold", not flaws, "; ".join(flaws)[:200]),
        Check("projections rebuild the same", not differences, "; ".join(differences)[:200]),
    ]


def _sales(till: Till) -> list[SaleRecord]:
    found: list[SaleRecord] = []
    while len(found) < SLIPS_LIMIT:
        number = len(found) + 1
        record = till.store.read(partial(_by_receipt, number))
        if record is None:
            break
        found.append(record)
    return found


def _by_receipt(number: int, reader: Reader) -> SaleRecord | None:
    return reader.sale_by_receipt(number)


def _keyed_in(stage: Stage, sold: list[SaleRecord]) -> dict[str, Verdict]:
    return {
        token: Verdict(*stage.enter(record.intent.meter, token))
        for record in sold
        for token in record.tokens
    }


def _slips(stage: Stage) -> dict[str, list[Path]]:
    """Printed receipts by their number; slips of shift and day are not among them."""
    found: dict[str, list[Path]] = {}
    for path in sorted(stage.slips.glob("*.txt"))[:SLIPS_LIMIT]:
        match = RECEIPT_TITLE.search(path.read_text(encoding="utf-8"))
        if match:
            found.setdefault(match.group(1), []).append(path)
    return found


def _office(stage: Stage, day: Day) -> dict[str, Any]:
    url = f"{stage.office_url}/totals/{day.business_date.isoformat()}"
    with urllib.request.urlopen(url, timeout=ANSWER_LIMIT_S) as answer:
        totals: dict[str, Any] = json.load(answer)
    return totals


@dataclass(frozen=True, slots=True)
class _Examiner:
    stage: Stage
    till: Till
    day: Day
    found: Findings

    def all(self) -> list[Check]:
        parts = (
            self._selling,
            self._meters,
            self._module,
            self._paper,
            self._head_office,
            self._money,
            self._refusals,
        )
        return [check for part in parts for check in part()]

    def _selling(self) -> list[Check]:
        kinds = Counter(int(record.intent.configuration.ea) for record in self.found.sales)
        killed, pulled = self.day.killed, self.day.pulled
        return [
            Check(
                "at least 40 sales",
                len(self.found.sales) >= 40,
                f"{len(self.found.sales)} of {SALES + ORDERS}",
            ),
            Check("both algorithms sold", len(kinds) == 2, str(dict(kinds))),
            Check("a killed module sold exactly once", killed.sold_once, killed.outcome),
            Check("a pulled cable sold exactly once", pulled.sold_once, pulled.outcome),
            Check("no sale is open", not self.till.store.read(lambda r: r.open_sales()), ""),
        ]

    def _meters(self) -> list[Check]:
        accepted = sum(1 for v in self.found.verdicts.values() if v.result in TAKEN)
        registers: dict[str, int] = {}
        for record in self.found.sales:
            for token in record.tokens:
                registers[record.intent.meter] = self.found.verdicts[token].register_tenths
        sold_units = sum(item.units for r in self.found.sales for item in r.intent.items)
        first, last = self.found.sales[0], self.found.sales[-1]
        again, _ = self.stage.enter(first.intent.meter, first.tokens[0])
        foreign, _ = self.stage.enter(last.intent.meter, first.tokens[0])
        whole = accepted == len(self.found.verdicts) == sum(len(r.tokens) for r in self.found.sales)
        return [
            Check("every token was accepted by its meter", whole, f"{accepted} tokens"),
            Check(
                "meters hold what was sold",
                sum(registers.values()) == sold_units,
                f"{sold_units} tenths of a kWh",
            ),
            Check("a used token is refused", again == "UsedError", again),
            Check("another meter refuses the token", foreign == "CRCError", foreign),
        ]

    def _module(self) -> list[Check]:
        numbers = [record.audit_no for record in self.found.sales]
        whole = sorted(numbers) == list(range(1, len(numbers) + 1))
        return [Check("till and module count the same", whole, f"{len(numbers)} issues")]

    def _paper(self) -> list[Check]:
        receipts = [_number(self.till, record) for record in self.found.sales]
        originals, copies = Counter[str](), Counter[str]()
        for number, paths in self.found.slips.items():
            for path in paths:
                words = path.read_text(encoding="utf-8")
                (copies if "COPY" in words else originals)[number] += 1
        once = all(originals[number] == 1 for number in receipts)
        shown = all(
            token in _digits(self.found.slips.get(_number(self.till, record), []))
            for record in self.found.sales
            for token in record.tokens
        )
        return [
            Check(
                "paper ran out and selling went on",
                self.day.waiting_without_paper > 0,
                f"{self.day.waiting_without_paper} slips waited",
            ),
            Check("one original of every receipt", once, f"{len(receipts)} receipts"),
            Check(
                "copies are marked",
                sum(copies.values()) == self.day.copies,
                str(sum(copies.values())),
            ),
            Check("every slip shows its token", shown, ""),
        ]

    def _head_office(self) -> list[Check]:
        away = self.day.offline is not None and self.day.offline.state is LinkState.OFFLINE
        waited = self.day.offline.waiting if self.day.offline else 0
        caught_up = self.day.online is not None and self.day.online.waiting == 0
        expected = {
            "sales": len(self.found.sales),
            "amount_minor": {
                self.till.site.currency_code: sum(r.intent.amount_minor for r in self.found.sales)
            },
            "units_tenths": sum(record.intent.units_tenths for record in self.found.sales),
        }
        same = all(self.found.office.get(key) == value for key, value in expected.items())
        return [
            Check("sold without head office", away and waited > 0, f"{waited} entries waited"),
            Check("head office caught up", caught_up, ""),
            Check("till and head office agree to the cent", same, json.dumps(self.found.office)),
        ]

    def _money(self) -> list[Check]:
        total = sum(record.intent.amount_minor for record in self.found.sales)
        lines = sum(line.amount_minor for r in self.found.sales for line in r.intent.lines)
        drawer = OPENING_MINOR + sum(cash_kept(record) for record in self.found.sales)
        drawer -= self.day.dropped_minor
        shift = self.day.closed.shift if self.day.closed else None
        status = self.till.status()
        left = status.float_authorised_minor - total
        identities = self.till.report.facts(self.day.business_date)
        fits = shift is not None and shift.expected_minor == drawer
        short = shift is not None and shift.variance_minor == -SHORT_MINOR
        return [
            Check("lines add up to what was paid", lines == total, f"{total}"),
            Check("the drawer is expected to hold the cash sold", fits, f"{drawer}"),
            Check("the count is short by the missing note", short, f"{SHORT_MINOR}"),
            Check(
                "the float went down by what was sold", status.float_left_minor == left, f"{left}"
            ),
            Check("every identity of the daily report holds", identities.all_hold, ""),
        ]

    def _refusals(self) -> list[Check]:
        expected = {
            "wrong PIN": "PIN_WRONG",
            "old meter": "BASE_DATE_ENDED",
            "blocked meter": "METER_BLOCKED",
            "too little": "AMOUNT_BELOW_MINIMUM",
            "too much": "AMOUNT_ABOVE_LIMIT",
            "no reason": "REASON_MISSING",
        }
        return [
            Check(
                f"{name} is refused",
                self.day.refusals.get(name) == code,
                self.day.refusals.get(name, ""),
            )
            for name, code in expected.items()
        ]


def _digits(paths: list[Path]) -> str:
    return "|".join(re.sub(r"\D", "", path.read_text(encoding="utf-8")) for path in paths)


def _number(till: Till, record: SaleRecord) -> str:
    return str(ReceiptNumber(till.site.till_code, record.intent.receipt))
