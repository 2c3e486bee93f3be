"""What the screen says of backups and of the disk: what is wrong, what is safe, what to do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from posapp.domain.site import Site
from posapp.ui.i18n import day_text, ltr, time_text, translate
from posapp.ui.widgets.lines import Line

if TYPE_CHECKING:
    from posapp.services.status import TillStatus


def troubles(status: TillStatus) -> int:
    """How many of the two want a person: the disk, the backups."""
    disk = status.disk
    return (disk is not None and (disk.is_low or bool(disk.problem))) + bool(status.backup.problem)


def trouble_words(status: TillStatus, site: Site) -> tuple[str, str, str] | None:
    """Colour, headline and advice of the worse of the two; None where both are well."""
    disk, backup = status.disk, status.backup
    if disk is not None and disk.is_low:
        return (
            "bad",
            translate("Care", "The disk of this till is full."),
            translate(
                "Care",
                "Every sale made so far is safe, and no new one can be made. "
                "Free some space on it, or call the help line.",
            ),
        )
    if disk is not None and disk.problem:
        return (
            "bad",
            translate("Care", "The disk of this till could not finish writing."),
            translate(
                "Care",
                "Every sale made so far is safe. A worn disk begins like this: "
                "make a backup and call the help line.",
            ),
        )
    if not backup.problem:
        return None
    words = translate(
        "Care",
        "Selling goes on; no sale and no money is touched. No good backup was made yet. "
        "Look at the stick or disk for backups; the next try comes by itself.",
    )
    if backup.made_at is not None:
        words = translate(
            "Care",
            "Selling goes on; no sale and no money is touched. The last good one is of {when}. "
            "Look at the stick or disk for backups; the next try comes by itself.",
        ).format(when=ltr(_when(backup.made_at, site)))
    return "warn", translate("Care", "The last backup failed."), words


def backup_line(status: TillStatus, site: Site) -> Line:
    """The backups among the parts of a till."""
    backup, name = status.backup, translate("Care", "Backup")
    made = _when(backup.made_at, site) if backup.made_at is not None else ""
    if not backup.configured:
        return Line(name, translate("Care", "No place for it"), state="off")
    if backup.problem:
        return Line(name, translate("Care", "Failed"), made, state="warn")
    if backup.same_disk:
        return Line(name, translate("Care", "On the same disk"), made, state="warn")
    if not made:
        return Line(name, translate("Care", "None yet"), state="off")
    return Line(name, translate("Care", "Made"), made, state="ok")


def _when(moment: datetime, site: Site) -> str:
    local = site.local(moment)
    return f"{day_text(local.date())} {time_text(local)}"
