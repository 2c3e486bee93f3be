"""Pictures of every page at every design size, from a real till, without changing anything in it.

`take(till, config, folder)` is what the demo calls; work runs inline, so a picture is complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from posapp.config import TillConfig
from posapp.domain.ids import ReceiptNumber
from posapp.domain.operator import Operator
from posapp.domain.shift import Shift
from posapp.lanes import InlineLanes
from posapp.ui import theme
from posapp.ui.app import make_app
from posapp.ui.sell.state import Phase, SellState
from posapp.ui.window import MainWindow

if TYPE_CHECKING:
    from posapp.ports import FoundMeter, Reader
    from posapp.services.sell import Sold
    from posapp.services.till import Till

SIZES = ((1366, 768), (1024, 768))
THEMES = ("light", "dark")
SETTLE_ROUNDS = 4  # layouts answer each other by posted events; more rounds change nothing
AMOUNT_MAJOR = "1700"
RECEIVED_MAJOR = "2000"


def take(
    till: Till,
    config: TillConfig,
    folder: Path,
    *,
    sizes: tuple[tuple[int, int], ...] = SIZES,
    themes: tuple[str, ...] = THEMES,
) -> tuple[Path, ...]:
    """Save `NAME-THEME-WIDTH.png` of every page into `folder`; the files that were written."""
    app = make_app(config)
    folder.mkdir(parents=True, exist_ok=True)
    quiet = replace(till, lanes=InlineLanes())
    files: list[Path] = []
    for name in themes:
        theme.install(app, name)
        for width, height in sizes:
            window = MainWindow(quiet, config)
            window.resize(width, height)
            window.show()
            window.activateWindow()
            for shot in _scenes(window, quiet):
                settle()
                path = folder / f"{shot}-{name}-{width}.png"
                window.grab().save(str(path))
                files.append(path)
            window.close()
            window.deleteLater()
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    theme.install(app, config.theme)
    return tuple(files)


def settle() -> None:
    """Let layouts and focus come to rest."""
    for _ in range(SETTLE_ROUNDS):
        QApplication.sendPostedEvents()
        QApplication.processEvents()


def _scenes(window: MainWindow, till: Till) -> Iterator[str]:
    yield "login"
    people = till.sign_in.people()
    if not people:
        return
    operator, shift = _someone(till, people)
    window.enter(operator, shift)
    yield from _sale(window, till)
    window.go("day")
    yield "day"
    window.go("sync")
    yield "sync"
    window.go("module")
    yield "module"
    window.go("shift")
    yield "shift-close"


def _someone(till: Till, people: tuple[Operator, ...]) -> tuple[Operator, Shift]:
    """Whoever has the open shift, or had the last one."""

    def read(reader: Reader) -> Shift | None:
        return reader.open_shift() or reader.shift(reader.last_shift_number())

    shift = till.store.read(read)
    if shift is None:
        return people[0], Shift(1, people[0].operator_id, till.clock.now(), 0)
    person = next((p for p in people if p.operator_id == shift.operator_id), people[0])
    return person, shift


def _sale(window: MainWindow, till: Till) -> Iterator[str]:
    page = window.sell_page()
    presenter = page.presenter
    yield "sell-1-idle"
    found = _customer(till)
    if found is None or found.customer is None:
        return
    words = found.customer.name.split()
    page.omnibox.show_text(" ".join(word[:3].lower() for word in words[:1]))
    presenter.type_query(page.omnibox.edit.text())
    settle()
    yield "sell-2-search"
    presenter.type_query(found.meter.number.digits)
    if presenter.state.phase is Phase.SEARCH:
        presenter.enter()
    presenter.type_amount(AMOUNT_MAJOR)
    if presenter.state.quote is None:
        presenter.preset(found.last_sale.amount_minor if found.last_sale else 0)
    yield "sell-3-quote"
    if presenter.state.quote is not None:
        presenter.freeze()
        presenter.type_received(RECEIVED_MAJOR if presenter.state.entry == AMOUNT_MAJOR else "")
        yield "sell-4-tender"
    sold = till.store.read(lambda reader: _last_sold(till, reader))
    if sold is not None:
        jobs = till.store.read(lambda reader: reader.print_jobs_of_sale(sold.record.intent.sale_id))
        presenter.show(SellState(phase=Phase.SOLD, sold=sold, jobs=jobs))
        yield "sell-5-sold"
        page.read_out()
        yield "sell-7-read-out"
        page.close_read_out()
    presenter.new_search()


def _customer(till: Till) -> FoundMeter | None:
    """A customer who bought here before and may buy again."""
    for found in till.find.recent(20):
        if found.customer is not None and till.prepare_sale(found.meter.number).problem is None:
            return found
    return None


def _last_sold(till: Till, reader: Reader) -> Sold | None:
    from posapp.domain.meter import MeterNumber
    from posapp.services.sell import Sold

    record = reader.last_sale()
    if record is None:
        return None
    found = reader.meter(MeterNumber(record.intent.meter))
    if found is None:
        return None
    receipt = ReceiptNumber(till.site.till_code, record.intent.receipt)
    return Sold(record, receipt, found, record.intent.change_minor, 0, _float_left(reader))


def _float_left(reader: Reader) -> int:
    lease = reader.lease()
    return max(0, lease.authorised_total_minor - reader.vended_total_minor()) if lease else 0
