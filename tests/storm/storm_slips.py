"""Slips while printer and till lose power, paper and cover at random moments.

The promises: no receipt is lost, none has two slips without the mark of a copy.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.virtual_printer import PrinterProcess

MODEL = "epson-tm-t20iii"
SLIPS_A_ROUND = 4
ROUND_S = 40.0
_NUMBER = re.compile(r"MM03-(\d{7})-\d")
_TILL = """
import sys
from pathlib import Path
from tests.storm.storm_slips import till
till(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
"""


def till(folder: Path, address: str, first: int, count: int) -> None:
    """The child: queues `count` receipts, prints until nothing waits, and says so."""
    from posapp.clock import SystemClock
    from posapp.lanes import ThreadLanes
    from posapp.printing.link import link_factory
    from posapp.printing.profile import load_profile
    from posapp.printing.render.slip import render_slip
    from posapp.printing.spooler import WAITING, Spooler
    from posapp.reports.receipt import build_receipt
    from tests.papers import a_receipt, a_sale
    from tests.stores import again

    lanes = ThreadLanes()
    store = again(folder)
    for receipt in range(first, first + count):
        facts = a_receipt(sale=a_sale(receipt=receipt))
        data, sale_id = build_receipt(facts).to_bytes(), facts.sale.sale_id
        store.write(
            lambda uow, data=data, sale_id=sale_id: uow.add_print_job(
                "receipt", "Receipt", data, sale_id=sale_id
            )
        )
    print("ready", flush=True)
    profile = load_profile(MODEL)
    spooler = Spooler(store, link_factory(address), profile, render_slip, SystemClock(), lanes)
    while store.read(lambda reader: reader.print_jobs(WAITING, 1)):
        spooler.tick()
        time.sleep(0.02)
    print("done", flush=True)
    spooler.close()
    store.close()
    lanes.close()


class Scene:
    """One printer, one store, and a till that is started again and again."""

    def __init__(self, folder: Path, seed: int, speed_mm_s: int = 2000) -> None:
        from tests.stores import a_store

        self.folder = folder / "till"
        a_store(self.folder).close()
        self.random = random.Random(seed)
        self.printer = PrinterProcess(folder / "paper", model=MODEL, speed_mm_s=speed_mm_s)
        self.receipts = 0
        self.till: subprocess.Popen[str] | None = None

    def start_till(self, count: int) -> None:
        arguments = [str(self.folder), self.printer.address, str(self.receipts + 1), str(count)]
        self.till = subprocess.Popen(
            [sys.executable, "-c", _TILL, *arguments], stdout=subprocess.PIPE, text=True
        )
        assert self.till.stdout is not None
        assert self.till.stdout.readline().strip() == "ready"
        self.receipts += count

    def end_till(self, *, kill: bool) -> None:
        if self.till is None:
            return
        if kill:
            self.till.kill()
        self.till.wait(ROUND_S)
        if self.till.stdout is not None:
            self.till.stdout.close()
        self.till = None

    def trouble(self) -> None:
        """One fault, somewhere in the next slips."""
        printer, chance = self.printer, self.random
        fault = chance.randrange(6)
        time.sleep(chance.random() * 0.3)
        if fault == 0:
            printer.tell(f"power off after {chance.randrange(1, 5000)}")
            time.sleep(0.3)
            printer.tell("power off")
            printer.tell("power on")
        elif fault == 1:
            printer.tell(f"paper {chance.randrange(0, 300)}")
            time.sleep(0.3)
        elif fault == 2:
            printer.tell("cover open")
            time.sleep(0.2)
        elif fault == 3:
            printer.kill()
            printer.start()
        elif fault == 4:
            self.end_till(kill=True)
            self.start_till(0)
        else:
            printer.tell("error on")
            time.sleep(0.2)
        for line in ("paper 40000", "cover close", "error off", "power on"):
            printer.tell(line)

    def round(self) -> None:
        self.start_till(SLIPS_A_ROUND)
        for _ in range(self.random.randrange(1, 4)):
            self.trouble()
        self.end_till(kill=False)

    def findings(self) -> list[str]:
        whole: Counter[int] = Counter()
        unmarked: Counter[int] = Counter()
        for text in self.printer.texts():
            for number in _NUMBER.findall(text)[:1]:
                whole[int(number)] += "Chain" in text
                unmarked[int(number)] += not re.search(r"COPY \d", text)
        numbers = range(1, self.receipts + 1)
        lost = [f"receipt {n} was never printed whole" for n in numbers if not whole[n]]
        twice = [
            f"receipt {n} has {unmarked[n]} unmarked slips" for n in numbers if unmarked[n] > 1
        ]
        return lost + twice

    def close(self) -> None:
        self.end_till(kill=True)
        self.printer.stop()


def rounds(seed: int, count: int, minutes: float) -> list[str]:
    """At most `count` rounds of trouble in `minutes`; what was broken."""
    ends = time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory(prefix="posapp-storm-") as folder:
        scene = Scene(Path(folder), seed)
        try:
            for _ in range(count):
                scene.round()
                if time.monotonic() > ends:
                    break
            return scene.findings()
        finally:
            scene.close()


def storm(seed: int, minutes: float) -> list[str]:
    """As many rounds as fit."""
    return rounds(seed, 100_000, minutes)
