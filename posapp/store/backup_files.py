"""The names of backups, and which of them are kept: seven days and four weeks.

`K7M2-20261119T200501Z-1-4711.backup` is till, moment (UTC), epoch and last journal entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DAYS_KEPT = 7
WEEKS_KEPT = 4
ENDING = ".backup"
_NAME = re.compile(r"([A-Z0-9]{4})-(\d{8}T\d{6}Z)-(\d{1,9})-(\d{1,15})\.backup")
_MOMENT = "%Y%m%dT%H%M%SZ"
FILES_MAX = 10_000  # of one folder; more are none of ours


@dataclass(frozen=True, slots=True, order=True)
class BackupFile:
    """One backup as its name tells of it; they are ordered by when they were made."""

    at: datetime
    epoch: int
    seq: int
    till_code: str
    path: Path

    @classmethod
    def named(cls, folder: Path, till_code: str, at: datetime, epoch: int, seq: int) -> BackupFile:
        """The one to be made; `at` is cut to whole seconds."""
        at = at.astimezone(UTC).replace(microsecond=0)
        name = f"{till_code}-{at.strftime(_MOMENT)}-{epoch}-{seq}{ENDING}"
        return cls(at, epoch, seq, till_code, folder / name)

    @classmethod
    def read(cls, path: Path) -> BackupFile | None:
        """None for a file that is no backup."""
        match = _NAME.fullmatch(path.name)
        if match is None:
            return None
        code, moment, epoch, seq = match.groups()
        try:
            at = datetime.strptime(moment, _MOMENT).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(at, int(epoch), int(seq), code, path)


def backups_in(folder: Path, till_code: str) -> list[BackupFile]:
    """A till's backups in a folder, oldest first. Raises OSError."""
    found: list[BackupFile] = []
    for count, path in enumerate(folder.iterdir()):
        if count >= FILES_MAX:
            break
        one = BackupFile.read(path)
        if one is not None and one.till_code == till_code:
            found.append(one)
    return sorted(found)


def kept(backups: Iterable[BackupFile]) -> set[BackupFile]:
    """The newest of each of the last 7 days and of each of the last 4 weeks that have any.

    Days and weeks are counted by what is there and not by the clock, which may be wrong: a till
    that stood still for a month loses none by its next backup.
    """
    keep: set[BackupFile] = set()
    days: set[object] = set()
    weeks: set[object] = set()
    for one in sorted(backups, reverse=True):
        day, week = one.at.date(), tuple(one.at.isocalendar())[:2]
        if day not in days and len(days) < DAYS_KEPT:
            keep.add(one)
        if week not in weeks and len(weeks) < WEEKS_KEPT:
            keep.add(one)
        days.add(day)
        weeks.add(week)
    return keep
