"""The counter page by real keys alone, over a real store and a real module engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from test_counter_page import LABEL, METER, a_till
from test_window import assert_nothing_cut, says

from posapp.config import TillConfig
from posapp.domain.sale import SaleKind, SaleState
from posapp.ui import theme
from posapp.ui.counter.page import CounterPage
from posapp.ui.counter.state import Field, Job
from posapp.ui.shots import settle
from posapp.ui.window import MainWindow
from tests.services.counter import GRACE, PIN
from tests.services.order_counter import an_order_counter
from tests.services.tariff_counter import TariffCounter

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[TariffCounter]:
    with an_order_counter(tmp_path / "till") as made:
        yield made


@pytest.fixture
def page(qtbot, qapp, counter: TariffCounter, tmp_path: Path) -> CounterPage:
    theme.load_fonts()
    theme.install(qapp, "light")
    window = MainWindow(a_till(counter), TillConfig(tmp_path))
    qtbot.addWidget(window)
    window.resize(1024, 720)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.enter(GRACE, counter.store.read(lambda reader: reader.open_shift()))
    QTest.keyClick(window, Qt.Key.Key_8, ALT)
    settle()
    assert window.current == "counter"
    made = window.page("counter")
    assert isinstance(made, CounterPage)
    return made


def press(page: CounterPage, key: Qt.Key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(QApplication.focusWidget() or page, key, modifier)
    settle()


def keys(page: CounterPage, *texts: str) -> None:
    """Each text into whatever has the cursor, then Enter."""
    for text in texts:
        for char in text:
            page.window()._till.clock.move(seconds=1)  # no scanner: a person's fingers
            QTest.keyClick(QApplication.focusWidget(), char)
        press(page, Qt.Key.Key_Return)


def last(counter: TariffCounter):
    return counter.store.read(lambda reader: reader.last_sale())


def test_a_tamper_fee_is_four_times_enter(page: CounterPage):
    press(page, Qt.Key.Key_3, CTRL)
    assert page.presenter.state.job is Job.TAMPER_FEE
    assert page.fields[Field.METER].edit.hasFocus()
    keys(page, METER.digits, "50", "100", "")
    done = page.presenter.state.done
    assert done is not None and done.sold is not None, page.presenter.state.failure
    assert page.seen.lines[0].value == "Abebe Tadesse"
    record = done.sold.record
    assert record.intent.kind is SaleKind.PAYMENT
    assert page.slip.primary.hasFocus()
    assert (record.intent.amount_minor, record.intent.change_minor) == (5_000, 5_000)
    assert "50.00" in says(page.sentence)
    press(page, Qt.Key.Key_Return)
    assert page.presenter.state.done is None and page.fields[Field.METER].edit.hasFocus()


def test_the_last_sale_is_voided_by_a_reason_and_the_second_pin(
    page: CounterPage, counter: TariffCounter
):
    sold = counter.sale(1, 46_000)
    press(page, Qt.Key.Key_4, CTRL)
    assert page.fields[Field.RECEIPT].text() == str(sold.receipt)
    assert page.fields[Field.REASON].edit.hasFocus()
    keys(page, "wrong customer")
    assert page.pin.hasFocus()
    keys(page, PIN)
    found = counter.store.read(lambda r: r.sale(sold.record.intent.sale_id))
    assert found is not None and found.state is SaleState.CANCELLED
    assert "460.00" in says(page.sentence)


def test_a_label_is_copied_field_by_field_and_the_token_stands_on_the_screen(
    page: CounterPage, counter: TariffCounter
):
    press(page, Qt.Key.Key_6, CTRL)
    keys(page, *LABEL.values(), "", "new line")
    assert page.pin.hasFocus() and page.seen.lines
    keys(page, PIN)
    record = last(counter)
    assert record is not None and record.intent.kind is SaleKind.UNKNOWN_METER
    assert [row.digits for row in page.tokens.rows] == list(record.tokens)
    press(page, Qt.Key.Key_Escape)
    assert not page.tokens.isVisible()


def test_nothing_is_cut_in_the_smallest_window(page: CounterPage, counter: TariffCounter):
    for job in Job:
        page.presenter.choose(job)
        settle()
        assert_nothing_cut(page, job)
        for field in page.presenter.state.ask.fields:
            cell = page.fields[field]
            assert cell.height() <= cell.parentWidget().height(), (job, field)
    sold = counter.sale(1, 46_000)
    claim = (str(sold.receipt), "400", METER.grouped, "ID 123", "wrong")
    page.presenter.choose(Job.REFUND)
    for name, text in zip(page.presenter.state.ask.fields, claim, strict=True):
        page.presenter.type_text(name, text)
    settle()
    bottom = page.pad.mapTo(page.slip, page.pad.rect().bottomLeft()).y()
    assert page.pad.isVisible() and bottom < page.slip.primary.y()
    page.presenter.choose(Job.UNKNOWN_METER)
    for name, text in {**LABEL, Field.KRN: "x", Field.REASON: "x"}.items():
        page.presenter.type_text(name, text)
    page.presenter.enter()
    settle()
    assert page.problem.isVisible() and "No token was made" in says(page.problem)
    for field in page.presenter.state.ask.fields:
        cell = page.fields[field]
        assert cell.geometry().bottom() < cell.parentWidget().height(), field
