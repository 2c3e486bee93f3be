"""The contract's second part: what a module offers besides tokens, by capability.

`checks.py` has the rest; both write into one list, which `CHECKS` is.
"""

from __future__ import annotations

from functools import partial

from posapp.errors import ModuleError, Outcome
from posapp.security_module.conformance.bench import BrokenError, Case, must, refused
from posapp.security_module.conformance.checks import UNITS_TOO_MANY, checks
from posapp.security_module.drivers.driver import (
    Capability,
    Driver,
    Governed,
    Staffed,
    Verifying,
)
from posapp.wire.audit import AuditEntry, AuditHead, genesis, verify_entries

NOBODY = 9999  # no operator of a module under test
WRONG_PIN = "000000000000"
ENTRIES_MAX = 10_000  # a book of a module under test is read whole


@checks("a token that was made is what it is, and with another digit it is none", Capability.VERIFY)
def _verify(case: Case) -> None:
    driver = case.opened()
    if not isinstance(driver, Verifying):
        raise BrokenError("it declares verify and has no such call")
    request, result = case.sell(driver)
    token = result.tokens[0]
    must(driver.verify(token, request, case.deadline()) == 0, "a credit token is told as another")
    wrong = str((int(token[-1]) + 1) % 10)
    refused(
        lambda: driver.verify(token[:-1] + wrong, request, case.deadline()), Outcome.NOT_EXECUTED
    )
    case.made_once(request)


@checks("a stranger signs in nowhere, and signing out leaves a line that works", Capability.LOGIN)
def _login(case: Case) -> None:
    driver = case.opened()
    if not isinstance(driver, Staffed):  # it signs in by itself, with the secret of its context
        driver.status(case.till_id, case.deadline())
        return
    try:
        driver.login(NOBODY, WRONG_PIN, case.deadline())  # a module without operators needs none
    except ModuleError as error:
        must(error.outcome is Outcome.NOT_EXECUTED, f"{error.code} says {error.outcome}")
        must(WRONG_PIN not in str(error), "the PIN is shown")
    must(WRONG_PIN not in repr(driver), "the PIN is kept")
    driver.logout(case.deadline())
    driver.logout(case.deadline())
    must(driver.is_open, "signing out closed the line")
    driver.status(case.till_id, case.deadline())


@checks(
    "what a limited module sells is counted down, and a refusal costs nothing", Capability.LIMITS
)
def _limits(case: Case) -> None:
    driver = case.opened()
    report = driver.status(case.till_id, case.deadline())
    if not report.limited:
        must(not report.limits and not report.lease_until_ms, "limits that do not hold are shown")
        return
    before = _left(case, driver)
    request, _ = case.sell(driver)
    sold = sum(item.units for item in request.items)
    must(_left(case, driver) <= before - sold, "a sale is not counted down")
    after = _left(case, driver)
    driver.issue(request, case.deadline())
    too_much = case.request(units=UNITS_TOO_MANY)
    refused(partial(driver.issue, too_much, case.deadline()), Outcome.NOT_EXECUTED)
    must(_left(case, driver) == after, "a replay or a refusal is counted")


def _left(case: Case, driver: Driver) -> int:
    c = case.bench.configuration
    rows = driver.status(case.till_id, case.deadline()).limits
    return next((row.units for row in rows if (row.sgc, row.krn) == (c.sgc, c.krn)), 0)


@checks("the audit is one chain to its signed end, and each sale adds to it", Capability.AUDIT)
def _audit(case: Case) -> None:
    driver = case.opened()
    if not isinstance(driver, Governed):
        raise BrokenError("it declares an audit and has no such call")
    _walk(case, driver, driver.status(case.till_id, case.deadline()).audit_no)
    before = driver.status(case.till_id, case.deadline()).audit_no
    request, _ = case.sell(driver)
    report = driver.status(case.till_id, case.deadline())
    must(report.audit_no > before, "a sale is no entry")
    page = driver.read_audit(before, case.deadline())
    entries = [AuditEntry.from_bytes(data) for data in page.entries]
    must(any(request.request_id in entry.body.values() for entry in entries), "it is not named")
    head = AuditHead(report.hello.module_id, page.number, page.hash32, page.signature)
    head.check(report.audit_key)
    must((page.number, page.hash32) == (report.audit_no, report.audit_hash), "another end")
    must(not driver.read_audit(page.number, case.deadline()).entries, "entries after the end")


def _walk(case: Case, driver: Governed, last: int) -> None:
    """All of the book as it is kept, from its first entry to the number in the report."""
    entries: list[bytes] = []
    number = 0
    while len(entries) < ENTRIES_MAX:
        page = driver.read_audit(number, case.deadline())
        if not page.entries:
            break
        entries.extend(page.entries)
        number = AuditEntry.from_bytes(entries[-1]).number
    must(bool(entries), "a book without entries")
    first = AuditEntry.from_bytes(entries[0])
    verdict = verify_entries(first.number - 1, first.previous_hash32, entries)
    must(verdict.broken_number is None, f"the chain breaks at {verdict.broken_number}")
    must(verdict.number == last, "the chain does not end where the report says")
    if first.number == 1:
        module_id = _module_of(driver, case)
        must(first.previous_hash32 == genesis(module_id), "the chain begins with another module")


def _module_of(driver: object, case: Case) -> str:
    assert isinstance(driver, Driver), "it answered STATUS before"
    return driver.status(case.till_id, case.deadline()).hello.module_id
