"""Any history of authorisations, orders, acknowledgements, clocks and restarts: a limited module
agrees with a model that is a few numbers, and its audit holds at the end.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from posapp.errors import ModuleError
from posapp.ports import IssueRequest
from posapp.security_module.link.messages import Answer
from posapp.sts import tid
from posapp.wire.audit import AuditEntry, AuditKind, genesis, verify_entries
from tests.security_module.engines import (
    MODULE_ID,
    NOON,
    NOON_TID,
    TRUST,
    SetClock,
    a_grant,
    an_acknowledgement,
    an_authorisation,
    an_engine,
    order,
    signed,
    whole_audit,
)
from tests.security_module.module_process import TILL, a_request

AHEAD, BEHIND = 12 * 60, 7 * 24 * 60
SLACK, WORD_SLACK = timedelta(minutes=2), timedelta(hours=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=NOON.tzinfo)
BURNING = {
    *("CLOCK_BEHIND", "CLOCK_AHEAD", "AUTHORISATION_MISSING", "LEASE_EXPIRED", "AUDIT_FULL"),
    *("LIMIT_UNITS", "LIMIT_VALUE"),
}


class LimitedModule(RuleBasedStateMachine):
    """The model: what was granted and used, the last word, the floor, what is not acknowledged."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = SetClock()
        self.engine, self.store = an_engine(self.folder, self.clock, trust=TRUST)
        self.number = self.units = self.value = self.units_used = self.value_used = 0
        self.lease_days = self.waiting_max = 0
        self.last_word = LONG_AGO
        self.floor, self.floor_entry = NOON, 0
        self.waiting: list[tuple[int, int]] = []  # entry, tokens
        self.acknowledged = 0
        self.sequence, self.high, self.made = 0, -1, 0
        self.answers: list[tuple[IssueRequest, Answer]] = []

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        entries = whole_audit(self.engine)
        verdict = verify_entries(0, genesis(MODULE_ID), entries)
        assert verdict.broken_number is None
        kinds = [AuditEntry.from_bytes(entry).kind for entry in entries]
        assert kinds.count(AuditKind.ISSUE) == len(self.answers)
        assert kinds.count(AuditKind.AUTHORISATION) == self.number
        self.store.close()
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------ head office

    @rule(
        step=st.sampled_from([1, 1, 1, 0, 2]),
        units=st.integers(-50, 3000),
        days=st.integers(1, 20),
        waiting_max=st.integers(1, 12),
        ago=st.integers(0, 3 * 1440),
    )
    def authorise(self, step: int, units: int, days: int, waiting_max: int, ago: int) -> None:
        number = max(1, self.number + step)
        total = max(0, self.units + units)
        issued_at = self.clock.now() - timedelta(minutes=ago)
        document = an_authorisation(
            number,
            grants=(a_grant(units=total, money=0, value=total * 20),),
            lease_days=days,
            unacknowledged_max=waiting_max,
            issued_at=issued_at,
        )
        expected = ""
        if number != self.number + 1:
            expected = "AUTHORISATION_NUMBER"
        elif total < self.units:
            expected = "AUTHORISATION_SHRINKS"
        assert self._code(lambda: self.engine.load_authorisation(signed(document))) == expected
        if not expected:
            self.number, self.units, self.value = number, total, total * 20
            self.lease_days, self.waiting_max = days, waiting_max
            self._hear(issued_at)

    @rule(back=st.integers(0, 6), ago=st.integers(0, 2 * 1440))
    def acknowledge(self, back: int, ago: int) -> None:
        entries = len(whole_audit(self.engine))
        number = max(1, entries - back)
        at = self.clock.now() - timedelta(minutes=ago)
        document = an_acknowledgement(self.engine, at, number)
        expected = "ACKNOWLEDGEMENT_OLD" if number < self.acknowledged else ""
        assert self._code(lambda: self.engine.acknowledge(document)) == expected
        if not expected:
            self.acknowledged = number
            self.waiting = [row for row in self.waiting if row[0] > number]
            known = max(at, self.last_word - WORD_SLACK)
            if number >= self.floor_entry and self.floor > known + WORD_SLACK:
                self.floor = known
            self._hear(at)

    def _hear(self, at: datetime) -> None:
        self.last_word = max(self.last_word, at)
        self.floor = max(self.floor, at - WORD_SLACK)

    # ------------------------------------------------------------ the till

    @rule(
        ahead=st.sampled_from([1, 1, 1, 2, 0]),
        near=st.sampled_from([1, 2, 3, -2, AHEAD + 3, -BEHIND - 3]) | st.integers(-60, 60),
        count=st.integers(1, 4),
        units=st.integers(1, 900),
    )
    def sell(self, ahead: int, near: int, count: int, units: int) -> None:
        self.made += 1
        first = max(0, max(self._now(), self.high) + near)
        request = a_request(
            max(1, self.sequence + ahead),
            *range(first, first + count),
            request_id=self.made.to_bytes(16, "big"),
            units=units,
        )
        expected = self._expected(request)
        answers: list[Answer] = []
        code = self._code(lambda: answers.append(self.engine.issue(order(request))))
        assert code == expected
        if not code:
            self.answers.append((request, answers[0]))
            self.units_used += units * count
            self.value_used += units * 16 * count
            self.high = request.items[-1].tid
            entry = len(whole_audit(self.engine))
            self.waiting.append((entry, count))
            if self.clock.now() > self.floor:
                self.floor, self.floor_entry = self.clock.now(), entry
        if not code or code in BURNING:
            self.sequence = request.sequence

    @precondition(lambda self: getattr(self, "answers", None))
    @rule(place=st.integers(0, 99))
    def ask_again(self, place: int) -> None:
        request, first = self.answers[place % len(self.answers)]
        again = self.engine.issue(order(request))
        assert again.replayed
        assert again.tokens == first.tokens

    @rule(minutes=st.integers(-200, 4000))
    def time_passes(self, minutes: int) -> None:
        self.clock.move(minutes=minutes)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.engine, self.store = an_engine(self.folder, self.clock)

    @invariant()
    def numbers_agree(self) -> None:
        if not hasattr(self, "engine"):
            return
        report = self.engine.report(TILL)
        assert self.units_used <= self.units
        assert self.value_used <= self.value
        left = [(limit.units, limit.value_minor) for limit in report.limits]
        expected = [(self.units - self.units_used, self.value - self.value_used)]
        assert left == (expected if self.number else [])
        assert (report.authorisation, report.issues) == (self.number, len(self.answers))
        assert report.unacknowledged == sum(tokens for _, tokens in self.waiting)
        assert report.last_sequence == self.sequence

    # ------------------------------------------------------------ what the model says

    def _now(self) -> int:
        return NOON_TID + int((self.clock.moment - NOON).total_seconds()) // 60

    def _code(self, call: Callable[[], object]) -> str:
        try:
            call()
        except ModuleError as error:
            return error.code
        return ""

    def _expected(self, request: IssueRequest) -> str:
        now = self.clock.now()
        if request.sequence <= self.sequence:
            return "STALE"
        if now < self.floor - SLACK:
            return "CLOCK_BEHIND"
        if not self.number:
            return "AUTHORISATION_MISSING"
        if now > self.last_word + timedelta(days=self.lease_days):
            return "LEASE_EXPIRED"
        waiting = sum(tokens for _, tokens in self.waiting)
        if waiting > self.waiting_max:
            return "AUDIT_FULL"
        if code := self._tid_refusal(request):
            return code
        count = len(request.items)
        if waiting + count > self.waiting_max:
            return "AUDIT_FULL"
        units = sum(item.units for item in request.items)
        if self.units_used + units > self.units:
            return "LIMIT_UNITS"
        too_dear = self.value_used + units * 16 > self.value
        return "LIMIT_VALUE" if too_dear else ""

    def _tid_refusal(self, request: IssueRequest) -> str:
        lowest = max(self.high + 1, self._now() - BEHIND)
        for item in request.items:
            if item.tid > self._now() + AHEAD:
                return "CLOCK_AHEAD"
            if item.tid < lowest or tid.is_reserved(item.tid):
                return "TID_WINDOW"
            lowest = item.tid + 1
        return ""


TestLimitedModule = LimitedModule.TestCase
TestLimitedModule.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
