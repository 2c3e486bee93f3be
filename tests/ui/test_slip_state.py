"""What the sale page says of a slip that is not on paper, by why it waits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_window import buy

from posapp.ports import PrinterState, PrintState

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def sold(selling, world, fingers):
    """A sale whose slip is then said to be in some state, by the store."""
    buy(fingers)
    fingers.enter()
    page = selling.sell_page()

    def tell(state, held, *, copy=None, copy_held=""):
        original = replace(world.jobs[0], state=state, held=held)
        copies = [] if copy is None else [replace(original, job_id=2, copy_no=1, state=copy)]
        world.jobs[:] = [original, *(replace(job, held=copy_held) for job in copies)]
        page.presenter.papers.look()
        return page

    return tell


@pytest.mark.parametrize(
    ("held", "printer", "words"),
    [
        ("PRINTER_BUSY", PrinterState.ABSENT, "Another program uses the printer."),
        ("PRINTER_DENIED", PrinterState.ABSENT, "This user may not use the printer."),
        ("PRINTER_ABSENT", PrinterState.ABSENT, "The printer cannot be found."),
        ("", PrinterState.ABSENT, "The printer cannot be found."),
        ("PRINTER_SILENT", PrinterState.OFFLINE, "The printer does not answer."),
        ("PRINTER_LINK_LOST", PrinterState.READY, "The line to the printer broke."),
        ("PRINTER_BUSY", PrinterState.PAPER_OUT, "Paper ran out."),
    ],
)
def test_each_reason_has_its_own_sentence(selling, world, sold, held, printer, words):
    world.printer = printer
    selling._poll()
    page = sold(PrintState.QUEUED, held)
    assert page.sold.slip.words.startswith(words) and "The token is safe" in page.sold.slip.words
    assert not page.sold.slip.button.isVisible() and not page.sold.card.copy.isEnabled()


def test_a_slip_that_nobody_confirmed_offers_a_copy(sold):
    page = sold(PrintState.UNCERTAIN, "PRINTER_NO_ANSWER")
    assert page.sold.slip.words.startswith("The printer did not confirm the receipt.")
    assert page.sold.slip.button.isVisible() and page.sold.card.copy.isEnabled()


def test_a_copy_on_its_way_is_announced_and_none_is_offered(sold):
    page = sold(PrintState.UNCERTAIN, "COPY_QUEUED", copy=PrintState.QUEUED)
    assert "A copy is coming" in page.sold.slip.words
    assert not page.sold.slip.button.isVisible() and not page.sold.card.copy.isEnabled()
    assert page.change.chip.word == "A copy is coming"


def test_a_copy_that_came_out_ends_the_matter(sold):
    page = sold(PrintState.UNCERTAIN, "COPY_QUEUED", copy=PrintState.PRINTED)
    assert not page.sold.slip.isVisible() and page.sold.card.copy.isEnabled()
    assert (page.change.chip.state, page.change.chip.word) == ("ok", "Copy printed")


def test_a_copy_that_was_lost_too_offers_another(sold):
    page = sold(
        PrintState.UNCERTAIN,
        "COPY_QUEUED",
        copy=PrintState.UNCERTAIN,
        copy_held="PRINTER_LINK_LOST",
    )
    assert page.sold.slip.words.startswith("The receipt may not have printed.")
    assert page.sold.slip.button.isVisible()
