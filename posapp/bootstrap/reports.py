"""Reports from the command line, beside a till that may be selling."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from posapp import config, paths
from posapp.bootstrap import commission
from posapp.bootstrap.till import open_beside
from posapp.clock import SystemClock
from posapp.config import TillConfig
from posapp.errors import ConfigError, InputError
from posapp.lanes import InlineLanes
from posapp.ports import PrinterState, PrinterStatus
from posapp.printing.previewer import DocumentPreviewer
from posapp.printing.profile import load_profile
from posapp.reports import chart
from posapp.reports.people import resolver
from posapp.services.export_ledger import ExportLedger
from posapp.services.report import DailyReport
from posapp.services.shift import PrintZ
from posapp.services.x_report import XReport
from posapp.store.store import SqlStore

CHART_FILE = "chart.toml"


class _NoPrinter:
    """These reports go into files; nothing is printed."""

    def wake(self) -> None:
        return None

    def status(self) -> PrinterStatus:
        return PrinterStatus(PrinterState.ABSENT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to write and where; a report takes the forms that it has."""

    pdf: Path | None = None
    slip: Path | None = None
    csv: Path | None = None
    json: Path | None = None

    def only(self, *forms: str) -> None:
        """Raises ConfigError REPORT_NOWHERE (no file named) or REPORT_FORM (form, known)."""
        named = [form for form in self.__slots__ if getattr(self, form) is not None]
        if not named:
            raise ConfigError("REPORT_NOWHERE")
        for form in named:
            if form not in forms:
                raise ConfigError("REPORT_FORM", form=form, known=", ".join(forms))


def daily(folder: Path | None, day: date, wanted: Wanted) -> None:
    """A day as A4 page, slip of 48 columns, rows and numbers with hashes.

    Raises StoreError, ConfigError FILE_UNWRITABLE, REPORT_NOWHERE, REPORT_FORM.
    """
    wanted.only("pdf", "slip", "csv", "json")
    with _opened(folder) as (settings, store):
        previewer = _previewer(settings, store)
        report = DailyReport(store, _NoPrinter(), SystemClock(), previewer)
        if wanted.pdf is not None:
            _write(wanted.pdf, report.pdf(day))
        if wanted.slip is not None:
            _write(wanted.slip, previewer.text(report.slip(day)).encode("utf-8"))
        if wanted.csv is not None:
            _write(wanted.csv, report.csv(day))
        if wanted.json is not None:
            _write(wanted.json, report.json(day))


def ledger(folder: Path | None, first: date, last: date, wanted: Wanted) -> None:
    """All postings of some dates under the chart of the till's folder, else the shipped one.

    Raises as `daily`, InputError DATES_RANGE, ConfigError CHART_INVALID, CONFIG_SYNTAX.
    """
    wanted.only("csv")
    assert wanted.csv is not None
    with _opened(folder) as (settings, store):
        _write(wanted.csv, ExportLedger(store, _chart(settings.folder))(first, last))


def z(folder: Path | None, number: int, wanted: Wanted) -> None:
    """A Z as it was printed. Raises as `daily`, InputError Z_UNKNOWN."""
    wanted.only("pdf", "slip")
    with _opened(folder) as (settings, store):
        document = PrintZ(store, _NoPrinter()).document(number)
        _slip(settings, store, document, wanted)


def x(folder: Path | None, wanted: Wanted) -> None:
    """The open shift as it stands. Raises as `daily`, SaleError SHIFT_NOT_OPEN."""
    wanted.only("pdf", "slip")
    with _opened(folder) as (settings, store):
        rules = commission.load(settings.folder)
        document = XReport(store, _NoPrinter(), SystemClock(), rules).document()
        _slip(settings, store, document, wanted)


def _slip(settings: TillConfig, store: SqlStore, document: bytes, wanted: Wanted) -> None:
    previewer = _previewer(settings, store)
    if wanted.pdf is not None:
        _write(wanted.pdf, previewer.pdf(document))
    if wanted.slip is not None:
        _write(wanted.slip, previewer.text(document).encode("utf-8"))


@contextmanager
def _opened(folder: Path | None) -> Iterator[tuple[TillConfig, SqlStore]]:
    settings = config.load(folder or paths.data_folder())
    store = open_beside(settings, InlineLanes())
    try:
        yield settings, store
    finally:
        store.close()


def _previewer(settings: TillConfig, store: SqlStore) -> DocumentPreviewer:
    people = resolver(lambda number: store.read(lambda reader: reader.customer_name(number)))
    return DocumentPreviewer(load_profile(settings.printer_model), people)


def _chart(folder: Path) -> chart.Chart:
    path = folder / CHART_FILE
    if not path.exists():
        return chart.shipped()
    try:
        return chart.parse(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ConfigError("CONFIG_SYNTAX", file=str(path), reason=str(error)) from None
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=error.strerror) from None


def dates(day: date | None, first: date | None, last: date | None) -> tuple[date, date]:
    """The dates that were asked for. Raises InputError DATES_MISSING."""
    if day is not None and first is None and last is None:
        return day, day
    if day is None and first is not None:
        return first, last or first
    raise InputError("DATES_MISSING")


def _write(path: Path, data: bytes) -> None:
    try:
        temporary = path.with_name(path.name + ".new")
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise ConfigError("FILE_UNWRITABLE", file=str(path), reason=error.strerror) from None
