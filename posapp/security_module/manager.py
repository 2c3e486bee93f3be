"""The till's one hand on its security module: opens, pins, asks, and says what is known.

All calls go through one lane (or one lock) because a line has one talker. What a failure means
for the money is decided here, in `_ask`; how bytes travel is the driver's matter.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from posapp.clock import Clock, Randomness, SystemRandomness
from posapp.errors import ModuleError, Outcome, StoreError
from posapp.lanes import Lane, Lanes, Urgency
from posapp.ports import (
    AuditPart,
    IssueRequest,
    IssueResult,
    ModuleOffer,
    ModuleState,
    ModuleStatus,
    NotFound,
)
from posapp.security_module import states
from posapp.security_module.drivers.driver import (
    Capability,
    Context,
    Driver,
    Governed,
    LineClosedError,
    LineLostError,
    LineSilentError,
    Pairable,
    Rekeyable,
    Serviced,
    Staffed,
    WrongAnswerError,
    no_secret,
)
from posapp.security_module.drivers.registry import DriverRegistry
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.link.messages import Hello, Report
from posapp.security_module.report_values import values_of

T = TypeVar("T")

SOFT_S = 3.0  # from here on the screen says that the module takes long
HARD_S = 10.0  # from here on the outcome is unknown and recovery takes over
OPEN_S = 5.0  # a module that does not say hello in this time is not there
POLL_OPEN_S = 1.0  # a look in passing may not hold up a sale
LANE_GRACE_S = 1.0  # how much longer than the hard limit a caller waits for the lane
CLOSE_S = 1.0
REPORT_EVERY_S = 30.0  # limits and keys change slowly; a dead module behind a good port shows
HOLD_REPORT_S = 3.0  # somebody is loading what is missing and looks at the screen
SAME_LOOKS_MAX = 10  # how many polls trust that a silent device on an unchanged port is silent
DOUBTS_MAX = 64  # more sales than this are never open at once

log = logging.getLogger("posapp.module")


class ModuleManager:
    """Implements `posapp.ports.SecurityModule`.

    `address` is a URL whose scheme names the driver: `serial:PORT`, `serial:usb=VID:PID:SERIAL`,
    `tcp:HOST:PORT`, `prismtoken://HOST:PORT` ... (ConfigError as `DriverRegistry.make`).
    `module_id` pins the module from the start; empty pins the first one that answers. `hard_s`
    and `soft_s` are seconds; `secret` gives a driver its passwords, `line_keys` the keys of our
    own line; `driver` replaces the one of the address.
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
        secret: Callable[[str], str | None] = no_secret,
        line_keys: LineKeys | None = None,
        registry: DriverRegistry | None = None,
        driver: Driver | None = None,
    ) -> None:
        self._address = address
        self._till_id = till_id
        self._clock = clock
        self._lanes = lanes
        self._hard_s = hard_s
        self._soft_s = soft_s
        self._presence: Callable[[str], bytes] | None = None
        self.capabilities: frozenset[Capability] = frozenset()
        if driver is None:
            registry = registry or DriverRegistry()
            kind = registry.kind_of(address)
            self._presence, self.capabilities = kind.presence, kind.capabilities
            context = Context(randomness or SystemRandomness(), clock, hard_s, secret, line_keys)
            driver = registry.make(address, context)
        self._driver = driver
        self._line = threading.Lock()
        self._pinned = module_id
        self._boot = b""
        self._closed = False
        self._busy_from: float | None = None
        self._hold: ModuleState | None = None
        self._doubts: dict[bytes, None] = {}  # requests whose outcome this manager left unknown
        self._report_due_at = 0.0
        self._silent_port = b""  # the port on which nobody answered when last looked
        self._same_looks = 0
        self._status = ModuleStatus(
            ModuleState.ABSENT, since=clock.now(), offers=_offers(self._driver)
        )
        self._set(ModuleState.ABSENT)

    # ------------------------------------------------------------ the port's calls

    def status(self) -> ModuleStatus:
        """What is known now, without asking the device. Returns at once; never raises."""
        status, busy_from = self._status, self._busy_from
        if status.state is ModuleState.OPENING and self._driver.is_open:
            status = _in_state(status, ModuleState.HANDSHAKE)
        if busy_from is not None and time.monotonic() - busy_from >= self._soft_s:
            return replace(status, slow=True)
        return status

    def refresh(self) -> ModuleStatus:
        """Open the line if need be and ask the module; the fresh status. Up to 10 s.

        Raises ModuleError: PORT_MISSING, PORT_BUSY, PORT_DENIED, PORT_AMBIGUOUS, MODULE_ABSENT,
        WRONG_MODULE, PROTOCOL_VERSION, MODULE_LINK_LOST, MODULE_TIMEOUT. No token can come of
        it, so the outcome is always NOT_EXECUTED.
        """
        self._run(self._report, Urgency.NORMAL, always=Outcome.NOT_EXECUTED)
        return self.status()

    def issue(self, request: IssueRequest) -> IssueResult:
        """Make the tokens, or have them said again. Up to 10 s.

        Raises ModuleError. NOT_EXECUTED: the module's refusals with its code and parameters, and
        PORT_MISSING, PORT_BUSY, PORT_DENIED, PORT_AMBIGUOUS, MODULE_ABSENT, MODULE_BUSY,
        WRONG_MODULE before the first byte went out. UNKNOWN after it: MODULE_LINK_LOST,
        MODULE_TIMEOUT, MODULE_ANSWER_WRONG.
        """
        assert request.till_id == self._till_id, "a request of another till"

        def ask(deadline: float) -> IssueResult:
            result = self._driver.issue(request, deadline)
            if result.module_id != self._pinned:
                raise WrongAnswerError("module")
            return result

        with self._doubting(request.request_id):
            result = self._run(ask, Urgency.SALE, busy=True)
        self._used(request.sequence)
        return result

    def fetch(self, request_id: bytes, till_id: bytes) -> IssueResult | NotFound:
        """The stored answer to an earlier request. Up to 10 s.

        Raises ModuleError, always with outcome UNKNOWN: whatever stopped the question, what
        became of that request is as unknown as before.
        """
        found = self._run(
            lambda deadline: self._driver.fetch(request_id, till_id, deadline),
            Urgency.SALE,
            always=Outcome.UNKNOWN,
        )
        self._no_doubt(request_id)
        return found

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int) -> None:
        """Burn a sequence number so that a late frame of it can never run. Up to 10 s.

        Raises ModuleError ALREADY_ISSUED (EXECUTED) if it ran before; anything else that stops
        it leaves the request UNKNOWN.
        """

        def ask(deadline: float) -> None:
            self._driver.cancel(request_id, till_id, sequence, deadline)

        try:
            self._run(ask, Urgency.SALE, always=Outcome.UNKNOWN)
        except ModuleError as error:
            if error.outcome is Outcome.EXECUTED:
                self._no_doubt(request_id)
            raise
        self._no_doubt(request_id)
        self._used(sequence)

    # ------------------------------------------------------------ what makes no token

    def login(self, operator: int, pin: str) -> None:
        """Sign a person in to the module; see `posapp.ports.SecurityModule`."""
        driver = self._driver
        if isinstance(driver, Staffed):
            self._besides(lambda deadline: driver.login(operator, pin, deadline))

    def logout(self) -> None:
        """Sign out whoever is signed in; a module that is not there has nobody."""
        driver = self._driver
        if isinstance(driver, Staffed):
            self._besides(driver.logout)

    def load_authorisation(self, document: bytes) -> int:
        """Hand the module head office's signed document; the number it has now."""
        driver = self._governed()
        return self._besides(
            lambda deadline: driver.load_authorisation(document, deadline), always=None
        )

    def load_keys(self, document: bytes) -> int:
        """Hand it a key file; how many keys it has now."""
        driver = self._driver
        if not isinstance(driver, Rekeyable):
            raise _unsupported("keys")
        return self._besides(lambda deadline: driver.load_keys(document, deadline), always=None)

    def acknowledge_audit(self, document: bytes) -> int:
        """Hand it head office's word on the audit; the entry up to which it counts."""
        driver = self._governed()
        return self._besides(lambda deadline: driver.acknowledge_audit(document, deadline))

    def set_time(self, document: bytes) -> int:
        """Hand it head office's word of the time; the moment (ms) that has surely passed."""
        driver = self._serviced()
        return self._besides(lambda deadline: driver.set_time(document, deadline))

    def self_test(self) -> int:
        """Let it try itself out; its last audit entry. Raises ModuleError SELFTEST_FAILED(step)."""
        return self._besides(self._serviced().self_test)

    def _serviced(self) -> Serviced:
        if not isinstance(self._driver, Serviced):
            raise _unsupported("service")
        return self._driver

    def read_audit(self, after: int) -> AuditPart:
        """Some audit entries after a number, oldest first; none at the end."""
        driver = self._governed()
        page = self._besides(lambda deadline: driver.read_audit(after, deadline), changes=False)
        return AuditPart(page.entries, page.number, page.hash32, page.signature)

    def pair(self, code: str, name: str) -> ModuleStatus:
        """Pair with the module at the address and know it from now on.

        Raises InputError PAIR_CODE_FORM and ModuleError PAIR_..., UNSUPPORTED.
        """
        driver = self._driver
        if not isinstance(driver, Pairable):
            raise _unsupported("pair")

        def ask(deadline: float) -> None:
            self._drop(ModuleState.OPENING, "")
            try:
                hello = driver.pair(code, name, deadline)
            except LineClosedError as closed:
                raise ModuleError(
                    closed.code, outcome=Outcome.NOT_EXECUTED, reason=closed.reason
                ) from closed
            finally:
                self._drop(ModuleState.ABSENT, "")
            self._pinned = hello.module_id
            self._status = replace(self._status, module_id=hello.module_id)

        self._besides(ask, open_line=False)
        return self.status()

    def _governed(self) -> Governed:
        if not isinstance(self._driver, Governed):
            raise _unsupported("audit")
        return self._driver

    def _besides(
        self,
        ask: Callable[[float], T],
        *,
        open_line: bool = True,
        changes: bool = True,
        always: Outcome | None = Outcome.NOT_EXECUTED,
    ) -> T:
        """Ask, and then ask how things stand when the answer may have changed that."""
        try:
            return self._run(ask, Urgency.NORMAL, always=always, open_line=open_line)
        finally:  # a refusal changes something too: a wrong PIN signs out whoever was signed in
            if changes:
                self._report_due_at = 0.0
                self.poll()

    # ------------------------------------------------------------ coming and going

    def poll(self) -> ModuleStatus:
        """Look whether the module came or went; call it about once a second off the UI thread.

        Never raises and never waits for a call under way. A line that is fine costs nothing, but
        for a question every 30 s (every 3 s while the module holds); a missing module costs one
        look for its port; a silent one up to 1 s, and then not again until its port changes or
        ten polls have passed.
        """
        if self._closed or self._line.locked():
            return self.status()
        try:
            self._run(self._look, Urgency.CHORE, always=Outcome.NOT_EXECUTED, open_line=False)
        except ModuleError as error:  # `_open` makes one of whatever stops a line
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
            raise ModuleError(
                "MODULE_ABSENT", outcome=Outcome.NOT_EXECUTED, reason=str(error)
            ) from error

    def _await(self, future: Future[T], deadline: float) -> T:
        try:
            return future.result(max(0.0, deadline - time.monotonic()) + LANE_GRACE_S)
        except TimeoutError:
            if future.cancel():
                raise ModuleError("MODULE_BUSY", outcome=Outcome.NOT_EXECUTED) from None
            raise ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN) from None

    def _alone(
        self, ask: Callable[[float], T], deadline: float, *, busy: bool, open_line: bool
    ) -> T:
        left = deadline - time.monotonic()
        if left <= 0 or not self._line.acquire(timeout=left):
            raise ModuleError("MODULE_BUSY", outcome=Outcome.NOT_EXECUTED)
        try:
            if self._closed:
                raise ModuleError("MODULE_ABSENT", outcome=Outcome.NOT_EXECUTED, reason="closed")
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
                self._drop(ModuleState.LINK_LOST, "MODULE_LINK_LOST")
                if again and not lost.sent and open_line:
                    continue
                if not lost.sent:
                    raise ModuleError(
                        "MODULE_ABSENT", outcome=Outcome.NOT_EXECUTED, reason=str(lost)
                    ) from lost
                raise ModuleError("MODULE_LINK_LOST", outcome=Outcome.UNKNOWN) from lost
            except LineSilentError as silent:
                self._drop(ModuleState.LINK_LOST, "MODULE_TIMEOUT")
                raise ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN) from silent
            except WrongAnswerError as wrong:
                self._drop(ModuleState.LINK_LOST, "MODULE_ANSWER_WRONG")
                raise ModuleError(
                    "MODULE_ANSWER_WRONG", outcome=Outcome.UNKNOWN, field=wrong.field
                ) from wrong
            except ModuleError as error:  # the module's own word over a good line
                self._refused(error)
                raise
            if busy:  # it made a token: whatever held it is over, and its limits are others now
                self._hold = None
                self._report_due_at = 0.0
            if self._driver.is_open:
                self._stand()
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
                self._drop(ModuleState.LINK_LOST, "MODULE_LINK_LOST")
        self._set(ModuleState.RECOVERING if self._doubts else ModuleState.OPENING)
        self._open(min(deadline, time.monotonic() + OPEN_S))

    def _open(self, deadline: float) -> None:
        port = b"" if self._presence is None else self._presence(self._address)
        try:
            hello = self._driver.open(deadline)
        except LineClosedError as closed:
            self._drop(ModuleState.ABSENT, closed.code)
            raise ModuleError(
                closed.code, outcome=Outcome.NOT_EXECUTED, reason=closed.reason
            ) from closed
        except (LineLostError, LineSilentError, WrongAnswerError) as error:
            self._drop(ModuleState.ABSENT, "MODULE_ABSENT")
            self._silent_port = port
            raise ModuleError(
                "MODULE_ABSENT", outcome=Outcome.NOT_EXECUTED, reason=type(error).__name__
            ) from error
        except StoreError as error:  # of the keys of the line
            self._drop(ModuleState.NOT_PAIRED, error.code)
            raise ModuleError(error.code, outcome=Outcome.NOT_EXECUTED, **error.params) from error
        except ModuleError as error:
            state = states.state_of_refusal(error.code) or ModuleState.ABSENT
            self._drop(state, error.code)
            self._silent_port = port
            raise
        try:
            self._meet(hello)
        except ModuleError:
            self._silent_port = port
            raise

    def _meet(self, hello: Hello) -> None:
        if self._pinned and hello.module_id != self._pinned:
            self._drop(ModuleState.WRONG_MODULE, "WRONG_MODULE")
            raise ModuleError(
                "WRONG_MODULE",
                outcome=Outcome.NOT_EXECUTED,
                expected=self._pinned,
                found=hello.module_id,
            )
        if not self._pinned:
            self._pinned = hello.module_id
            log.info("module %s answers", hello.module_id)
        elif hello.boot != self._boot:
            log.info("module %s was started again", hello.module_id)
        self._boot = hello.boot
        self._report_due_at = 0.0
        self._status = replace(
            self._status,
            module_id=hello.module_id,
            firmware=hello.firmware,
            certified=hello.certified,
        )
        self._stand()

    def _report(self, deadline: float) -> Report:
        report = self._driver.status(self._till_id, deadline)
        self._status = replace(self._status, **values_of(report))
        state = states.state_of(states.facts_of(report), self._clock.now())
        self._hold = None if state is ModuleState.READY else state
        pause_s = HOLD_REPORT_S if self._hold else REPORT_EVERY_S
        self._report_due_at = time.monotonic() + pause_s
        return report

    def _look(self, deadline: float) -> None:
        soon = min(deadline, time.monotonic() + POLL_OPEN_S)
        if self._driver.is_open:
            self._driver.check()
            if time.monotonic() < self._report_due_at:
                return
        elif self._is_still_silent():
            return
        else:
            self._open(soon)
        self._report(soon)

    def _is_still_silent(self) -> bool:
        """Whether a look would only wait for nobody again: the same device as the last time."""
        if not self._silent_port or self._presence is None:
            return False
        self._same_looks += 1
        return (
            self._same_looks < SAME_LOOKS_MAX and self._presence(self._address) == self._silent_port
        )

    # ------------------------------------------------------------ what is known

    @contextmanager
    def _doubting(self, request_id: bytes) -> Iterator[None]:
        """Remember a request that may have been executed until somebody has asked about it."""
        try:
            yield
        except ModuleError as error:
            if error.outcome is Outcome.UNKNOWN:
                if len(self._doubts) < DOUBTS_MAX:
                    self._doubts[request_id] = None
            elif self._driver.is_open:
                self._no_doubt(request_id)
            raise
        self._no_doubt(request_id)

    def _no_doubt(self, request_id: bytes) -> None:
        self._doubts.pop(request_id, None)
        if self._status.state is ModuleState.RECOVERING and self._driver.is_open:
            self._stand()

    def _refused(self, error: ModuleError) -> None:
        """A refusal may say more about the module than its last report did."""
        if not self._driver.is_open:  # it was refused while the line was being opened
            return
        revealed = states.state_of_refusal(error.code)
        if revealed is not None and not revealed.holds:
            self._drop(revealed, error.code)
            return
        if revealed is not None:
            self._hold = revealed
        self._report_due_at = 0.0
        self._stand()

    def _stand(self) -> None:
        """The state of an open line with nobody talking."""
        recovering = ModuleState.RECOVERING if self._doubts else ModuleState.READY
        self._set(self._hold or recovering)

    def _used(self, sequence: int) -> None:
        if sequence > self._status.last_sequence:
            self._status = replace(self._status, last_sequence=sequence)

    def _drop(self, state: ModuleState, problem: str) -> None:
        self._driver.close()
        self._silent_port = b""
        self._same_looks = 0
        self._set(state, problem)

    def _set(self, state: ModuleState, problem: str = "") -> None:
        if (state, problem) == (self._status.state, self._status.problem) and self._status.sentence:
            return
        since = self._status.since if state is self._status.state else self._clock.now()
        self._status = replace(_in_state(self._status, state), since=since, problem=problem)


def _offers(driver: Driver) -> frozenset[ModuleOffer]:
    governed = isinstance(driver, Governed)
    offered = {
        ModuleOffer.SIGN_IN: isinstance(driver, Staffed),
        ModuleOffer.AUTHORISATION: governed,
        ModuleOffer.KEYS: isinstance(driver, Rekeyable),
        ModuleOffer.AUDIT: governed,
        ModuleOffer.PAIRING: isinstance(driver, Pairable),
    }
    return frozenset(offer for offer, is_there in offered.items() if is_there)


def _unsupported(cap: str) -> ModuleError:
    return ModuleError("UNSUPPORTED", outcome=Outcome.NOT_EXECUTED, cap=cap)


def _in_state(status: ModuleStatus, state: ModuleState) -> ModuleStatus:
    words = states.TABLE[state]
    return replace(
        status, state=state, sentence=words.sentence, action=words.action, colour=words.colour
    )
