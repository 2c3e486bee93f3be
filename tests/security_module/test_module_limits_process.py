"""C1 on the real process: killed at random instants, it never makes more than was granted, and what
is left is exact to the unit.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from posapp.clock import SystemClock, SystemRandomness
from posapp.domain.lease import Lease
from posapp.errors import ModuleError
from posapp.ports import IssueRequest, ModuleState
from posapp.security_module.drivers.link_driver import LinkDriver
from posapp.security_module.link.transports import Address
from posapp.wire.audit import (
    AuditAcknowledgement,
    AuditEntry,
    AuditFile,
    AuditHead,
    AuditKind,
    SignedAcknowledgement,
    genesis,
)
from posapp.wire.authorisation import Authorisation, Grant, SignedAuthorisation
from tests.security_module.engines import OFFICE, TRUST
from tests.security_module.module_process import METER, ModuleProcess
from tests.security_module.test_module_process import Till

KILLS = 24
GRANTED = 1_500  # some fifty sales: the limit is reached between the kills
HARD_S = 10.0


@contextmanager
def talking(module: ModuleProcess) -> Iterator[LinkDriver]:
    """A line of head office's errand: what a supervisor brings on a stick."""
    driver = LinkDriver(Address.parse(module.address), SystemRandomness())
    driver.open(time.monotonic() + HARD_S)
    try:
        yield driver
    finally:
        driver.close()


def authorise(module: ModuleProcess, till: Till, number: int, units: int) -> None:
    now = datetime.now(UTC)
    said = Authorisation(
        module_id=module.module_id,
        number=number,
        issued_at=now,
        till_id=till.till_id,
        currency_code="KES",
        lease=Lease(number, 1 << 40, 1 << 40, 1, now + timedelta(days=7)),
        lease_days=7,
        unacknowledged_max=1000,
        grants=(Grant("201457", 1, units, 0, units * 16),),
    )
    document = SignedAuthorisation.sign(said, *OFFICE).to_bytes()
    with talking(module) as driver:
        assert driver.load_authorisation(document, time.monotonic() + HARD_S) == number


def audit_of(module: ModuleProcess) -> AuditFile:
    deadline = time.monotonic() + HARD_S
    with talking(module) as driver:
        entries: list[bytes] = []
        while (page := driver.read_audit(len(entries), deadline)).entries:
            entries.extend(page.entries)
    head = AuditHead(module.module_id, page.number, page.hash32, page.signature)
    return AuditFile(0, genesis(module.module_id), tuple(entries), head)


def with_units(request: IssueRequest, units: int) -> IssueRequest:
    (item,) = request.items
    return replace(request, items=(replace(item, units=units, value_minor=units * 16),))


@pytest.fixture
def module(tmp_path: Path) -> Iterator[ModuleProcess]:
    made = ModuleProcess.make(tmp_path / "module", trust=TRUST)
    with made.running():
        yield made
    assert made.errors() == ""


def test_c1_killed_at_random_instants_it_never_makes_more_than_was_granted(
    module: ModuleProcess,
) -> None:
    chance = random.Random(4711)
    till = Till(module.address)
    authorise(module, till, 1, GRANTED)
    sold: dict[bytes, int] = {}
    tokens: set[str] = set()
    for _ in range(KILLS):
        killer = threading.Timer(chance.uniform(0.0, 0.04), module.kill)
        killer.start()
        while killer.is_alive() or module.is_running:
            request = with_units(till.intend(), chance.randint(1, 60))
            try:
                result = till.manager.issue(request)
            except ModuleError as error:
                if error.code != "LIMIT_UNITS":
                    break
            else:
                sold[request.request_id] = request.items[0].units
                tokens.update(result.tokens)
        killer.join()
        module.start()
        settled = _settled(till, request)
        if settled:
            sold[request.request_id] = request.items[0].units
            tokens.update(settled)
        assert sum(sold.values()) <= GRANTED
    while settled := _settled(till, request := with_units(till.intend(), 60)):
        sold[request.request_id] = 60  # what is left of the limit, in peace
        tokens.update(settled)
    assert GRANTED - 60 < sum(sold.values()) <= GRANTED
    assert len(tokens) == len(sold)
    status = till.manager.refresh()
    (limit,) = status.limits
    assert limit.units_left == GRANTED - sum(sold.values())
    assert limit.value_left_minor == limit.units_left * 16
    assert status.unacknowledged == len(sold)
    till.manager.close()
    book = audit_of(module)
    assert book.check(status.audit_key).broken_number is None
    entries = [AuditEntry.from_bytes(data) for data in book.entries]
    issues = [entry.body for entry in entries if entry.kind is AuditKind.ISSUE]
    assert {body[0]: body[5][0][6] for body in issues} == sold
    assert sum(entry.kind is AuditKind.START for entry in entries) == KILLS + 1


def _settled(till: Till, request: IssueRequest) -> tuple[str, ...]:
    """The tokens of a request whose answer may be lost; none when the limit refused it."""
    try:
        return till.settle(request).tokens
    except ModuleError as error:
        if error.code not in ("LIMIT_UNITS", "STALE"):  # STALE: refused, and that answer is lost
            raise
        return ()


def test_a_supervisor_brings_the_audit_away_and_the_next_authorisation_back(
    module: ModuleProcess,
) -> None:
    till = Till(module.address)
    with pytest.raises(ModuleError, match="AUTHORISATION_MISSING"):
        till.sell()
    assert till.manager.refresh().hold == "AUTHORISATION_MISSING"
    till.manager.close()
    authorise(module, till, 1, 711)
    till = _again(module, till)
    till.sell()
    with pytest.raises(ModuleError, match="LIMIT_UNITS"):
        till.sell()
    till.manager.close()
    book = audit_of(module)
    word = AuditAcknowledgement(
        module.module_id,
        book.head.number,
        book.head.hash32,
        int(SystemClock().now().timestamp()) * 1000,
    )
    with talking(module) as driver:
        document = SignedAcknowledgement.sign(word, OFFICE[0]).to_bytes()
        driver.acknowledge_audit(document, time.monotonic() + HARD_S)
    authorise(module, till, 2, 1422)
    till = _again(module, till)
    till.sell()
    status = till.manager.refresh()
    assert (status.state, status.authorisation) == (ModuleState.LIMIT_USED, 2)
    assert (status.unacknowledged, status.unacknowledged_max) == (1, 1000)
    assert status.lease_until is not None
    till.manager.close()


def _again(module: ModuleProcess, before: Till) -> Till:
    """The same till after its line was used by somebody else."""
    till = Till(module.address, till_id=before.till_id)
    till.till_id, till.meter = before.till_id, before.meter
    till.sequence, till.high = before.sequence, before.high
    assert till.meter != METER
    return till
