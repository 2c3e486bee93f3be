"""English sentences for backups, for bringing one back, and for the paper with the code."""

from __future__ import annotations

from posapp.ui.message_words import NO_SALE, NOTHING, Words

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
    "BACKUP_NAME": (
        "{file} has not the name of a backup.",
        NOTHING,
        "Choose a file that ends in .backup, with the name it was given.",
    ),
    "RESTORE_FAILED": (
        "The backup could not be put in place: {cause}.",
        "The backup is untouched, and so is every sale in the old store.",
        "Make room on the disk and run the same command again.",
    ),
    "RESTORE_UNFINISHED": (
        "This till was brought back from a backup and has not asked its module yet.",
        NO_SALE,
        "Connect the module and wait, or let a supervisor decide to go on without it.",
    ),
    "ANSWERS_UNLISTED": (
        "The module {module} cannot say what it made after the backup.",
        NOTHING,
        "A supervisor compares its own report with the receipts and decides to go on.",
    ),
    "RECOVERY_CODE_FORM": (
        "A recovery code has 25 letters and digits.",
        NOTHING,
        "Type it again as it stands on the paper.",
    ),
    "RECOVERY_CODE_WRONG": (
        "The recovery code does not open this till's key.",
        NOTHING,
        "Type it again, or look for a newer paper: each new one makes the older void.",
    ),
    "RECOVERY_BOX_MISSING": (
        "The sealed key {file} is not there.",
        NOTHING,
        "Use the folder in which the backups were made; it has one if there was a paper.",
    ),
    "STORE_KEY_OTHER": (
        "The folder {folder} has another store's key already.",
        NOTHING,
        "Bring the backup back into a new folder.",
    ),
}
