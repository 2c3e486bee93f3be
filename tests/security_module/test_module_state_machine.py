"""Any history of requests, repeats, cancels, restarts and clocks: the module agrees with a model
that is a few dictionaries. The rules themselves, one by one, are in test_module_engine.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from posapp.errors import ModuleError
from posapp.ports import IssueRequest
from posapp.security_module.link.messages import Answer, Missing
from posapp.sts import tid
from tests.security_module.engines import NOON_TID, SetClock, an_engine, order
from tests.security_module.module_process import METER, OTHER_TILL, TILL, a_request

METERS = (METER, "0100000000008")
TILLS = (TILL, OTHER_TILL)
AHEAD, BEHIND = 12 * 60, 7 * 24 * 60


class Module(RuleBasedStateMachine):
    """The model: who was answered what, each till's last number, each meter's last TID."""

    requests = Bundle("requests")

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = SetClock()
        self.engine, self.store = an_engine(self.folder, self.clock)
        self.answers: dict[bytes, tuple[IssueRequest, Answer]] = {}
        self.last = dict.fromkeys(TILLS, 0)
        self.high = dict.fromkeys(METERS, -1)
        self.given: set[tuple[str, int]] = set()
        self.floor = self.clock.moment
        self.made = 0

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    @rule(
        target=requests,
        till=st.sampled_from(TILLS),
        meter=st.sampled_from(METERS),
        ahead=st.integers(-1, 3),
        near=st.integers(-3, 6) | st.integers(-BEHIND - 5, AHEAD + 5),
        count=st.integers(1, 3),
    )
    def intend(self, till: bytes, meter: str, ahead: int, near: int, count: int) -> IssueRequest:
        """A till writes an intent; nothing is asked yet."""
        self.made += 1
        first = max(0, self._now() + near)
        return a_request(
            max(1, self.last[till] + ahead),
            *range(first, first + count),
            meter=meter,
            till=till,
            request_id=self.made.to_bytes(16, "big"),
        )

    @rule(request=requests)
    def issue(self, request: IssueRequest) -> None:
        expected = self._expected(request)
        try:
            answer = self.engine.issue(order(request))
        except ModuleError as error:
            said = (error.code, error.params.get("lowest_tid"))
            assert said == expected
            if error.code in ("CLOCK_AHEAD", "CLOCK_BEHIND"):
                self.last[request.till_id] = request.sequence
            return
        if expected == ("again", None):
            first = self.answers[request.request_id][1]
            assert answer.replayed
            assert (answer.tokens, answer.audit_no) == (first.tokens, first.audit_no)
            return
        assert expected == ("made", None)
        assert not answer.replayed
        self.answers[request.request_id] = (request, answer)
        assert answer.audit_no == len(self.answers)
        self.last[request.till_id] = request.sequence
        for item in request.items:
            assert (request.meter, item.tid) not in self.given
            self.given.add((request.meter, item.tid))
            self.high[request.meter] = item.tid
        self.floor = max(self.floor, self.clock.moment)

    @rule(target=requests, request=consumes(requests), field=st.sampled_from(["units", "sequence"]))
    def tamper(self, request: IssueRequest, field: str) -> IssueRequest:
        """The same request id with another content goes round from now on."""
        sequence = request.sequence + (field == "sequence")
        return a_request(
            sequence,
            *(item.tid for item in request.items),
            meter=request.meter,
            till=request.till_id,
            request_id=request.request_id,
            units=request.items[0].units + (field == "units"),
        )

    @rule(request=requests)
    def cancel(self, request: IssueRequest) -> None:
        till, number = request.till_id, request.sequence
        if request.request_id in self.answers:
            with pytest.raises(ModuleError, match="ALREADY_ISSUED"):
                self.engine.cancel(request.request_id, till, number)
        else:
            self.last[till] = max(self.last[till], number)
            assert self.engine.cancel(request.request_id, till, number) == self.last[till]

    @rule(request=requests)
    def fetch(self, request: IssueRequest) -> None:
        found = self.engine.fetch(request.request_id, request.till_id)
        known = self.answers.get(request.request_id)
        if known is None:
            assert found == Missing(self.last[request.till_id])
        else:
            assert isinstance(found, Answer)
            assert found.tokens == known[1].tokens

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.engine, self.store = an_engine(self.folder, self.clock)

    @rule(minutes=st.integers(-200, 3000))
    def time_passes(self, minutes: int) -> None:
        self.clock.move(minutes=minutes)

    @invariant()
    def numbers_agree(self) -> None:
        if hasattr(self, "engine"):
            report = self.engine.report(TILL)
            assert (report.last_sequence, report.issues) == (self.last[TILL], len(self.answers))

    def _now(self) -> int:
        return NOON_TID + int((self.clock.moment - SetClock().moment).total_seconds()) // 60

    def _expected(self, request: IssueRequest) -> tuple[str, int | None]:
        known = self.answers.get(request.request_id)
        if known is not None:
            return ("again" if known[0] == request else "RID_CONFLICT"), None
        if request.sequence <= self.last[request.till_id]:
            return "STALE", None
        if (self.floor - self.clock.moment).total_seconds() > 120:
            return "CLOCK_BEHIND", None
        lowest = max(self.high[request.meter] + 1, self._now() - BEHIND)
        for item in request.items:
            lowest += tid.is_reserved(lowest)
            if item.tid > self._now() + AHEAD:
                return "CLOCK_AHEAD", None
            if item.tid < lowest:
                return "TID_WINDOW", lowest
            if tid.is_reserved(item.tid):
                return "TID_WINDOW", item.tid + 1
            lowest = item.tid + 1
        return "made", None


TestModule = Module.TestCase
TestModule.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
