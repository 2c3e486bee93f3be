"""The till's one hand on its security module: opens, pins, asks, and says what is known.

All calls go through one lane (or one lock) because a line has one talker. What a failure means
for the money is decided here, in `_ask`; how bytes travel is the driver's matter.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from posapp.clock import Clock, Randomness, SystemRandomness
from posapp.errors import ModuleError, Outcome
from posapp.lanes import Lane, Lanes, Urgency
from posapp.ports import (
    IssueRequest,
    IssueResult,
    ModuleState,
    ModuleStatus,
    NotFound,
    SupplyKey,
)
from posapp.security_module.drivers.driver import (
    Driver,
    LineClosedError,
    LineLostError,
    LineSilentError,
    WrongAnswerError,
)
from posapp.security_module.drivers.link_driver import ASK_AGAIN_S, LinkDriver
from posapp.security_module.link.messages import Hello, Report
from posapp.security_module.link.transports import Address

T = TypeVar("T")

SOFT_S = 3.0  # from here on the screen says that the module takes long
HARD_S = 10.0  # from here on the outcome is unknown and recovery takes over
OPEN_S = 5.0  # a module that does not say hello in this time is not there
POLL_OPEN_S = 1.0  # a look in passing may not hold up a sale
LANE_GRACE_S = 1.0  # how much longer than the hard limit a caller waits for the lane
CLOSE_S = 1.0

log = logging.getLogger("posapp.module")


class ModuleManager:
    """Implements `posapp.ports.SecurityModule`.

    `address` is `serial:PORT` or `tcp:HOST:PORT` (ConfigError MODULE_ADDRESS_INVALID otherwise).
    `module_id` pins the module from the start; empty pins the first one that answers. `hard_s`
    and `soft_s` are seconds; `driver` replaces the link driver (other kinds of modules).
    """

    def __init__(
        self,
        address: str,
        *,
        till_id: bytes,
        clock: Clock,
        lanes: Lanes | None = None,
        randomness: Randomness | None = None,
        module_id: str = "",
        hard_s: float = HARD_S,
        soft_s: float = SOFT_S,
        driver: Driver | None = None,
    ) -> None:
        self._till_id = till_id
        self._clock = clock
        self._lanes = lanes
        self._hard_s = hard_s
        self._soft_s = soft_s
        self._driver: Driver = driver or LinkDriver(
            Address.parse(address),
            randomness or SystemRandomness(),
            again_s=min(ASK_AGAIN_S, hard_s / 3),
        )
        self._line = threading.Lock()
        self._pinned = module_id
        self._boot = b""
        self._closed = False
        self._busy_from: float | None = None
        self._status = ModuleStatus(ModuleState.ABSENT, since=clock.now())

    # ------------------------------------------------------------ the port's calls

    def status(self) -> ModuleStatus:
        """What is known now, without asking the device. Returns at once; never raises."""
        status, busy_from = self._status, self._busy_from
        if busy_from is not None and time.monotonic() - busy_from >= self._soft_s:
            return replace(status, slow=True)
        return status

    def refresh(self) -> ModuleStatus:
        """Open the line if need be and ask the module; the fresh status. Up to 10 s.

        Raises ModuleError: PORT_MISSING, PORT_BUSY, PORT_DENIED, MODULE_ABSENT, WRONG_MODULE,
        PROTOCOL_VERSION, MODULE_LINK_LOST, MODULE_TIMEOUT. No token can come of it, so the
        outcome is always NOT_EXECUTED.
        """
        self._run(self._report, Urgency.NORMAL, always=Outcome.NOT_EXECUTED)
        return self.status()

    def issue(self, request: IssueRequest) -> IssueResult:
        """Make the tokens, or have them said again. Up to 10 s.

        Raises ModuleError. NOT_EXECUTED: the module's refusals with its code and parameters, and
        PORT_MISSING, PORT_BUSY, PORT_DENIED, MODULE_ABSENT, MODULE_BUSY, WRONG_MODULE before the
        first byte went out. UNKNOWN after it: MODULE_LINK_LOST, MODULE_TIMEOUT,
        MODULE_ANSWER_WRONG.
        """
        assert request.till_id == self._till_id, "a request of another till"

        def ask(deadline: float) -> IssueResult:
            result = self._driver.issue(request, deadline)
            if result.module_id != self._pinned:
                raise WrongAnswerError("module")
            return result

        result = self._run(ask, Urgency.SALE, busy=True)
        self._used(request.sequence)
        return result

    def fetch(self, request_id: bytes, till_id: bytes) -> IssueResult | NotFound:
        """The stored answer to an earlier request. Up to 10 s.

        Raises ModuleError, always with outcome UNKNOWN: whatever stopped the question, what
        became of that request is as unknown as before.
        """
        return self._run(
            lambda deadline: self._driver.fetch(request_id, till_id, deadline),
            Urgency.SALE,
            always=Outcome.UNKNOWN,
        )

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int) -> None:
        """Burn a sequence number so that a late frame of it can never run. Up to 10 s.

        Raises ModuleError ALREADY_ISSUED (EXECUTED) if it ran before; anything else that stops
        it leaves the request UNKNOWN.
        """

        def ask(deadline: float) -> None:
            self._driver.cancel(request_id, till_id, sequence, deadline)

        self._run(ask, Urgency.SALE, always=Outcome.UNKNOWN)
        self._used(sequence)

    def poll(self) -> ModuleStatus:
        """Look whether the module came or went; call it about once a second off the UI thread.

        Never raises and never waits for a call under way. A line that is fine costs nothing; a
        missing module costs one look for its port, a silent one up to 1 s.
        """
        if self._closed or self._line.locked():
            return self.status()
        try:
            self._run(self._look, Urgency.CHORE, always=Outcome.NOT_EXECUTED, open_line=False)
        except ModuleError as error:
            log.debug("module not there: %s", error.code)
        return self.status()

    def close(self) -> None:
        """Give up the line; a call under way ends as if the cable was pulled. At most 1 s."""
        self._closed = True
        self._driver.interrupt()
        if self._line.acquire(timeout=CLOSE_S):
            try:
                self._driver.close()
            finally:
                self._line.release()
        self._set(ModuleState.ABSENT)

    # ------------------------------------------------------------ one talker at a time

    def _run(
        self,
        ask: Callable[[float], T],
        urgency: Urgency,
        *,
        always: Outcome | None = None,
        busy: bool = False,
        open_line: bool = True,
    ) -> T:
        """Run `ask` on the module lane within the hard limit; `always` overrules the outcome."""
        deadline = time.monotonic() + self._hard_s

        def work() -> T:
            return self._alone(ask, deadline, busy=busy, open_line=open_line)

        try:
            if self._lanes is None:
                return work()
            return self._await(self._queue(self._lanes, work, urgency), deadline)
        except ModuleError as error:
            final = error.outcome if error.outcome is Outcome.EXECUTED else always
            if final is None or final is error.outcome:
                raise
            raise ModuleError(error.code, outcome=final, **error.params) from error

    @staticmethod
    def _queue(lanes: Lanes, work: Callable[[], T], urgency: Urgency) -> Future[T]:
        try:
            return lanes.run(Lane.MODULE, work, urgency)
        except RuntimeError as error:  # closed or full: the program ends or hangs
            raise ModuleError("MODULE_ABSENT", reason=str(error)) from error

    def _await(self, future: Future[T], deadline: float) -> T:
        try:
            return future.result(max(0.0, deadline - time.monotonic()) + LANE_GRACE_S)
        except TimeoutError:
            if future.cancel():
                raise ModuleError("MODULE_BUSY") from None
            raise ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN) from None

    def _alone(
        self, ask: Callable[[float], T], deadline: float, *, busy: bool, open_line: bool
    ) -> T:
        left = deadline - time.monotonic()
        if left <= 0 or not self._line.acquire(timeout=left):
            raise ModuleError("MODULE_BUSY")
        try:
            if self._closed:
                raise ModuleError("MODULE_ABSENT", reason="closed")
            self._busy_from = time.monotonic()
            return self._ask(ask, deadline, busy=busy, open_line=open_line)
        finally:
            self._busy_from = None
            self._line.release()

    def _ask(self, ask: Callable[[float], T], deadline: float, *, busy: bool, open_line: bool) -> T:
        """Ask over a good line; a line found dead before the first byte is opened anew, once."""
        for again in (True, False):
            if open_line:
                self._ready(deadline)
            if busy:
                self._set(ModuleState.BUSY)
            try:
                answer = ask(deadline)
            except LineLostError as lost:
                self._drop(ModuleState.LINK_LOST)
                if again and not lost.sent and open_line:
                    continue
                if not lost.sent:
                    raise ModuleError("MODULE_ABSENT", reason=str(lost)) from lost
                raise ModuleError("MODULE_LINK_LOST", outcome=Outcome.UNKNOWN) from lost
            except LineSilentError as silent:
                self._drop(ModuleState.LINK_LOST)
                raise ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN) from silent
            except WrongAnswerError as wrong:
                self._drop(ModuleState.LINK_LOST)
                raise ModuleError(
                    "MODULE_ANSWER_WRONG", outcome=Outcome.UNKNOWN, field=wrong.field
                ) from wrong
            except ModuleError:  # the module's own word over a good line
                if self._driver.is_open:
                    self._set(ModuleState.READY)
                raise
            if self._driver.is_open:
                self._set(ModuleState.READY)
            return answer
        raise AssertionError("unreachable")

    # ------------------------------------------------------------ opening and looking

    def _ready(self, deadline: float) -> None:
        """An open line to the pinned module, or ModuleError with outcome NOT_EXECUTED."""
        if self._driver.is_open:
            try:
                self._driver.check()
                return
            except LineLostError:
                self._drop(ModuleState.LINK_LOST)
        self._open(min(deadline, time.monotonic() + OPEN_S))

    def _open(self, deadline: float) -> None:
        self._set(ModuleState.OPENING)
        try:
            hello = self._driver.open(deadline)
        except LineClosedError as closed:
            self._drop(ModuleState.ABSENT)
            raise ModuleError(closed.code, reason=closed.reason) from closed
        except (LineLostError, LineSilentError, WrongAnswerError) as error:
            self._drop(ModuleState.ABSENT)
            raise ModuleError("MODULE_ABSENT", reason=type(error).__name__) from error
        except ModuleError:
            self._drop(ModuleState.ABSENT)
            raise
        self._meet(hello)

    def _meet(self, hello: Hello) -> None:
        if self._pinned and hello.module_id != self._pinned:
            self._drop(ModuleState.WRONG_MODULE)
            raise ModuleError("WRONG_MODULE", expected=self._pinned, found=hello.module_id)
        if not self._pinned:
            self._pinned = hello.module_id
            log.info("module %s answers", hello.module_id)
        elif hello.boot != self._boot:
            log.info("module %s was started again", hello.module_id)
        self._boot = hello.boot
        self._status = replace(
            self._status,
            module_id=hello.module_id,
            firmware=hello.firmware,
            certified=hello.certified,
        )
        self._set(ModuleState.READY)

    def _report(self, deadline: float) -> Report:
        report = self._driver.status(self._till_id, deadline)
        keys = tuple(
            SupplyKey(k.sgc, k.krn, k.base_date, k.ken, k.dkga, k.test) for k in report.keys
        )
        self._status = replace(self._status, keys=keys, last_sequence=report.last_sequence)
        return report

    def _look(self, deadline: float) -> None:
        if self._driver.is_open:
            self._driver.check()
            return
        soon = min(deadline, time.monotonic() + POLL_OPEN_S)
        self._open(soon)
        self._report(soon)

    # ------------------------------------------------------------ what is known

    def _used(self, sequence: int) -> None:
        if sequence > self._status.last_sequence:
            self._status = replace(self._status, last_sequence=sequence)

    def _drop(self, state: ModuleState) -> None:
        self._driver.close()
        self._set(state)

    def _set(self, state: ModuleState) -> None:
        if self._status.state is not state:
            since: datetime = self._clock.now()
            self._status = replace(self._status, state=state, since=since)
