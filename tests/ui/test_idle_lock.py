"""A till that nobody touches locks itself and keeps the sale on its screen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ui_town import AMINA

from posapp.config import TillConfig
from posapp.errors import ConfigError
from posapp.ui.sell.state import Phase


def wait(window, world, minutes: int) -> None:
    world.clock.pass_ms(minutes * 60_000)
    window._poll()


def test_it_locks_after_ten_minutes_and_the_amount_is_still_there(selling, world, fingers):
    fingers.type(AMINA.digits)
    fingers.type("1700")
    wait(selling, world, 9)
    assert selling.current == "sell"
    fingers.type("0")  # a key begins the time anew
    wait(selling, world, 9)
    assert selling.current == "sell"
    wait(selling, world, 1)
    assert selling.current == "login"
    fingers.type("1234")
    fingers.enter()
    assert selling.current == "sell"
    state = selling.sell_page().presenter.state
    assert (state.phase, state.entry) == (Phase.QUOTE, "17000")


def test_it_waits_for_a_token_that_is_being_made(selling, world):
    presenter = selling.sell_page().presenter
    presenter.state = replace(presenter.state, phase=Phase.SELLING)
    wait(selling, world, 30)
    assert selling.current == "sell"
    presenter.state = replace(presenter.state, phase=Phase.IDLE)


@pytest.mark.parametrize("minutes", ["-1", "241", "x", ""])
def test_a_wrong_time_is_named(tmp_path: Path, minutes: str):
    with pytest.raises(ConfigError) as caught:
        TillConfig(tmp_path, lock_minutes=minutes)
    assert caught.value.params["field"] == "screen.lock_minutes"
