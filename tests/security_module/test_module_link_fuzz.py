"""The short form of the storm of frames, and whether the storm itself can tell."""

from __future__ import annotations

from typing import Any

import pytest

from posapp.security_module.link.session import Session
from posapp.security_module.reference.gate import Gate
from tests.storm import storm_frames
from tests.storm.storm_frames import pour

FRAMES = 1_500


def test_many_broken_frames_harm_neither_end() -> None:
    tally = pour(4, FRAMES)
    assert tally.findings == []
    assert tally.frames >= FRAMES
    # It got somewhere: good answers, all kinds of refusals, sessions, and a till that doubted.
    assert {"ok", "piece", "FIELD_RANGE", "UNSUPPORTED"} <= set(tally.ends)
    assert {"answered", "LineSilentError", "WrongAnswerError"} <= set(tally.ends)
    assert tally.ends["unreadable"] == 0


@pytest.mark.parametrize("end", [Gate, Session])
def test_a_storm_over_an_end_that_falls_is_told(monkeypatch: pytest.MonkeyPatch, end: Any) -> None:
    def falls(*_: object) -> list[bytes]:
        raise ZeroDivisionError

    monkeypatch.setattr(end, "take", falls)
    assert any("ZeroDivisionError" in finding for finding in pour(3, 60).findings)


def test_a_storm_that_makes_a_token_twice_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storm_frames.ModuleUnderFire, "doubles", lambda _self: ["twice"])
    assert any("twice" in finding for finding in pour(3, 60).findings)
