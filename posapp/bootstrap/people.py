"""`posapp person`, `posapp retention`: one customer's data, and what is kept for how long."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from posapp import config, paths
from posapp.bootstrap import till
from posapp.clock import SystemClock
from posapp.config import TillConfig
from posapp.errors import ConfigError
from posapp.printing.previewer import DocumentPreviewer
from posapp.printing.profile import load_profile
from posapp.reports.people import resolver
from posapp.services.erase_person import ErasePerson
from posapp.services.export_people import ExportPeople
from posapp.services.export_person import ExportPerson
from posapp.services.override import Consent, Override
from posapp.services.retain import Overdue, Retain
from posapp.services.sign_in import SignIn
from posapp.services.two_people import TwoPeople, Witness
from posapp.store.shelves import Slips
from posapp.store.store import SqlStore

CRASH_FOLDER = "crash"


class OldFiles:
    """Files of one folder, by the time of their last change."""

    def __init__(self, name: str, folder: Path, pattern: str) -> None:
        self.name = name
        self._folder = folder
        self._pattern = pattern

    def over(self, before: datetime) -> int:
        return len(self._old(before))

    def delete(self, before: datetime) -> int:
        found = self._old(before)
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def _old(self, before: datetime) -> list[Path]:
        return [
            path
            for path in self._folder.glob(self._pattern)
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before
        ]


def export_person(folder: Path | None, customer_id: int, out: Path) -> None:
    """Write one customer's data as JSON, beside a till that may be selling.

    Whoever may read the store's key may do this. Raises InputError PERSON_UNKNOWN, StoreError,
    ConfigError FILE_UNWRITABLE.
    """
    with _opened(folder, read_only=True) as (settings, store):
        people = resolver(lambda number: store.read(lambda reader: reader.customer_name(number)))
        previewer = DocumentPreviewer(load_profile(settings.printer_model), people)
        data = ExportPerson(store, previewer, SystemClock())(customer_id)
    write_private(out, [data.decode("utf-8")])


def export_people(folder: Path | None, out: Path) -> None:
    """Write the list of customers as CSV with masked names, phones and accounts.

    Raises StoreError, ConfigError FILE_UNWRITABLE.
    """
    with _opened(folder, read_only=True) as (_, store):
        write_private(out, ExportPeople(store)())


def erase_person(
    folder: Path | None, customer_id: int, people: tuple[int, int], pins: tuple[str, str], why: str
) -> None:
    """Erase a customer at this till while it is closed; both people prove to be there.

    Raises InputError PERSON_UNKNOWN, PERSON_ERASED, PIN_..., OPERATION_DENIED,
    SECOND_PERSON_..., OVERRIDE_REASON_MISSING; StoreError STORE_IN_USE.
    """
    with _opened(folder) as (settings, store):
        sign_in = SignIn(store, till.closed_module(settings, store))
        first = sign_in.check(people[0], pins[0])
        consent = Consent(why, "", Witness(people[1], pins[1]))
        erase = ErasePerson(store, Override(TwoPeople(sign_in)), SystemClock())
        erase(customer_id, first.operator_id, consent)


def overdue(folder: Path | None) -> tuple[Overdue, ...]:
    """What is over its time, by kind. Raises StoreError."""
    with _opened(folder, read_only=True) as (settings, store):
        return _retain(settings, store).overdue()


def delete_overdue(folder: Path | None) -> tuple[Overdue, ...]:
    """Delete what is over its time, while the till is closed. Raises StoreError STORE_IN_USE."""
    with _opened(folder) as (settings, store):
        return _retain(settings, store).delete()


def _retain(settings: TillConfig, store: SqlStore) -> Retain:
    crashes = OldFiles("crashes", settings.folder / CRASH_FOLDER, "crash-*.txt")
    shelves = ((Slips(store), settings.keep_slips_days), (crashes, settings.keep_crashes_days))
    return Retain(shelves, SystemClock())


@contextmanager
def _opened(
    folder: Path | None, *, read_only: bool = False
) -> Iterator[tuple[TillConfig, SqlStore]]:
    settings = config.load(folder or paths.data_folder())
    store = till.opened(settings, read_only=read_only)
    try:
        yield settings, store
    finally:
        store.close()


def write_private(path: Path, parts: Iterable[str]) -> None:
    """Write a file that only its owner can read; the old one or the new one, never half of one.

    Raises ConfigError FILE_UNWRITABLE.
    """
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(parts)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ConfigError("FILE_UNWRITABLE", file=str(path), reason=error.strerror) from None
