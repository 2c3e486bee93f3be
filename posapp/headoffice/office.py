"""Head office's folder, opened: its database, its keys, its clock; and one door for frames.

All work on it is done by one thread (`app` sees to that); the commands of `admin` and
`imports` may run beside a serving head office in a process of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select

from posapp.clock import Clock, Randomness
from posapp.codec import cbor
from posapp.codec.signing import SigningKey
from posapp.db import migrations
from posapp.db.engine import Database, open_sqlcipher
from posapp.db.retry import run_again
from posapp.domain.money import currency
from posapp.domain.site import Site
from posapp.errors import ConfigError, InputError
from posapp.headoffice import schema

FILE_NAME = "headoffice.db"
CEREMONY_FILE = "keys.sealed"  # the offline ceremony's; it has no place in or below our folder
VERSION_TABLE = "office_version"
_MIGRATIONS = Path(__file__).parent / "migrations"
_ANY_TILL = bytes(16)


@dataclass(frozen=True, slots=True)
class Utility:
    """What all shops of this head office have in common; it ends up on every receipt."""

    name: str
    tax_number: str
    help_line: str
    zone: str
    currency_code: str
    day_starts_at: str

    def site(self, till_id: bytes, code: str, name: str, vendor: str, address: str) -> Site:
        """The place of one till."""
        return Site(
            till_id,
            code,
            name,
            self.name,
            self.tax_number,
            vendor,
            address,
            self.help_line,
            self.zone,
            self.currency_code,
            self.day_starts_at,
        )

    def check(self, clock: Clock) -> None:
        """Raise InputError ZONE_UNKNOWN, CURRENCY_INVALID or DAY_START_INVALID."""
        currency(self.currency_code)
        site = self.site(_ANY_TILL, "0000", "", "", "")
        try:
            site.local(clock.now())
        except (KeyError, ValueError):
            raise InputError("ZONE_UNKNOWN", zone=self.zone) from None
        try:
            site.business_date(clock.now())
        except ValueError:
            raise InputError("DAY_START_INVALID", text=self.day_starts_at) from None


class Office:
    """An open head office. Made by `create` or `open_office`."""

    def __init__(self, database: Database, clock: Clock, randomness: Randomness) -> None:
        self.database = database
        self.clock = clock
        self.randomness = randomness
        with database.read() as connection:
            rows = connection.execute(select(schema.meta.c.key, schema.meta.c.value)).all()
        meta = {str(key): bytes(value) for key, value in rows}
        self.key = SigningKey(meta["signing_secret"])
        self.utility = Utility(*cbor.decode(meta["utility"]))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One durable transaction; the file is tidied after it when that is due."""
        with self.database.write() as connection:
            yield connection
        self.database.checkpoint_if_due()

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()


def create(
    folder: Path, store_key: bytes, utility: Utility, clock: Clock, randomness: Randomness
) -> Office:
    """A new head office with its own signing key. Raises ConfigError OFFICE_EXISTS, InputError."""
    utility.check(clock)
    if (folder / FILE_NAME).exists():
        raise ConfigError("OFFICE_EXISTS", folder=str(folder))
    database = open_sqlcipher(folder / FILE_NAME, store_key, create=True, exclusive=False)
    try:
        migrations.upgrade(database, _MIGRATIONS, VERSION_TABLE)
        settings = [
            utility.name,
            utility.tax_number,
            utility.help_line,
            utility.zone,
            utility.currency_code,
            utility.day_starts_at,
        ]
        with database.write() as connection:
            rows = [
                {"key": "signing_secret", "value": randomness.bytes(32)},
                {"key": "utility", "value": cbor.encode(settings)},
            ]
            connection.execute(insert(schema.meta), rows)
        return Office(database, clock, randomness)
    except BaseException:
        database.close()
        raise


def open_office(folder: Path, store_key: bytes, clock: Clock, randomness: Randomness) -> Office:
    """The head office in `folder`, brought to the newest schema.

    Raises ConfigError OFFICE_MISSING; StoreError STORE_KEY_WRONG, STORE_NEWER, STORE_DAMAGED.
    """
    if not (folder / FILE_NAME).is_file():
        raise ConfigError("OFFICE_MISSING", folder=str(folder))
    database = open_sqlcipher(folder / FILE_NAME, store_key, create=False, exclusive=False)
    try:
        run_again(lambda: migrations.upgrade(database, _MIGRATIONS, VERSION_TABLE))
        return Office(database, clock, randomness)
    except BaseException:
        database.close()
        raise
