"""Builds and runs head office: `posapp headoffice init|serve|import|enrol|operator|limits`.

Its folder holds `headoffice.db` (SQLCipher) and `store.key`, the database's key in a file that
only its owner can read: whoever backs up one of them must keep the other elsewhere.
"""

from __future__ import annotations

import errno
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TextIO

from posapp import log, paths
from posapp.bootstrap import store_key
from posapp.clock import SystemClock, SystemRandomness
from posapp.domain.energy import parse_units, units_text
from posapp.domain.money import currency, money_text, parse_amount
from posapp.domain.role_limits import NO_LIMIT
from posapp.errors import ConfigError
from posapp.headoffice import admin, imports, people
from posapp.headoffice import totals as day_totals
from posapp.headoffice.imports import ImportReport as ImportReport
from posapp.headoffice.office import (
    CEREMONY_FILE,
    FILE_NAME,
    Office,
    Utility,
    create,
    open_office,
)
from posapp.headoffice.totals import DayTotals as DayTotals

BACKLOG = 128
KEY_SOURCE = "keyfile"
MAX_SALE_SHARE = 10  # unless said otherwise, one sale may take a tenth of the first float
MIN_SALE_MINOR = 1


def init(
    folder: Path,
    *,
    utility: str,
    zone: str,
    currency_code: str,
    tax_number: str = "",
    help_line: str = "",
    day_starts_at: str = "00:00",
) -> None:
    """Make a head office in `folder` with keys of its own; nothing half-made is left.

    Raises ConfigError OFFICE_EXISTS; InputError ZONE_UNKNOWN, CURRENCY_INVALID.
    """
    clock, randomness = SystemClock(), SystemRandomness()
    settings = Utility(utility, tax_number, help_line, zone, currency_code, day_starts_at)
    settings.check(clock)
    if (folder / FILE_NAME).exists():
        raise ConfigError("OFFICE_EXISTS", folder=str(folder))
    paths.private_folder(folder)
    (folder / store_key.FILE_NAME).unlink(missing_ok=True)  # of an attempt that made no store
    key = store_key.create(folder, KEY_SOURCE, randomness)
    try:
        create(folder, key, settings, clock, randomness).close()
    except BaseException:
        for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", store_key.FILE_NAME):
            (folder / name).unlink(missing_ok=True)
        raise


def serve(folder: Path, listen: str, *, out: TextIO | None = None) -> None:
    """Answer tills on HOST:PORT (port 0: any free one) until SIGTERM or SIGINT.

    Prints `ready http://HOST:PORT` once tills are answered. Raises ConfigError OFFICE_MISSING,
    LISTEN_ADDRESS_INVALID, LISTEN_REFUSED, PORT_BUSY; StoreError STORE_KEY_WRONG, STORE_NEWER,
    STORE_DAMAGED; KEYS_IN_OFFICE when a key ceremony's file lies in the folder.
    """
    import uvicorn  # imported late: no other command needs a server

    from posapp.headoffice.app import make_app

    _open(folder).close()  # a wrong key or a newer file shows here, before any port is taken
    listener = _listen(listen)
    host, port = listener.getsockname()[:2]
    stream = out or sys.stdout

    def ready() -> None:
        shown = f"[{host}]" if ":" in host else host
        stream.write(f"ready http://{shown}:{port}\n")
        stream.flush()

    app = make_app(lambda: _open(folder), ready)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    log.to_file(folder / "headoffice.log")
    # uvicorn repeats the signal that ended it; being asked to stop is no failure.
    previous = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    for name in previous:
        signal.signal(name, signal.SIG_IGN)
    try:
        server.run(sockets=[listener])
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
        listener.close()


def import_files(folder: Path, files: Sequence[Path]) -> ImportReport:
    """Load customers.csv, meters.csv and tariff packs; see `headoffice.imports.import_files`."""
    with opened(folder) as office:
        return imports.import_files(office, files)


def enrol(
    folder: Path,
    till_code: str,
    *,
    vendor: str = "",
    vendor_address: str = "",
    float_text: str = "0",
    till_name: str = "",
    max_sale_text: str = "",
    lease_days: int = 14,
) -> str:
    """Set up a till and make the one-time code that enrols it, in groups of four.

    Amounts as people write them, in the utility's currency. Raises InputError
    TILL_CODE_INVALID, TILL_ALREADY_ENROLLED, AMOUNT_..., TILL_TERMS_INVALID.
    """
    with opened(folder) as office:
        unit = currency(office.utility.currency_code)
        authorised = parse_amount(float_text, unit)
        if max_sale_text:
            max_sale = parse_amount(max_sale_text, unit)
        else:
            max_sale = max(authorised // MAX_SALE_SHARE, MIN_SALE_MINOR)
        terms = admin.TillTerms(authorised, max_sale, MIN_SALE_MINOR, lease_days)
        admin.set_up_till(office, till_code, till_name, vendor, vendor_address, terms)
        return admin.make_code(office, till_code).grouped


def add_operator(folder: Path, name: str, role: str, pin: str) -> int:
    """A person who may sign in at the tills; the number.

    Raises InputError OPERATOR_NAME, OPERATOR_ROLE, PIN_FORM.
    """
    with opened(folder) as office:
        return admin.add_operator(office, name, role, pin)


def set_pin(folder: Path, number: int, pin: str) -> str:
    """A new PIN for a person; the name. Raises InputError OPERATOR_UNKNOWN, PIN_FORM."""
    with opened(folder) as office:
        return admin.set_pin(office, number, pin).name


def remove_operator(folder: Path, number: int) -> str:
    """A person leaves; the name. Raises InputError OPERATOR_UNKNOWN."""
    with opened(folder) as office:
        return admin.remove_operator(office, number).name


def set_limits(
    folder: Path,
    role: str,
    *,
    max_sale: str | None = None,
    max_void: str | None = None,
    free_units: str | None = None,
    free_issues: int | None = None,
) -> str:
    """Other limits for a role; all of them as they are now, in words for a terminal.

    Amounts in the utility's currency, units in kWh, as people write them. Raises InputError
    OPERATOR_ROLE, ROLE_LIMIT, AMOUNT_..., UNITS_...
    """
    with opened(folder) as office:
        unit = currency(office.utility.currency_code)
        wanted: dict[str, int] = {}
        if max_sale is not None:
            wanted["max_sale_minor"] = parse_amount(max_sale, unit)
        if max_void is not None:
            wanted["max_void_minor"] = parse_amount(max_void, unit)
        if free_units is not None:
            wanted["free_tenths"] = parse_units(free_units)
        if free_issues is not None:
            wanted["free_issues_a_day"] = free_issues
        limits = admin.set_limits(office, role, wanted)
    sale, void = (
        "as the float allows" if minor >= NO_LIMIT else money_text(minor, unit)
        for minor in (limits.max_sale_minor, limits.max_void_minor)
    )
    return (
        f"{limits.role}: a sale up to {sale}, a void up to {void}, "
        f"{limits.free_issues_a_day} free issues a day of {units_text(limits.free_tenths)} kWh"
    )


def export_person(folder: Path, number: int) -> bytes:
    """One customer's data as JSON. Raises InputError PERSON_UNKNOWN."""
    with opened(folder) as office:
        return people.export_customer(office, number)


def erase_person(folder: Path, number: int) -> None:
    """Erase a customer here; tills follow. Raises InputError PERSON_UNKNOWN."""
    with opened(folder) as office:
        people.erase_customer(office, number)


def add_float(folder: Path, till_code: str, amount_text: str) -> int:
    """Let a till sell more; the new authorised total in minor units."""
    with opened(folder) as office:
        unit = currency(office.utility.currency_code)
        return admin.add_float(office, till_code, parse_amount(amount_text, unit))


def suspend(folder: Path, till_code: str, *, suspended: bool = True) -> None:
    """Stop serving a till, or serve it again. Raises InputError TILL_UNKNOWN."""
    with opened(folder) as office:
        admin.set_suspended(office, till_code, suspended=suspended)


def totals(folder: Path, day: date) -> DayTotals:
    """What all tills sold on a business date, as far as their journals are here."""
    with opened(folder) as office, office.database.read() as connection:
        return day_totals.totals(connection, day)


@contextmanager
def opened(folder: Path) -> Iterator[Office]:
    """The office of a folder while somebody works in it. Raises ConfigError, StoreError."""
    office = _open(folder)
    try:
        yield office
    finally:
        office.close()


def _open(folder: Path) -> Office:
    if not (folder / FILE_NAME).is_file():
        raise ConfigError("OFFICE_MISSING", folder=str(folder))
    for place in (folder, *(child for child in folder.iterdir() if child.is_dir())):
        if (place / CEREMONY_FILE).exists():
            raise ConfigError("KEYS_IN_OFFICE", folder=str(place))
    key = store_key.load(folder, KEY_SOURCE)
    return open_office(folder, key, SystemClock(), SystemRandomness())


def _listen(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ConfigError("LISTEN_ADDRESS_INVALID", address=listen[:80], expected="HOST:PORT")
    bare = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in bare else socket.AF_INET)
    try:
        if sys.platform != "win32":  # there it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((bare, int(port)))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError("PORT_BUSY", port=port, address=listen) from None
        raise ConfigError("LISTEN_REFUSED", address=listen, reason=error.strerror) from None
    return listener
