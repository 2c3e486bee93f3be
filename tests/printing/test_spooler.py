"""Slips from a real store to a real printer process that runs out of paper, opens and dies."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from posapp.clock import SystemClock
from posapp.lanes import ThreadLanes
from posapp.ports import PrinterState, PrintJob, PrintState
from posapp.printing.link import link_factory
from posapp.printing.profile import Profile, load_profile
from posapp.printing.render.slip import render_slip
from posapp.printing.spooler import COPY_QUEUED, Spooler
from posapp.reports.receipt import build_receipt
from posapp.store.store import SqlStore
from tests.papers import a_receipt, a_sale
from tests.stores import a_store
from tests.virtual_printer import PrinterProcess, wait_until

ALL = tuple(PrintState)


class Counter:
    """A till's printing side: store, lanes, spooler, and receipts to print."""

    def __init__(self, folder: Path, address: str, profile: Profile) -> None:
        self.folder = folder
        self.address = address
        self.profile = profile
        self.lanes = ThreadLanes()
        self.store: SqlStore = a_store(folder, lanes=self.lanes)
        self.spooler = self.a_spooler()
        self._receipts = 0

    def a_spooler(self) -> Spooler:
        factory = link_factory(self.address)
        return Spooler(self.store, factory, self.profile, render_slip, SystemClock(), self.lanes)

    def queue(self, count: int = 1) -> list[int]:
        jobs = []
        for _ in range(count):
            self._receipts += 1
            facts = a_receipt(sale=a_sale(receipt=self._receipts))
            data = build_receipt(facts).to_bytes()
            sale_id = facts.sale.sale_id
            jobs.append(
                self.store.write(
                    lambda uow, data=data, sale_id=sale_id: uow.add_print_job(
                        "receipt", "Receipt", data, sale_id=sale_id
                    )
                )
            )
        self.spooler.wake()
        return jobs

    def jobs(self) -> tuple[PrintJob, ...]:
        return self.store.read(lambda reader: reader.print_jobs(ALL, 500))

    def state(self, job_id: int) -> PrintState:
        job = self.store.read(lambda reader: reader.print_job(job_id))
        assert job is not None
        return job.state

    def held(self, job_id: int) -> str:
        job = self.store.read(lambda reader: reader.print_job(job_id))
        assert job is not None
        return job.held

    def all_printed(self) -> bool:
        done = (PrintState.PRINTED, PrintState.UNCERTAIN)
        return all(job.state in done for job in self.jobs())

    def printed(self) -> None:
        wait_until(self.all_printed, self.spooler.tick)

    def close(self) -> None:
        self.spooler.close()
        self.store.close()
        self.lanes.close()


@pytest.fixture(autouse=True)
def _opened_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posapp.printing.spooler.REOPEN_MS", 20)


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrinterProcess]:
    """One printer for the tests that only trouble it for a moment."""
    process = PrinterProcess(tmp_path_factory.mktemp("paper"))
    yield process
    process.stop()


@pytest.fixture
def fresh(printer: PrinterProcess) -> PrinterProcess:
    """The shared printer, healthy and with an empty tray."""
    for line in ("paper 40000", "cover close", "error off", "mute off", "power on"):
        printer.tell(line)
    for sheet in printer.out.iterdir():
        sheet.unlink()
    return printer


@pytest.fixture
def counter(tmp_path: Path, fresh: PrinterProcess) -> Iterator[Counter]:
    made = Counter(tmp_path / "till", fresh.address, load_profile("virtual-80"))
    yield made
    made.close()


def sheets_of(printer: PrinterProcess, receipt: int) -> list[str]:
    return [text for text in printer.texts() if f"MM03-{receipt:07d}-" in text]


def is_copy(text: str) -> bool:
    return re.search(r"^ *COPY \d", text, re.MULTILINE) is not None


def no_two_originals(printer: PrinterProcess) -> bool:
    seen = [
        found.group()
        for text in printer.texts()
        if not is_copy(text) and (found := re.search(r"MM03-\d{7}-\d", text))
    ]
    return len(seen) == len(set(seen))


@pytest.mark.parametrize("model", ["virtual-80", "generic-80", "generic-58"])
def test_receipts_are_printed_once_in_order_and_confirmed(
    tmp_path: Path, fresh: PrinterProcess, model: str
):
    counter = Counter(tmp_path / "till", fresh.address, load_profile(model))
    try:
        jobs = counter.queue(4)
        counter.printed()
        assert [counter.state(job) for job in jobs] == [PrintState.PRINTED] * 4
    finally:
        counter.close()
    if model != "generic-58":  # a printer without a cutter makes one long sheet
        numbers = [re.search(r"MM03-(\d{7})", text) for text in fresh.texts()]
        assert [int(n.group(1)) for n in numbers if n] == [1, 2, 3, 4]
    assert not any("unknown" in event for event in fresh.status()["events"])


def test_paper_that_ends_inside_a_slip_holds_it_and_a_new_roll_finishes_it(
    counter: Counter, fresh: PrinterProcess
):
    fresh.tell("paper 60")
    (job,) = counter.queue()
    wait_until(lambda: counter.state(job) is PrintState.HELD, counter.spooler.tick)
    assert counter.held(job) == "PAPER_OUT"
    wait_until(lambda: counter.spooler.status().state is PrinterState.PAPER_OUT)
    assert counter.spooler.status().waiting == 1
    assert not fresh.texts()
    fresh.tell("paper 4000")
    counter.printed()
    assert counter.state(job) is PrintState.PRINTED
    (text,) = fresh.texts()
    assert not is_copy(text)
    assert "5260 1815 9083 0166 1318" in text and "that can scan it." not in text[:400]


def test_paper_that_is_missing_before_the_slip_keeps_it_queued_as_the_original(
    counter: Counter, fresh: PrinterProcess
):
    fresh.tell("paper out")
    jobs = counter.queue(2)
    wait_until(lambda: counter.held(jobs[0]) == "PAPER_OUT", counter.spooler.tick)
    assert counter.state(jobs[0]) is PrintState.QUEUED
    fresh.tell("paper 4000")
    counter.printed()
    assert len(fresh.texts()) == 2 and not any(map(is_copy, fresh.texts()))


def test_an_open_cover_holds_and_closing_it_goes_on(counter: Counter, fresh: PrinterProcess):
    fresh.tell("cover open")
    (job,) = counter.queue()
    wait_until(lambda: counter.held(job) == "COVER_OPEN", counter.spooler.tick)
    wait_until(lambda: counter.spooler.status().state is PrinterState.COVER_OPEN)
    fresh.tell("cover close")
    counter.printed()
    assert len(fresh.texts()) == 1 and not is_copy(fresh.texts()[0])


@pytest.mark.parametrize("after", [40, 700, 3000])
def test_power_lost_inside_a_slip_gives_a_marked_copy_and_no_second_original(
    counter: Counter, fresh: PrinterProcess, after: int
):
    counter.spooler.tick()
    fresh.tell(f"power off after {after}")
    (job,) = counter.queue()
    wait_until(lambda: not fresh.status()["power"], counter.spooler.tick)
    wait_until(
        lambda: counter.state(job) in (PrintState.UNCERTAIN, PrintState.QUEUED),
        counter.spooler.tick,
    )
    wait_until(lambda: counter.spooler.status().state is PrinterState.ABSENT, counter.spooler.tick)
    fresh.tell("power on")
    counter.printed()
    texts = sheets_of(fresh, 1)
    if counter.state(job) is PrintState.UNCERTAIN:
        assert counter.held(job) == COPY_QUEUED
        assert is_copy(texts[-1]) and "COPY 1" in texts[-1]
        assert any("is void" in text for text in fresh.texts())
        copies = [j for j in counter.jobs() if j.copy_no == 1]
        assert [j.state for j in copies] == [PrintState.PRINTED]
    assert no_two_originals(fresh)


def test_a_printer_killed_inside_a_slip_prints_a_copy_when_it_is_back(tmp_path: Path):
    printer = PrinterProcess(tmp_path / "paper", speed_mm_s=250)
    counter = Counter(tmp_path / "till", printer.address, load_profile("virtual-80"))
    try:
        (job,) = counter.queue()
        wait_until(lambda: printer.status()["printed_mm"] > 10)
        printer.kill()
        wait_until(lambda: counter.state(job) is PrintState.UNCERTAIN, counter.spooler.tick)
        printer.start()
        counter.printed()
    finally:
        counter.close()
        printer.stop()
    whole = [text for text in printer.texts() if "that can scan" in text or "picture" in text]
    assert len(whole) == 1 and "COPY 1" in whole[0]


def test_a_till_killed_inside_a_slip_prints_a_copy_next_time(
    counter: Counter, fresh: PrinterProcess
):
    fresh.tell("cover open")
    jobs = counter.queue(2)
    wait_until(lambda: counter.held(jobs[0]) == "COVER_OPEN", counter.spooler.tick)
    counter.spooler.close()
    counter.store.write(lambda uow: uow.set_print_job(jobs[0], PrintState.SENDING))
    fresh.tell("cover close")
    counter.spooler = counter.a_spooler()
    counter.printed()
    assert counter.state(jobs[0]) is PrintState.UNCERTAIN
    assert [is_copy(text) for text in sheets_of(fresh, 1)] == [True]
    assert [is_copy(text) for text in sheets_of(fresh, 2)] == [False]


def test_half_a_picture_in_the_printer_does_not_eat_the_copy(
    counter: Counter, fresh: PrinterProcess
):
    counter.spooler.close()
    host, _, port = fresh.address.removeprefix("tcp:").rpartition(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(b"\x1b@half\n\x1dv0\x00\x48\x00\x18\x00" + bytes(100))
        wait_until(lambda: fresh.status()["buffered"] == 108)
    counter.spooler = counter.a_spooler()
    data = build_receipt(a_receipt(sale=a_sale(receipt=9))).to_bytes()
    job = counter.store.write(lambda uow: uow.add_print_job("receipt", "R", data))
    counter.store.write(lambda uow: uow.set_print_job(job, PrintState.SENDING))
    counter.printed()
    broken, copy = fresh.texts()
    assert "half" in broken and "is void" in broken
    assert copy.strip().startswith("COPY 1") and "MM03-0000009" in copy


def test_a_reprint_is_marked_as_a_copy(counter: Counter, fresh: PrinterProcess):
    (job,) = counter.queue()
    first = counter.store.read(lambda reader: reader.print_job(job))
    assert first is not None
    counter.store.write(
        lambda uow: uow.add_print_job(
            first.kind, first.title, first.document, sale_id=first.sale_id, copy_no=1
        )
    )
    counter.spooler.wake()
    counter.printed()
    assert [is_copy(text) for text in fresh.texts()] == [False, True]


def test_no_printer_at_all_keeps_jobs_and_says_so(tmp_path: Path):
    counter = Counter(tmp_path / "till", "tcp:127.0.0.1:9", load_profile("virtual-80"))
    try:
        (job,) = counter.queue()
        wait_until(lambda: counter.held(job) == "PRINTER_ABSENT", counter.spooler.tick)
        assert counter.state(job) is PrintState.QUEUED
        wait_until(lambda: counter.spooler.status().state is PrinterState.ABSENT)
    finally:
        counter.close()


def test_a_printer_that_does_not_answer_is_offline_and_gets_no_byte_of_a_slip(
    counter: Counter, fresh: PrinterProcess, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("posapp.printing.protocol.HELLO_MS", 50)
    monkeypatch.setattr("posapp.printing.protocol.RECOVER_MS", 50)
    monkeypatch.setattr("posapp.printing.protocol.RECOVER_STEP_MS", 50)
    fresh.tell("mute on")
    (job,) = counter.queue()
    wait_until(lambda: counter.held(job) == "PRINTER_SILENT", counter.spooler.tick)
    wait_until(lambda: counter.spooler.status().state is PrinterState.OFFLINE)
    fresh.tell("mute off")
    counter.printed()
    assert counter.state(job) is PrintState.PRINTED
    assert len(fresh.texts()) == 1 and not is_copy(fresh.texts()[0])


def test_a_printer_that_confirms_nothing_leaves_the_slip_uncertain_without_a_copy(
    tmp_path: Path,
    fresh: PrinterProcess,
    monkeypatch: pytest.MonkeyPatch,
    expect_log,
):
    expect_log("was not confirmed")
    monkeypatch.setattr("posapp.printing.transfer.ACK_BASE_MS", 100)
    profile = replace(load_profile("virtual-80"), speed_mm_s=500)
    monkeypatch.setattr("posapp.printing.transfer.SLOWEST_BYTES_S", 10**6)
    counter = Counter(tmp_path / "till", fresh.address, profile)
    monkeypatch.setattr("posapp.printing.protocol.Dialog.ack_command", lambda *_: b"\x1b@")
    try:
        (job,) = counter.queue()
        wait_until(lambda: counter.state(job) is PrintState.UNCERTAIN, counter.spooler.tick)
        assert counter.held(job) == "PRINTER_NO_ANSWER"
        assert len(counter.jobs()) == 1
    finally:
        counter.close()


def test_a_serial_line_prints_and_holds_too(tmp_path: Path):
    printer = PrinterProcess(tmp_path / "paper", f"pty:{tmp_path / 'line'}", paper_mm=60)
    counter = Counter(tmp_path / "till", printer.address, load_profile("generic-80"))
    try:
        (job,) = counter.queue()
        wait_until(lambda: counter.held(job) == "PAPER_OUT", counter.spooler.tick)
        printer.tell("paper 4000")
        counter.printed()
        assert counter.state(job) is PrintState.PRINTED
        assert len(printer.texts()) == 1
    finally:
        counter.close()
        printer.stop()
