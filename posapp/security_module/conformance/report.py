"""All checks in one go, as rows for people and for programs."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from posapp.security_module.conformance.bench import Bench, BrokenError
from posapp.security_module.conformance.checks import CHECKS

PASSED, BROKEN, SKIPPED = "passed", "broken", "skipped"
log = logging.getLogger("posapp.module")


@dataclass(frozen=True, slots=True)
class Row:
    """One check: `result` is passed, broken or skipped; `detail` says in what, or why."""

    sentence: str
    result: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.result:8}{self.sentence}" + (f": {self.detail}" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found."""

    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Whether the driver broke nothing that it could be asked."""
        return all(row.result != BROKEN for row in self.rows)

    def __str__(self) -> str:
        counts = [sum(row.result == r for row in self.rows) for r in (PASSED, BROKEN, SKIPPED)]
        last = "{} passed, {} broken, {} skipped".format(*counts)
        return "\n".join([*map(str, self.rows), last])


def check(bench: Bench) -> Report:
    """Run every check that the bench and the driver's capabilities allow."""
    rows = []
    for one in CHECKS:
        reason = one.missing(bench)
        if reason:
            rows.append(Row(one.sentence, SKIPPED, reason))
            continue
        try:
            one.run(bench)
        except BrokenError as broken:
            rows.append(Row(one.sentence, BROKEN, str(broken)))
        except Exception as error:  # whatever a driver raises is a finding, and the rest goes on
            log.debug("a check ended in an exception", exc_info=error)
            rows.append(Row(one.sentence, BROKEN, f"it raised {type(error).__name__}"))
        else:
            rows.append(Row(one.sentence, PASSED))
    return Report(tuple(rows))
