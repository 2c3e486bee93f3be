"""A sealed line over bad cables: nothing is done twice, and nobody waits longer than need be."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.ports import IssueResult, NotFound
from posapp.security_module.drivers.driver import LineLostError, LineSilentError
from posapp.security_module.drivers.link_driver import SESSIONS_MAX
from posapp.security_module.link import session
from posapp.security_module.link.framing import frame
from tests.security_module.line_scene import SOON_S, Scene, at_frame
from tests.security_module.lines import (
    CUT,
    FAULTS,
    TO_MODULE,
    TO_TILL,
    whole,
)
from tests.security_module.module_process import TILL


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One pair for the many rows of the cable's table."""
    made = Scene(tmp_path_factory.mktemp("lasting"))
    yield made
    made.close()


# ---------------------------------------------------------------- bad cables


@pytest.mark.parametrize("direction", [TO_MODULE, TO_TILL])
@pytest.mark.parametrize("name", [*FAULTS, "late"])
def test_a_fault_in_any_frame_from_hello_to_token_leaves_one_token(
    lasting: Scene, direction: str, name: str
) -> None:
    """Frame 1 is HELLO, then the handshake, the sealed HELLO, ISSUE, and a frame that was late."""
    for number in range(1, 7):
        before = lasting.made()
        lasting.driver.close()
        lasting.cable.fault, happened = at_frame(direction, number, name)
        request = lasting.intend()
        result = lasting.settle(request)
        lasting.cable.fault = whole
        assert happened[0] or number >= 4
        assert lasting.made() == before + 1
        found = lasting.driver.fetch(request.request_id, TILL, time.monotonic() + 5)
        assert isinstance(found, IssueResult) and found.tokens == result.tokens


@pytest.mark.parametrize("direction", [TO_MODULE, TO_TILL])
@pytest.mark.parametrize("name", ["lost", "flipped", "halved", "late"])
def test_what_a_session_loses_is_asked_again_within_the_same_call(
    scene: Scene, direction: str, name: str
) -> None:
    scene.open()
    scene.cable.fault, happened = at_frame(direction, 1, name)
    result = scene.issue(scene.intend())
    assert happened[0] and scene.made() == 1
    assert scene.driver.sessions == 2
    assert scene.cable.lines == 1  # the port stayed open
    assert result.replayed is False


@pytest.mark.parametrize("direction", [TO_MODULE, TO_TILL])
def test_what_was_seen_to_break_is_asked_again_long_before_patience_ends(
    scene: Scene, direction: str
) -> None:
    scene.driver._again_s = 20.0
    scene.open()
    scene.cable.fault, happened = at_frame(direction, 1, "flipped")
    begun = time.monotonic()
    scene.issue(scene.intend(), within_s=30)
    assert happened[0] and time.monotonic() - begun < 5


def test_a_request_that_ran_before_its_session_broke_is_not_run_again(scene: Scene) -> None:
    scene.open()
    scene.cable.fault, _ = at_frame(TO_TILL, 1, "lost")
    ran: list[bytes] = []
    answer = scene.gate._desk.answer

    def counted(payload: bytes) -> bytes | None:
        ran.append(payload)
        return answer(payload)

    scene.gate._desk.answer = counted  # type: ignore[method-assign]
    scene.driver.status(TILL, time.monotonic() + 5)  # an op without a request id of its own
    assert len(ran) == 1
    scene.driver.status(TILL, time.monotonic() + 5)
    assert len(ran) == 2  # asked anew is another message


def test_a_module_restarted_in_mid_session_answers_within_the_same_call(scene: Scene) -> None:
    scene.open()
    first = scene.intend()
    tokens = scene.issue(first).tokens
    scene.restart()
    again = scene.issue(first)
    assert (again.tokens, again.replayed) == (tokens, True)
    assert scene.driver.sessions == 2
    assert scene.gate.lost == {session.UNKNOWN: 1}


def test_a_line_that_ends_every_session_is_given_up_soon_and_honestly(scene: Scene) -> None:
    scene.open()

    def fault(way: str, data: bytes) -> list[bytes] | None:
        now = scene.driver._session
        if way == TO_TILL and now is not None:
            return [frame(session.ended(now.number, session.GAP))]
        return [data]

    scene.cable.fault = fault
    request = scene.intend()
    begun = time.monotonic()
    with pytest.raises(LineLostError) as caught:
        scene.issue(request, within_s=60)
    assert caught.value.sent  # and so unknown
    assert scene.driver.sessions <= SESSIONS_MAX + 2
    assert time.monotonic() - begun < 5
    scene.cable.fault = whole
    scene.driver.close()
    scene.settle(request)
    assert scene.made() == 1


def test_a_line_that_never_shakes_hands_has_sent_nothing(scene: Scene) -> None:
    scene.open()
    scene.driver._session = None
    scene.cable.fault = lambda way, data: [] if way == TO_TILL else [data]
    with pytest.raises(LineLostError) as caught:
        scene.issue(scene.intend(), within_s=0.2)
    assert not caught.value.sent
    assert scene.made() == 0


def test_old_sessions_cannot_be_played_again(scene: Scene) -> None:
    scene.open()
    scene.cable.carried[TO_MODULE].clear()
    scene.issue(scene.intend())
    recorded = bytes(scene.cable.carried[TO_MODULE])
    scene.cable.send(recorded, 0)  # numbers that were used: nothing
    assert scene.made() == 1
    scene.restart()
    scene.cable.send(recorded, 0)  # a session that it does not have
    assert scene.made() == 1
    assert scene.gate.lost == {session.UNKNOWN: 1}


def test_a_slow_line_takes_longer_and_no_session_is_given_up_while_it_talks(scene: Scene) -> None:
    scene.cable.byte_s = 0.0001  # an eighth of 115,200 baud: longer than the till's patience
    scene.open()
    sessions = scene.driver.sessions
    result = scene.issue(scene.intend())
    assert (result.replayed, scene.driver.sessions) == (False, sessions)


def test_a_line_of_one_byte_now_and_then_is_an_honest_unknown(scene: Scene) -> None:
    scene.open()
    scene.cable.byte_s = 2 * SOON_S  # as one byte a second is to the real patience
    request = scene.intend()
    with pytest.raises((LineSilentError, LineLostError)) as caught:
        scene.issue(request, within_s=0.5)
    assert getattr(caught.value, "sent", True)
    scene.driver.close()
    with pytest.raises((LineSilentError, LineLostError)):
        scene.driver.open(time.monotonic() + 0.3)
    scene.cable.byte_s = 0
    assert scene.settle(request).replayed
    assert scene.made() == 1


def test_over_an_endlessly_bad_cable_every_sale_ends_with_one_token(lasting: Scene) -> None:
    chance = random.Random(4)
    names = sorted(FAULTS)
    happened = 0

    def fault(_way: str, data: bytes) -> list[bytes] | None:
        nonlocal happened
        if chance.random() > 0.2:
            return [data]
        happened += 1
        return FAULTS[chance.choice(names)](data)

    before = lasting.made()
    tokens = set()
    for sold in range(1, 61):
        lasting.cable.fault = fault
        request = lasting.intend()
        tokens.add(lasting.settle(request).tokens)
        assert lasting.made() == before + sold
    lasting.cable.fault = whole
    assert len(tokens) == 60
    assert happened > 20


def test_a_till_that_asks_for_what_never_ran_is_told_so_in_a_new_session(scene: Scene) -> None:
    scene.open()
    request = scene.intend()
    scene.cable.fault = lambda way, data: CUT if way == TO_MODULE else [data]
    with pytest.raises(LineLostError):
        scene.issue(request)
    scene.cable.fault = whole
    scene.open()
    found = scene.driver.fetch(request.request_id, TILL, time.monotonic() + 5)
    assert found == NotFound(0)
