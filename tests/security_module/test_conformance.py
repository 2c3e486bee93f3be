"""Our drivers keep the contract, and the checks find drivers that do not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posapp.errors import ModuleError, Outcome
from posapp.ports import IssueRequest, IssueResult, NotFound
from posapp.security_module.conformance import CHECKS, Bench, BrokenError, Check, check
from posapp.security_module.drivers.driver import Capability, LineLostError
from posapp.security_module.drivers.link_driver import LinkDriver
from tests.security_module.conformance_benches import Standing, kinds, link_over_memory
from tests.security_module.module_process import ON_POSIX, ModuleProcess
from tests.security_module.prismtoken_process import PrismTokenProcess
from tests.security_module.prismtoken_server import PASSWORD
from tests.security_module.soft_tokens import needs_soft_hsm

NAMES = [name for name in kinds() if ON_POSIX or "pty" not in name]
# Only what a bench can be asked: what it lacks is known beforehand and is no skip.
PAIRS = [(n, c) for n in NAMES for c in CHECKS if not c.missing(kinds()[n])]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Bench]]:
    """Each bench once for all its checks."""
    standing: dict[str, Standing] = {}

    def one(name: str) -> Bench:
        if name not in standing:
            standing[name] = kinds()[name].stand(tmp_path_factory.mktemp(name))
        return standing[name].bench

    yield one
    for each in standing.values():
        each.close()


ON_A_TOKEN = "link-pkcs11"


@pytest.mark.parametrize(
    ("name", "one"),
    [
        pytest.param(n, c, id=f"{n}: {c}", marks=[needs_soft_hsm] if n == ON_A_TOKEN else [])
        for n, c in PAIRS
    ],
)
def test_our_drivers_keep_the_contract(
    stand: Callable[[str], Bench], name: str, one: Check
) -> None:
    one.run(stand(name))


def test_each_sentence_is_asked_of_some_driver_of_ours() -> None:
    assert {str(one) for _, one in PAIRS} == {str(one) for one in CHECKS}
    assert len({str(one) for one in CHECKS}) == len(CHECKS) > 20


# ---------------------------------------------------------------- drivers that do not keep it


class Bad(LinkDriver):
    """A driver of ours with one thing wrong; each kind names the sentence that must find it."""


class ForgetsTheLine(Bad):
    """stays open after `close`"""

    @property
    def is_open(self) -> bool:
        return True


class AlwaysNew(Bad):
    """the same request is answered the same"""

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        return replace(super().issue(request, deadline), replayed=False)


class CallsItAFailure(Bad):
    """a lost answer is an unknown outcome"""

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        try:
            return super().issue(request, deadline)
        except LineLostError:
            raise ModuleError("MODULE_LINK_LOST", outcome=Outcome.NOT_EXECUTED) from None


class SaysNothingLeft(Bad):
    """a lost answer is an unknown outcome"""

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        try:
            return super().issue(request, deadline)
        except LineLostError as lost:
            raise LineLostError(str(lost), sent=False) from lost


class TriesAgainAnew(Bad):
    """the same request is answered the same"""

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        self._count = getattr(self, "_count", 0) + 1
        if self._count > 1:
            return IssueResult(request.request_id, ("1" * 20,), "REF", 1, replayed=True)
        return super().issue(request, deadline)


class NeverFinds(Bad):
    """a request can be fetched"""

    def fetch(self, request_id: bytes, till_id: bytes, deadline: float) -> IssueResult | NotFound:
        super().fetch(request_id, till_id, deadline)
        return NotFound(0)


class PretendsToCancel(Bad):
    """a cancelled request never runs"""

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int, deadline: float) -> None:
        self._open_line()


class TalksTooMuch(Bad):
    """neither a secret nor a token shows"""

    def __repr__(self) -> str:
        return f"TalksTooMuch(password={PASSWORD!r})"


class SwallowsTheRefusal(Bad):
    """a refusal says NOT_EXECUTED"""

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        try:
            return super().issue(request, deadline)
        except ModuleError as error:
            raise ModuleError(error.code, outcome=Outcome.UNKNOWN) from None


class Deaf(Bad):
    """a call under way ends soon"""

    def interrupt(self) -> None:
        return None


class Patient(Bad):
    """a silent module costs the deadline"""

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        return super().issue(request, deadline + 2.0)


@pytest.mark.parametrize("bad", Bad.__subclasses__(), ids=lambda kind: kind.__name__)
def test_a_driver_that_breaks_the_contract_is_found(tmp_path: Path, bad: type[LinkDriver]) -> None:
    standing = link_over_memory(tmp_path)

    def make() -> Any:
        driver: Any = standing.bench.make()
        driver.__class__ = bad
        return driver

    try:
        words = (bad.__doc__ or "").strip()
        bench = replace(standing.bench, make=make)
        if bad is not ForgetsTheLine:  # its sentence is that of the first check
            found = [one for one in CHECKS if words in str(one)]
            assert len(found) == 1
            with pytest.raises(BrokenError):
                found[0].run(bench)
        else:
            assert not check(replace(bench, cable=None)).ok
    finally:
        standing.close()


# ---------------------------------------------------------------- as an author runs it


def test_the_report_names_what_was_skipped_and_why(tmp_path: Path) -> None:
    standing = link_over_memory(tmp_path)
    few = frozenset({Capability.REPLAY, Capability.CANCEL})
    report = check(replace(standing.bench, cable=None, capabilities=few))
    standing.close()
    assert report.ok
    text = str(report)
    assert "the bench has no cable" in text
    assert "the driver does not declare conflict" in text
    assert text.splitlines()[-1].endswith("skipped") and " 0 broken" in text


def test_a_driver_that_raises_what_it_must_not_is_broken_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    standing = link_over_memory(tmp_path)

    def make() -> Any:
        driver: Any = standing.bench.make()
        driver.fetch = lambda *_: 1 / 0
        return driver

    report = check(replace(standing.bench, make=make, cable=None))
    standing.close()
    assert not report.ok
    details = {row.detail for row in report.rows if row.result == "broken"}
    assert details == {"it raised ZeroDivisionError"}
    assert sum(row.result == "passed" for row in report.rows) > 5


def _command(address: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "posapp.security_module.conformance", address]
    return subprocess.run(
        [*command, "--sgc", "201457", "--krn", "1", "--call-s", "5"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_says_what_it_found(tmp_path: Path) -> None:
    module = ModuleProcess.make(tmp_path / "module", "tcp:127.0.0.1:0")
    with module.running():
        run = _command(module.address)
    assert (run.returncode, run.stderr) == (0, "")
    assert " 0 broken" in run.stdout


def test_the_command_takes_a_password_from_its_environment(tmp_path: Path) -> None:
    server = PrismTokenProcess(tmp_path)
    try:
        good = _command(server.address(), POSAPP_MODULE_SECRET=PASSWORD)
        bad = _command(server.address(), POSAPP_MODULE_SECRET="wrong")
    finally:
        server.close()
    assert good.returncode == 0, good.stdout
    assert bad.returncode == 1
    assert PASSWORD not in good.stdout + good.stderr + bad.stdout


def test_the_command_says_why_it_cannot_try() -> None:
    run = _command("pigeon:post")
    assert run.returncode == 2
    assert "DRIVER_UNKNOWN" in run.stderr
