"""What an author of a driver brings to the checks, and what each check works with."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from posapp.clock import Clock, Randomness, SystemClock, SystemRandomness, epoch_ms
from posapp.domain.ids import uuid7
from posapp.domain.meter import MeterConfiguration, luhn_digit
from posapp.domain.sale import KeyTarget, TokenKind
from posapp.errors import ModuleError, Outcome
from posapp.journal.facts import TokenItem
from posapp.ports import IssueRequest, IssueResult
from posapp.security_module.drivers.driver import (
    Capability,
    Driver,
    LineLostError,
    LineSilentError,
    WrongAnswerError,
)
from posapp.sts import tid

# All that a driver may raise once its line is open.
LINE_ERRORS = (LineLostError, LineSilentError, WrongAnswerError)


class BrokenError(Exception):
    """The driver does not keep the contract; the text says in what."""


class Cable(Protocol):
    """What an author's bench can do to the line, or make the module do.

    Each holds for the next ISSUE that a driver sends; a driver's questions before it pass.
    """

    def lose_request(self) -> None:
        """It never reaches the module, and the line breaks."""
        ...

    def lose_answer(self) -> None:
        """The module executes it; the answer does not come back, and the line breaks."""
        ...

    def delay(self) -> None:
        """The line breaks, and the module receives it when `deliver` is called."""
        ...

    def deliver(self) -> None:
        """What `delay` held back reaches the module now; returns when that is done."""
        ...

    def stall(self) -> None:
        """Neither answer nor break: silence until `heal`. No token may come of it."""
        ...

    def heal(self) -> None:
        """A good line again, for drivers that are opened from now on."""
        ...


@dataclass(frozen=True)
class Bench:
    """`make` gives a closed driver for the module under test each time it is called.

    `configuration` is of a meter whose key the module holds; meters are made up. The optional
    rest makes more checks possible: `target` (where a key change may take that meter); `cable`;
    `stranger` (a driver for another module); `nowhere` (a driver whose address leads to nothing);
    `made` (how many tokens the module made for a request id in all); `accepts` (whether a meter
    takes these tokens); `secrets` (what must never be seen: keys, passwords). `call_s` is how
    long one call may take.
    """

    make: Callable[[], Driver]
    capabilities: frozenset[Capability]
    configuration: MeterConfiguration
    target: KeyTarget | None = None
    cable: Cable | None = None
    stranger: Callable[[], Driver] | None = None
    nowhere: Callable[[], Driver] | None = None
    made: Callable[[bytes], int] | None = None
    accepts: Callable[[IssueRequest, tuple[str, ...]], bool] | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    call_s: float = 10.0
    clock: Clock = field(default_factory=SystemClock)
    randomness: Randomness = field(default_factory=SystemRandomness)


class Case:
    """One check at work: a till and a meter nobody saw before, and drivers that end with it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.till_id = bench.randomness.bytes(16)
        body = f"01{int.from_bytes(bench.randomness.bytes(4), 'big') % 10**8:08d}"
        self.meter = body + luhn_digit(body)
        self._drivers: list[Driver] = []
        self._sequence = itertools.count(1)
        self._tid: int | None = None

    def driver(self, make: Callable[[], Driver] | None = None) -> Driver:
        """A closed driver that is given up at the end."""
        self._drivers.append((make or self.bench.make)())
        return self._drivers[-1]

    def opened(self) -> Driver:
        """An open one; those before it give up the line, which has room for one."""
        for other in self._drivers:
            other.close()
        driver = self.driver()
        driver.open(self.deadline())
        return driver

    def close(self) -> None:
        """Give up every driver; a cable is healed."""
        for driver in self._drivers:
            driver.close()
        if self.bench.cable is not None:
            self.bench.cable.heal()

    def deadline(self, seconds: float | None = None) -> float:
        """The deadline of a call."""
        return time.monotonic() + (self.bench.call_s if seconds is None else seconds)

    def request(self, items: int = 1, units: int = 711) -> IssueRequest:
        """A new sale with the next number and TIDs of this check's till and meter."""
        bench = self.bench
        now = bench.clock.now()
        base_date = bench.configuration.base_date
        rows = []
        for _ in range(items):
            self._tid = tid.next_tid(now, base_date, self._tid)
            rows.append(TokenItem(TokenKind.CREDIT, 0, self._tid, units, units * 16))
        return IssueRequest(
            request_id=uuid7(epoch_ms(now), bench.randomness.bytes(10)).bytes,
            till_id=self.till_id,
            sequence=next(self._sequence),
            meter=self.meter,
            configuration=bench.configuration,
            items=tuple(rows),
        )

    def order(self, **item: Any) -> IssueRequest:
        """A new request for one item of another kind; what is not given is a credit's."""
        request = self.request()
        return replace(request, items=(replace(request.items[0], **item),))

    def sell(self, driver: Driver, items: int = 1) -> tuple[IssueRequest, IssueResult]:
        """One sale on a good line."""
        request = self.request(items)
        return request, driver.issue(request, self.deadline())

    def made_once(self, request: IssueRequest) -> None:
        """Where the bench can tell: each item has one token, none has two."""
        if self.bench.made is not None:
            count = self.bench.made(request.request_id)
            must(count == len(request.items), f"{count} tokens for {len(request.items)} items")


@contextmanager
def a_case(bench: Bench) -> Iterator[Case]:
    """A case that is closed whatever happens."""
    case = Case(bench)
    try:
        yield case
    finally:
        case.close()


def must(claim: object, otherwise: str) -> None:
    """Raise BrokenError unless the claim holds."""
    if not claim:
        raise BrokenError(otherwise)


def refused(call: Callable[[], object], outcome: Outcome, code: str = "") -> ModuleError:
    """The module's refusal of a call; BrokenError when it is another, or none."""
    try:
        call()
    except ModuleError as error:
        must(error.outcome is outcome, f"{error.code} says {error.outcome}, not {outcome}")
        must(not code or error.code == code, f"{error.code} instead of {code}")
        return error
    except LINE_ERRORS as error:
        raise BrokenError(f"{type(error).__name__} instead of a refusal") from error
    raise BrokenError(f"no refusal, where {code or outcome} was due")


def cut_short(call: Callable[[], object]) -> Exception:
    """The error of a call whose request left and whose answer did not come."""
    try:
        call()
    except LineLostError as lost:
        must(lost.sent, "it says that no byte left")
        return lost
    except (LineSilentError, WrongAnswerError) as error:
        return error
    except ModuleError as error:
        must(error.outcome is Outcome.UNKNOWN, f"{error.code} says {error.outcome}")
        return error
    raise BrokenError("an answer, though the line was cut")


@dataclass(frozen=True)
class Check:
    """One sentence of the contract. `str(check)` is the sentence."""

    sentence: str
    work: Callable[[Case], None]
    needs: frozenset[Capability] = frozenset()
    parts: tuple[str, ...] = ()

    def missing(self, bench: Bench) -> str:
        """Why this bench cannot be asked; empty when it can."""
        lacks = sorted(self.needs - bench.capabilities)
        if lacks:
            return f"the driver does not declare {', '.join(lacks)}"
        parts = [part for part in self.parts if getattr(bench, part) is None]
        return f"the bench has no {', '.join(parts)}" if parts else ""

    def run(self, bench: Bench) -> None:
        """Raises BrokenError; any other exception is one that the driver must not raise."""
        with a_case(bench) as case:
            self.work(case)

    def __str__(self) -> str:
        return self.sentence
