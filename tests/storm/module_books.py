"""What must hold between a till's store and its module's audit, however both were treated.

Each check reads both ends anew; what is broken is an AssertionError with the facts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from posapp.domain.meter import MeterNumber
from posapp.domain.sale import SOLD_STATES, SaleState
from posapp.ports import ModuleStatus, SaleRecord
from posapp.security_module.manager import ModuleManager
from posapp.store.store import SqlStore
from posapp.sts.ciphers import sample_tables
from posapp.sts.keys import VendingKey, decoder_key
from posapp.sts.meter import MeterResult, VirtualMeter
from posapp.wire.audit import AuditEntry, AuditFile, AuditHead, AuditKind, genesis
from tests.integration.test_killed_at_any_moment import all_sales
from tests.stores import TILL_ID

SupplyName = tuple[str, int]


def must(held: bool, *facts: object) -> None:
    """The first thing that does not hold ends the storm."""
    if not held:
        raise AssertionError(" ".join(str(fact) for fact in facts))


@dataclass
class Audit:
    """The module's whole book as read so far; each reading goes on where the last one ended."""

    entries: list[bytes] = field(default_factory=list)
    head: AuditHead | None = None

    def read(self, manager: ModuleManager) -> None:
        """Up to its end."""
        while (page := manager.read_audit(len(self.entries))).entries:
            self.entries.extend(page.entries)
        module_id = manager.status().module_id
        self.head = AuditHead(module_id, page.number, page.hash32, page.signature)

    def check(self, status: ModuleStatus) -> None:
        """Unbroken from its genesis to a head that the module signed, and that it reports."""
        assert self.head is not None
        book = AuditFile(0, genesis(self.head.module_id), tuple(self.entries), self.head)
        verdict = book.check(status.audit_key)
        must(verdict.broken_number is None, "the audit is broken:", verdict)
        must(verdict.number == len(self.entries) == status.audit_no, "the audit has a hole")

    def of(self, kind: AuditKind) -> list[dict[int, Any]]:
        """The bodies of one kind, in order."""
        read = (AuditEntry.from_bytes(data) for data in self.entries)
        return [entry.body for entry in read if entry.kind is kind]

    def tokens(self) -> int:
        """How many were ever made."""
        return sum(row[8] for body in self.of(AuditKind.ISSUE) for row in body[5])

    def refused(self, code: str) -> int:
        """How many refusals with a code were written down."""
        return sum(body.get(10) == code for body in self.of(AuditKind.REFUSAL))


class Meters:
    """The meters of the town. They take every token once, in the order in which it was sold."""

    def __init__(self, keys: dict[SupplyName, VendingKey]) -> None:
        self._keys = keys
        self._meters: dict[str, VirtualMeter] = {}
        self._units: Counter[str] = Counter()
        self._entered = 0

    def enter(self, sold: list[SaleRecord]) -> None:
        """What was sold since the last time."""
        for record in sold[self._entered :]:
            meter = self._meter(record)
            for token in record.tokens:
                must(meter.enter(token) is MeterResult.ACCEPT, "the meter refuses", _name(record))
                again = meter.enter(token)
                must(again is MeterResult.USED_ERROR, "a token counts twice", _name(record))
            self._units[record.intent.meter] += record.intent.units_tenths
            got = meter.electricity_tenths
            must(got == self._units[record.intent.meter], "other energy than sold", _name(record))
        self._entered = len(sold)

    def _meter(self, record: SaleRecord) -> VirtualMeter:
        number, c = MeterNumber(record.intent.meter), record.intent.configuration
        if number.digits not in self._meters:
            secret = decoder_key(self._keys[c.sgc, c.krn], number, c.ti, c.ea)
            self._meters[number.digits] = VirtualMeter(number, secret, c.ea, sample_tables())
        return self._meters[number.digits]


def _name(record: SaleRecord) -> str:
    return f"(receipt {record.intent.receipt}, {record.state.name})"


def sold_of(sales: list[SaleRecord]) -> list[SaleRecord]:
    """Those that have a token."""
    return [record for record in sales if record.state in SOLD_STATES]


def check_till(store: SqlStore) -> list[SaleRecord]:
    """What the till can say alone: nothing open, one original a sale, a whole journal."""
    sales = all_sales(store)
    open_sales = store.read(lambda reader: reader.open_sales())
    must(not open_sales, "left open:", *(_name(record) for record in open_sales))
    for record in sales:
        ended = record.state in (SaleState.REFUSED, SaleState.CANCELLED)
        must(ended or record.state in SOLD_STATES, "no end:", _name(record))
        jobs = store.read(lambda r, sale=record: r.print_jobs_of_sale(sale.intent.sale_id))
        wanted = [] if ended else [0]
        must([job.copy_no for job in jobs] == wanted, "printed otherwise:", _name(record))
    vended = store.read(lambda reader: reader.vended_total_minor())
    must(vended == sum(r.intent.amount_minor for r in sold_of(sales)), "the float does not fit")
    broken = store.verify_journal().broken_seq
    must(broken is None, "the till's journal breaks at", broken)
    must(not store.check_projections().differences, "the projections differ from the journal")
    return sales


def check_both(sales: list[SaleRecord], audit: Audit, status: ModuleStatus) -> None:
    """Every sold sale is one request of the module with the same tokens, and the other way."""
    issues = audit.of(AuditKind.ISSUE)
    made = {body[0]: body for body in issues}
    sold = {record.intent.sale_id: record for record in sold_of(sales)}
    must(len(made) == len(issues), "a request was executed twice")
    must(made.keys() <= sold.keys(), len(made.keys() - sold.keys()), "tokens that nobody sold")
    must(sold.keys() <= made.keys(), len(sold.keys() - made.keys()), "sales that nobody made")
    for sale_id, record in sold.items():
        body, intent = made[sale_id], record.intent
        digest = hashlib.sha256("".join(record.tokens).encode("ascii")).digest()
        theirs = [(row[4], row[6], row[7]) for row in body[5]]
        ours = [(item.tid, item.units, item.value_minor) for item in intent.items]
        must(theirs == ours, "other items:", _name(record))
        must(digest == body[6], "other tokens:", _name(record))
        must((TILL_ID, intent.sequence, record.audit_no) == (body[1], body[2], body[3]), "numbers")
        must(body[4] == intent.meter, "another meter:", _name(record))
    numbers = [body[3] for body in issues]
    must(numbers == list(range(1, len(issues) + 1)), "the issue numbers have a gap")
    sequences = [body[2] for body in issues]
    must(sequences == sorted(set(sequences)), "a sequence number ran late or twice")
    must(status.last_sequence >= max(sequences, default=0), "a sequence number is forgotten")
    tids = Counter((body[4], row[5], row[4]) for body in issues for row in body[5])
    must(max(tids.values(), default=1) == 1, "a TID was used twice:", tids.most_common(1))


def check_limits(
    audit: Audit, status: ModuleStatus, granted: dict[SupplyName, tuple[int, int]]
) -> None:
    """What each key's limit lost is what its tokens carry, to the unit; never above the grant."""
    used: dict[SupplyName, tuple[int, int]] = {}
    for body in audit.of(AuditKind.ISSUE):
        for row in body[5]:
            units, value = used.get((row[2], row[3]), (0, 0))
            used[row[2], row[3]] = (units + row[6], value + row[7])
    must(used.keys() <= granted.keys(), "a key without a grant was used")
    must({(x.sgc, x.krn) for x in status.limits} == set(granted), "other limits than granted")
    for limit in status.limits:
        name = (limit.sgc, limit.krn)
        units, value = used.get(name, (0, 0))
        left = (granted[name][0] - units, granted[name][1] - value)
        must(min(left) >= 0, "more than was granted:", name, left)
        must(left == (limit.units_left, limit.value_left_minor), "inexact:", name, left, limit)
