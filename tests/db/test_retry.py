"""Trying a transaction again: only when the database asked for it."""

from __future__ import annotations

import pytest

from posapp.db import retry
from posapp.errors import StoreError


class Work:
    def __init__(self, failures: int, code: str) -> None:
        self.failures, self.code, self.calls = failures, code, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise StoreError(self.code)
        return "done"


def test_a_busy_store_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0)
    work = Work(2, "STORE_BUSY")
    assert retry.run_again(work) == "done"
    assert work.calls == 3


def test_patience_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0)
    work = Work(99, "STORE_BUSY")
    with pytest.raises(StoreError):
        retry.run_again(work)
    assert work.calls == retry.ATTEMPTS


def test_a_full_disk_is_not_tried_again():
    work = Work(1, "DISK_FULL")
    with pytest.raises(StoreError):
        retry.run_again(work)
    assert work.calls == 1
