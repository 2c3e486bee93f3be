"""What a slip costs: its bytes for the printer, its picture for the screen."""

from __future__ import annotations

import time
from collections.abc import Callable

from posapp.printing.previewer import DocumentPreviewer
from posapp.printing.profile import load_profile
from posapp.printing.render.slip import render_slip
from posapp.reports.document import Document
from posapp.reports.receipt import build_receipt
from tests.benchmarks.row import Row
from tests.papers import a_receipt, people

ROUNDS = 60
ENCODE_MS, PICTURES_MS, PREVIEW_MS, BUILD_MS = 5.0, 15.0, 50.0, 2.0


def _median_ms(work: Callable[[], object]) -> float:
    """Processor time of this thread, once warm."""
    work()
    spent = []
    for _ in range(ROUNDS):
        start = time.thread_time_ns()
        work()
        spent.append(time.thread_time_ns() - start)
    return sorted(spent)[ROUNDS // 2] / 1e6


def bench_slip() -> list[Row]:
    """Medians against the promised ceilings."""
    text, pictures = load_profile("generic-80"), load_profile("virtual-80")
    facts = a_receipt()
    stored = build_receipt(facts).to_bytes()
    previewer = DocumentPreviewer(pictures, people)

    def encode(profile_of=text) -> object:
        return render_slip(Document.from_bytes(stored).resolve(people), profile_of)

    return [
        Row("receipt: facts to stored bytes", _median_ms(_build), BUILD_MS, "ms", 1),
        Row("receipt: stored bytes to ESC/POS text", _median_ms(encode), ENCODE_MS, "ms", 1),
        Row(
            "receipt: with pictures",
            _median_ms(lambda: encode(pictures)),
            PICTURES_MS,
            "ms",
            1,
        ),
        Row(
            "receipt: preview as PNG",
            _median_ms(lambda: previewer.preview(stored)),
            PREVIEW_MS,
            "ms",
            1,
        ),
    ]


def _build() -> object:
    return build_receipt(a_receipt()).to_bytes()
