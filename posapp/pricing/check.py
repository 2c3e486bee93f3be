"""`posapp tariff check PACK`: says each mistake of a file with its place, or runs its examples.

`pack` does the work; this turns it into lines for a person at a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posapp.errors import ConfigError
from posapp.pricing.pack import TariffPack, check_pack, read_pack
from posapp.pricing.reader import Mistake

BYTES_MAX = 1_000_000  # far above any pack: a wrong file is not read whole


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Lines for a person, and how many examples passed and how many things failed."""

    lines: tuple[str, ...]
    passed: int
    failed: int


def run(path: Path | str) -> CheckReport:
    """Check one pack. Raises ConfigError FILE_UNREADABLE when the file cannot be read."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=reason) from error
    try:
        found = read_pack(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = (Mistake(line, "", "a text file in UTF-8"),)
    if isinstance(found, TariffPack):
        return _examples(path.name, found)
    lines = tuple(_mistake_text(path.name, mistake) for mistake in found)
    return CheckReport((*lines, f"0 passed, {len(found)} failed"), 0, len(found))


def _examples(name: str, pack: TariffPack) -> CheckReport:
    lines = [f"{pack.reference} {pack.name}, {pack.currency.code}"]
    outcomes = check_pack(pack)
    for outcome in outcomes:
        verdict = "passed" if outcome.passed else "FAILED: " + "; ".join(outcome.failures)
        lines.append(f"{name}:{outcome.line}: {outcome.name}: {verdict}")
    failed = sum(not outcome.passed for outcome in outcomes)
    passed = len(outcomes) - failed
    lines.append(f"{passed} passed, {failed} failed")
    return CheckReport(tuple(lines), passed, failed)


def _mistake_text(name: str, mistake: Mistake) -> str:
    field = f"{mistake.field}: " if mistake.field else ""
    found = f", found {mistake.found}" if mistake.found else ""
    return f"{name}:{mistake.line}: {field}expected {mistake.expected}{found}"
