"""English sentences for backups, for bringing one back, and for the paper with the code."""

from __future__ import annotations

from posapp.ui.message_words import NOTHING, Words

_SELLING = "Selling goes on; no sale and no money is touched."

BACKUP_WORDS: dict[str, Words] = {
    "BACKUP_FOLDER_MISSING": (
        "The place for backups, {folder}, is not there.",
        _SELLING,
        "Put the backup stick or disk back; the next try comes by itself.",
    ),
    "BACKUP_NOWHERE": (
        "This till has no place for backups.",
        NOTHING,
        "Name a folder of a second disk or a stick, in {file} or with --folder.",
    ),
    "BACKUP_NO_SPACE": (
        "The backup disk has {free_mib} MiB free and {needed_mib} MiB are needed.",
        _SELLING,
        "Free some space on it or use a larger one.",
    ),
    "BACKUP_FAILED": (
        "The backup could not be written: {cause}.",
        _SELLING,
        "Try another stick or disk; the next try comes by itself.",
    ),
    "BACKUP_DAMAGED": (
        "The backup does not hold what it should ({what}).",
        "It was not used, and nothing was changed.",
        "Use an older backup, and check the disk it lies on.",
    ),
}
