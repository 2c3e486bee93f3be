"""Rows for spreadsheets: the ledger's lines and the lines of a day's sales, always the same bytes.

A cell that a spreadsheet would take for a formula begins with an apostrophe.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from posapp.domain.ids import ReceiptNumber
from posapp.domain.money import Currency, currency
from posapp.domain.sale import LineKind, SaleLine
from posapp.domain.site import Site
from posapp.journal.postings import Account, tax_code
from posapp.ports import SaleRecord
from posapp.ports.ledger import LedgerLine
from posapp.reports.chart import Chart

LEDGER_COLUMNS = (
    "business_date", "utc", "till", "entry", "booking", "side", "account", "name", "code",
    "amount", "currency", "receipt", "tariff", "tax_code", "shift", "z", "operator",
)  # fmt: skip
DAY_COLUMNS = (
    "business_date", "utc", "terminal", "shift", "z_no", "receipt", "line_type", "tariff",
    "version", "meter_hash", "units", "unit_price", "net", "tax_code", "tax", "gross", "tender",
    "operator", "tid", "token_type", "ref",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def ledger_csv(site: Site, lines: Iterable[LedgerLine], chart: Chart) -> bytes:
    """A line a posting; see resources/ledger/README.md."""
    return _csv(LEDGER_COLUMNS, (_ledger_row(site, line, chart) for line in lines))


def day_csv(site: Site, sales: Iterable[SaleRecord], z_of_shift: dict[int, int]) -> bytes:
    """A line a line item of each sold sale. Money in major units, energy in kWh.

    `net` is without, `tax` is tax; `meter_hash` tells meters apart and names none: SHA-256 of
    till id and number, 16 hex digits. TID and kind of the tokens stand with a sale's first line.
    """
    rows = (row for sale in sales for row in _sale_rows(site, sale, z_of_shift))
    return _csv(DAY_COLUMNS, rows)


def _csv(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(tuple(_safe(cell) for cell in row) for row in rows)
    return out.getvalue().encode("utf-8")


def _safe(cell: str) -> str:
    """Text that came from outside can begin with a sign; a negative amount is a number."""
    if cell.startswith(_FORMULA) and not cell[1:].replace(".", "", 1).isdigit():
        return "'" + cell
    return cell


def _plain(minor: int, unit: Currency) -> str:
    """`-1200.50`: an ASCII sign and a point, no groups."""
    whole, part = divmod(abs(minor), unit.scale)
    text = f"{whole}.{part:0{unit.minor_digits}d}" if unit.minor_digits else str(whole)
    return "-" + text if minor < 0 else text


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _ledger_row(site: Site, line: LedgerLine, chart: Chart) -> tuple[str, ...]:
    unit = currency(line.currency) if line.currency else site.currency
    return (
        line.business_date.isoformat(),
        _utc(line.at),
        site.till_code,
        str(line.seq),
        line.booking.name,
        "Dr" if line.amount_minor > 0 else "Cr",
        chart.number(line.account, line.code),
        chart.name(line.account),
        line.code,
        _plain(abs(line.amount_minor), unit),
        line.currency,
        str(ReceiptNumber(site.till_code, line.receipt)) if line.receipt else "",
        line.tariff,
        line.code if line.account is Account.VAT else "",
        str(line.shift or ""),
        str(line.z or ""),
        str(line.operator_id or ""),
    )


def _sale_rows(
    site: Site, record: SaleRecord, z_of_shift: dict[int, int]
) -> Iterator[tuple[str, ...]]:
    sale = record.intent
    tariff, _, version = sale.tariff.partition("@")
    meter = hashlib.sha256(site.till_id + sale.meter.encode("ascii")).hexdigest()[:16]
    tender = "+".join(t.kind.name.lower() for t in sale.tenders)
    reference = " ".join(t.reference for t in sale.tenders if t.reference)
    tids = " ".join(str(item.tid) for item in sale.items if item.kind.takes_tid)
    tokens = " ".join(item.kind.name.lower() for item in sale.items)
    unit = currency(sale.currency)
    for place, line in enumerate(sale.lines or (SaleLine(LineKind.ENERGY, "", 0),)):
        is_tax = line.kind is LineKind.TAX
        yield (
            sale.business_date.isoformat(),
            _utc(record.at),
            site.till_code,
            str(sale.shift),
            str(z_of_shift.get(sale.shift, "")),
            str(ReceiptNumber(site.till_code, sale.receipt)),
            f"{line.kind.name.lower()}:{line.code}" if line.code else line.kind.name.lower(),
            tariff,
            version,
            meter,
            f"{line.units_tenths // 10}.{line.units_tenths % 10}" if line.units_tenths else "",
            line.rate if line.kind is LineKind.ENERGY else "",
            _plain(0 if is_tax else line.amount_minor, unit),
            tax_code(line) if is_tax else "",
            _plain(line.amount_minor if is_tax else 0, unit),
            _plain(line.amount_minor, unit),
            tender,
            str(sale.operator_id),
            tids if place == 0 else "",
            tokens if place == 0 else "",
            reference if place == 0 else "",
        )
