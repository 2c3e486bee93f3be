"""Runs a transaction again when the database asked for it; each try starts from the beginning."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from posapp.db.errors import is_busy
from posapp.errors import StoreError

T = TypeVar("T")

ATTEMPTS = 5
FIRST_PAUSE_S = 0.02
_RETRY_STATES = {"40001", "40P01"}  # serialization failure, deadlock (PostgreSQL)


def run_again(work: Callable[[], T], *, attempts: int = ATTEMPTS) -> T:
    """The result of `work`, a whole transaction, tried up to `attempts` times.

    Only a busy store, a serialization failure or a deadlock is tried again, with a pause that
    doubles from 20 ms; anything else is raised at once.
    """
    pause = FIRST_PAUSE_S
    for left in range(attempts - 1, -1, -1):
        try:
            return work()
        except (StoreError, DBAPIError) as error:
            if left == 0 or not _worth_another(error):
                raise
        time.sleep(pause)
        pause *= 2
    raise AssertionError("unreachable")


def _worth_another(error: Exception) -> bool:
    if isinstance(error, StoreError):
        return error.code == "STORE_BUSY"
    assert isinstance(error, DBAPIError)
    return is_busy(error) or getattr(error.orig, "sqlstate", "") in _RETRY_STATES
