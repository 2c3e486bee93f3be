"""Every state has a sentence, an action and a colour, the same in the module and on the screen."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import posapp.security_module
from posapp.clock import epoch_ms
from posapp.errors import Outcome
from posapp.ports import ModuleState
from posapp.security_module import states
from posapp.security_module.link.messages import KeyInfo, LimitInfo, Report
from posapp.security_module.states import Facts, KeyFact, state_of
from posapp.ui import messages, status_words
from posapp.ui.message_words_drivers import ACTIONS
from tests.security_module.lines import HELLO

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
GOOD = KeyFact(2014, 255)
FOLDER = Path(posapp.security_module.__file__).parent


def facts(*keys: KeyFact, **changes: object) -> Facts:
    values: dict[str, object] = {"clock": NOON, "keys": keys or (GOOD,)}
    return Facts(**{**values, **changes})  # type: ignore[arg-type]


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize("state", ModuleState)
def test_each_state_has_one_sentence_one_action_and_one_colour(state: ModuleState) -> None:
    words = states.TABLE[state]
    assert words.colour in states.COLOURS
    assert words.sentence in messages.WORDS
    assert ACTIONS[words.action]


def test_no_two_states_have_the_same_sentence() -> None:
    sentences = [messages.WORDS[words.sentence][0] for words in states.TABLE.values()]
    assert len(set(sentences)) == len(ModuleState)


def test_no_button_has_words_for_an_action_that_no_state_offers() -> None:
    assert set(ACTIONS) == states.ACTIONS


@pytest.mark.parametrize("state", ModuleState)
def test_the_status_strip_has_words_and_the_same_colour(state: ModuleState) -> None:
    colour, words = status_words.module_words()[state]
    assert words
    assert colour == states.TABLE[state].colour


def test_what_holds_can_be_asked_and_is_never_shown_as_good() -> None:
    for state in ModuleState:
        if state.holds:
            assert state.answers
            assert states.TABLE[state].colour in ("warn", "bad")
    assert not ModuleState.WRONG_MODULE.answers
    assert not ModuleState.READY.holds


# ---------------------------------------------------------------- what a report means


def test_a_module_with_a_living_key_is_ready() -> None:
    assert state_of(facts(), NOON) is ModuleState.READY


@pytest.mark.parametrize("word", ["locked", "TAMPERED", "hold_audit", "pin_blocked", "zeroised"])
def test_the_modules_own_word_wins(word: str) -> None:
    seen = state_of(facts(clock=NOON - 9 * DAY, own_state=word), NOON)
    assert seen is ModuleState(word.lower())


@pytest.mark.parametrize("word", ["", "ready", "absent", "wrong_module", "busy", "nonsense"])
def test_a_word_that_no_module_says_of_itself_changes_nothing(word: str) -> None:
    assert state_of(facts(own_state=word), NOON) is ModuleState.READY


def test_clocks_may_differ_by_half_a_day() -> None:
    for apart in (timedelta(hours=12), timedelta(hours=-12)):
        assert state_of(facts(clock=NOON + apart), NOON) is ModuleState.READY
        more = apart + apart / 10_000
        assert state_of(facts(clock=NOON + more), NOON) is ModuleState.CLOCK_BAD


def test_no_keys_at_all_are_missing_keys() -> None:
    assert state_of(Facts(NOON, ()), NOON) is ModuleState.KEY_MISSING


OVER = [KeyFact(1993, 255), KeyFact(2014, 85), KeyFact(2014, 255, issue_until=NOON)]


@pytest.mark.parametrize("key", OVER, ids=["its base date", "its number", "its last day"])
def test_only_when_every_key_has_expired_the_module_holds(key: KeyFact) -> None:
    assert state_of(facts(key), NOON) is ModuleState.KEY_EXPIRED
    assert state_of(facts(key, GOOD), NOON) is ModuleState.READY


def test_a_lease_ends_by_the_modules_own_clock() -> None:
    assert state_of(facts(lease_until=NOON), NOON) is ModuleState.READY
    ended = facts(lease_until=NOON - timedelta(seconds=1))
    assert state_of(ended, NOON) is ModuleState.HOLD_LEASE


def test_the_last_unacknowledged_token_is_the_one_that_fills_the_audit() -> None:
    assert state_of(facts(unacknowledged=9, unacknowledged_max=10), NOON) is ModuleState.READY
    assert state_of(facts(unacknowledged=10, unacknowledged_max=10), NOON) is ModuleState.HOLD_AUDIT
    assert state_of(facts(unacknowledged=10), NOON) is ModuleState.READY


@pytest.mark.parametrize(
    ("units", "money", "used"),
    [(0, None, True), (None, 0, True), (0, 0, True), (1, 0, False), (0, 1, False)],
)
def test_a_limit_is_used_up_when_nothing_is_left_of_either(
    units: int | None, money: int | None, used: bool
) -> None:
    key = KeyFact(2014, 255, units_left=units, money_left=money)
    assert (state_of(facts(key), NOON) is ModuleState.LIMIT_USED) is used
    assert state_of(facts(key, GOOD), NOON) is ModuleState.READY


def a_report(**changes: Any) -> Report:
    keys = tuple(KeyInfo("123456", krn, 2, 2014, 255, 4, test=True) for krn in (1, 2))
    return replace(Report(HELLO, keys, 0, epoch_ms(NOON), 0), **changes)


def state_reported(**changes: Any) -> ModuleState:
    return state_of(states.facts_of(a_report(**changes)), NOON)


def test_a_laboratory_s_module_has_no_limits() -> None:
    assert state_reported() is ModuleState.READY


def test_with_limits_a_key_without_a_row_has_nothing() -> None:
    one = LimitInfo("123456", 2, 5, 0, 0)
    assert state_reported(limited=True) is ModuleState.LIMIT_USED
    assert state_reported(limited=True, limits=(one,)) is ModuleState.READY
    used = replace(one, units=0)
    assert state_reported(limited=True, limits=(used,)) is ModuleState.LIMIT_USED


def test_a_report_s_own_state_its_lease_and_its_audit_are_read() -> None:
    assert state_reported(state="locked") is ModuleState.LOCKED
    assert state_reported(lease_until_ms=epoch_ms(NOON) - 1) is ModuleState.HOLD_LEASE
    assert state_reported(unacknowledged=3, unacknowledged_max=3) is ModuleState.HOLD_AUDIT


def test_moments_beyond_the_calendar_stop_nothing() -> None:
    assert state_reported(lease_until_ms=1 << 53) is ModuleState.READY
    assert state_reported(clock_ms=(1 << 53) - 1) is ModuleState.CLOCK_BAD
    assert state_reported(clock_ms=0) is ModuleState.CLOCK_BAD


def test_a_refusal_reveals_a_state_only_when_it_concerns_the_module() -> None:
    assert states.state_of_refusal("LEASE_EXPIRED") is ModuleState.HOLD_LEASE
    assert states.state_of_refusal("TID_WINDOW") is None


# ---------------------------------------------------------------- every error says the outcome

# What the till's side raises says its outcome in so many words; the module's side may leave out
# NOT_EXECUTED, because a refusal rolls its transaction back.
TILLS_SIDE = ("manager.py", "devices.py", "drivers/prismtoken", "drivers/registry.py")
# Codes that stand for something that was perhaps, or surely, done.
NEVER_BY_DEFAULT = {
    "ALREADY_ISSUED",
    "INTERNAL",
    "MODULE_ANSWER_WRONG",
    "MODULE_LINK_LOST",
    "MODULE_TIMEOUT",
    "RESULT_EXPIRED",
    "RESULT_PENDING",
}


def _raised() -> list[tuple[str, str, str]]:
    """(place, code or "", outcome as it is written or "") of every ModuleError of the package."""
    rows = []
    for path in sorted(FOLDER.rglob("*.py")):
        name = path.relative_to(FOLDER).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "ModuleError":
                continue
            code = node.args[0]
            outcome = [ast.unparse(k.value) for k in node.keywords if k.arg == "outcome"]
            text = str(code.value) if isinstance(code, ast.Constant) else ""
            rows.append((f"{name}:{node.lineno}", text, *(outcome or [""])))
    return rows  # type: ignore[return-value]


def test_every_error_of_the_tills_side_says_what_became_of_the_request() -> None:
    rows = [row for row in _raised() if row[0].startswith(TILLS_SIDE)]
    assert len(rows) > 8
    assert not [row for row in rows if not row[2]]


def test_every_outcome_is_one_of_the_three_and_never_by_chance() -> None:
    rows = _raised()
    assert len(rows) > 25
    named = {f"Outcome.{outcome.name}" for outcome in Outcome}
    assert {"Outcome.EXECUTED", "Outcome.UNKNOWN"} <= {row[2] for row in rows} & named
    wrong = [row for row in rows if row[2].startswith("Outcome.") and row[2] not in named]
    wrong += [row for row in rows if not row[2] and row[1] in NEVER_BY_DEFAULT]
    assert not wrong
