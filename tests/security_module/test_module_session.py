"""A sealed line: what it carries, what it costs, and who gets in."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posapp.errors import ModuleError, Outcome, StoreError
from posapp.security_module.link import codec, session
from posapp.security_module.link.framing import PAYLOAD_MAX, frame
from posapp.security_module.link.identity import PEERS_MAX, Peer
from posapp.security_module.link.messages import order_of
from posapp.security_module.link.session import PIECE_MAX, Piece, Session, SessionLostError
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.gate import Gate
from tests.security_module.engines import an_engine
from tests.security_module.line_scene import Scene, at_frame, refusal
from tests.security_module.lines import (
    MODULE_ID,
    TO_MODULE,
    TO_TILL,
    Chance,
    introduce,
    line_keys,
)
from tests.security_module.module_process import TILL

BITS_PER_BYTE = 10  # 8N1
BAUD = 115_200


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


# ---------------------------------------------------------------- talking


def test_a_paired_till_and_module_talk_sealed(scene: Scene) -> None:
    hello = scene.open()
    assert (hello.module_id, scene.driver.is_sealed) == (MODULE_ID, True)
    scene.cable.carried[TO_MODULE].clear()
    scene.cable.carried[TO_TILL].clear()
    request = scene.intend()
    result = scene.issue(request)
    assert result.tokens[0].isdigit() and not result.replayed
    report = scene.driver.status(TILL, time.monotonic() + 5)
    assert (report.last_sequence, report.issues) == (1, 1)
    on_the_cable = b"".join(scene.cable.carried.values())
    secrets = (request.request_id, request.meter.encode(), result.tokens[0].encode(), b"ISSUE")
    assert not any(word in on_the_cable for word in secrets)
    assert scene.driver.sessions == 1


def test_a_handshake_takes_less_than_a_fifth_of_a_second_at_115200_baud(scene: Scene) -> None:
    scene.open()
    carried = sum(len(data) for data in scene.cable.carried.values())
    # Both HELLOs are in it. What is sealed varies by no byte: the keys have one length.
    assert carried * BITS_PER_BYTE / BAUD < 0.2
    assert 1_500 < carried < 2_100


def test_a_resumed_session_would_cost_more_bytes_than_a_full_one(scene: Scene) -> None:
    def cost(till: ssl.SSLContext, module: ssl.SSLContext, old: Any) -> tuple[int, Any]:
        ways = [ssl.MemoryBIO() for _ in range(4)]
        ours = till.wrap_bio(ways[0], ways[1], session=old)
        theirs = module.wrap_bio(ways[2], ways[3], server_side=True)
        carried, done = 0, [False, False]
        for _ in range(4):
            for end, (tls, out, into) in enumerate(
                ((ours, ways[1], ways[2]), (theirs, ways[3], ways[0]))
            ):
                if not done[end]:
                    try:
                        tls.do_handshake()
                        done[end] = True
                    except ssl.SSLWantReadError:
                        pass
                data = out.read()
                carried += len(data)
                into.write(data)
        theirs.write(b"x")
        ways[0].write(ways[3].read())
        assert ours.read(9) == b"x"
        assert ours.session_reused is (old is not None)
        return carried, ours.session

    till = scene.till_keys.context(server=False)
    full, _ = cost(till, scene.module_keys.context(server=True), None)
    again = line_keys(scene.module_keys._folder, 5).context(server=True)
    again.num_tickets = 1
    _, ticket = cost(till, again, None)
    resumed, _ = cost(till, again, ticket)
    assert full < 1_450 < resumed


def test_the_largest_messages_go_through_in_pieces(scene: Scene) -> None:
    ours, theirs = shaken(scene)
    for size in (1, 7, PIECE_MAX - 30, PIECE_MAX, PAYLOAD_MAX):
        message = Chance(size).bytes(size)
        ours.say(message)
        payloads = ours.pieces()
        assert (len(payloads) == 1) == (size < PIECE_MAX - 23)
        assert all(len(payload) <= PAYLOAD_MAX for payload in payloads)
        got = [m for payload in payloads for m in theirs.take(read(payload))]
        assert got == [message]


def read(payload: bytes) -> Piece:
    piece = Piece.read(payload)
    assert piece is not None
    return piece


def shaken(scene: Scene) -> tuple[Session, Session]:
    """Both ends of a session, the handshake done."""
    ours = Session(scene.till_keys.context(server=False), 7, server=False)
    theirs = Session(scene.module_keys.context(server=True), 7, server=True)
    while not (ours.shaken and theirs.shaken):
        for payload in ours.pieces():
            theirs.take(read(payload))
        for payload in theirs.pieces():
            ours.take(read(payload))
    assert theirs.peer_certificate == scene.till_keys.certificate
    assert ours.peer_certificate == scene.module_keys.certificate
    return ours, theirs


def test_a_message_of_no_length_or_too_long_ends_a_session(scene: Scene) -> None:
    for length in (0, session.MESSAGE_MAX + 1, 0xFFFF):
        ours, theirs = shaken(scene)
        ours._tls.write(length.to_bytes(2, "big") + b"x")
        (payload,) = ours.pieces()
        with pytest.raises(SessionLostError) as caught:
            theirs.take(read(payload))
        assert caught.value.reason == session.DAMAGED


def test_what_is_too_long_for_the_line_is_not_sent(scene: Scene) -> None:
    scene.open()
    before = len(scene.cable.carried[TO_MODULE])
    with pytest.raises(ModuleError) as caught:
        scene.driver._ask("STATUS", {"x": bytes(PAYLOAD_MAX)}, time.monotonic() + 1)
    assert (caught.value.code, caught.value.outcome) == ("MESSAGE_TOO_LONG", Outcome.NOT_EXECUTED)
    assert len(scene.cable.carried[TO_MODULE]) == before
    with pytest.raises(ModuleError) as caught:  # a long one that fits is answered: no such field
        scene.driver._ask("STATUS", {"x": bytes(PAYLOAD_MAX - 40)}, time.monotonic() + 5)
    assert caught.value.code == "FIELD_RANGE"


@pytest.mark.parametrize("kind", ["missing", "flipped", "twice"])
def test_one_piece_missing_or_broken_ends_a_session_and_one_twice_is_nothing(
    scene: Scene, kind: str
) -> None:
    ours, theirs = shaken(scene)
    ours.say(b"first")
    ours.say(b"second")
    first, second = [read(p) for p in _each(ours)]
    if kind == "twice":
        assert theirs.take(first) == [b"first"]
        assert theirs.take(first) == []
        assert theirs.take(second) == [b"second"]
        return
    if kind == "missing":
        broken = second
    else:
        broken = Piece(first.kind, first.session, first.number, first.data[:-1] + b"\0")
    with pytest.raises(SessionLostError) as caught:
        theirs.take(broken)
    assert caught.value.reason == (session.GAP if kind == "missing" else session.DAMAGED)


def _each(ours: Session) -> list[bytes]:
    """Two records that left together, each as a piece of its own."""
    (payload,) = ours.pieces()
    whole_piece = read(payload)
    length = 5 + int.from_bytes(whole_piece.data[3:5], "big")
    number = whole_piece.number
    return [
        Piece(session.DATA, 7, number, whole_piece.data[:length]).payload(),
        Piece(session.DATA, 7, number + 1, whole_piece.data[length:]).payload(),
    ]


def test_a_session_whose_numbers_are_used_up_is_worn(scene: Scene) -> None:
    ours, _theirs = shaken(scene)
    ours.sent = session.COUNT_MAX + 1
    ours.say(b"one more")
    with pytest.raises(SessionLostError) as caught:
        ours.pieces()
    assert caught.value.reason == session.WORN


def test_a_till_changes_a_worn_session_before_it_must(scene: Scene) -> None:
    scene.open()
    now = scene.driver._session
    assert now is not None
    now.sent = session.COUNT_MAX // 2 + 1
    assert not scene.issue(scene.intend()).replayed
    assert (scene.driver.sessions, scene.made()) == (2, 1)


# ---------------------------------------------------------------- who gets in


def test_a_foreign_host_is_refused_as_not_paired(scene: Scene, tmp_path: Path) -> None:
    foreign = line_keys(tmp_path / "foreign", 77)
    foreign.trust(Peer.read(MODULE_ID, scene.module_keys.certificate))
    error = refusal(scene.a_driver(foreign))
    assert (error.code, error.outcome) == ("NOT_PAIRED", Outcome.NOT_EXECUTED)
    assert scene.gate.lost == {session.NOT_PAIRED: 1}
    assert scene.made() == 0


def test_a_host_without_keys_is_refused_as_not_paired(scene: Scene, tmp_path: Path) -> None:
    assert refusal(scene.a_driver(None)).code == "NOT_PAIRED"
    assert refusal(scene.a_driver(line_keys(tmp_path / "new", 8))).code == "NOT_PAIRED"


def test_a_swapped_module_with_the_same_name_is_refused(scene: Scene, tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path / "swapped")
    keys = line_keys(tmp_path / "swapped", 66)
    keys.trust(Peer.read("till", scene.till_keys.certificate))
    scene.cable.plug(Gate(Desk(engine), keys))
    error = refusal(scene.driver)
    assert (error.code, error.outcome) == ("WRONG_MODULE", Outcome.NOT_EXECUTED)
    assert error.params["expected"] == MODULE_ID
    assert engine.report(TILL).issues == 0
    store.close()


def test_another_paired_module_that_takes_this_ones_name_is_refused(
    scene: Scene, tmp_path: Path
) -> None:
    engine, store = an_engine(tmp_path / "spare")  # its engine says the same module id
    keys = line_keys(tmp_path / "spare", 66)
    introduce(scene.till_keys, keys, "REF-SPARE")
    scene.cable.plug(Gate(Desk(engine), keys))
    error = refusal(scene.driver)
    assert (error.code, error.params["found"]) == ("WRONG_MODULE", "REF-SPARE")
    store.close()


def test_a_module_in_the_clear_is_refused_by_a_till_that_is_paired(
    scene: Scene, tmp_path: Path
) -> None:
    scene.cable.plug(Gate(Desk(scene.engine), line_keys(tmp_path / "wiped", 4)))
    assert refusal(scene.driver).code == "NOT_PAIRED"  # the name is right and it forgot us
    others = line_keys(tmp_path / "others", 5)
    others.trust(Peer.read("REF-OTHER", line_keys(tmp_path / "o", 6).certificate))
    error = refusal(scene.a_driver(others))
    assert (error.code, error.params["expected"]) == ("WRONG_MODULE", "REF-OTHER")


def test_a_laboratory_goes_on_in_the_clear(scene: Scene, tmp_path: Path) -> None:
    scene.cable.plug(Gate(Desk(scene.engine), line_keys(tmp_path / "laboratory", 4)))
    for keys in (None, line_keys(tmp_path / "till of a laboratory", 5)):
        driver = scene.a_driver(keys)
        assert scene.open(driver).module_id == MODULE_ID
        assert not driver.is_sealed
        driver.status(TILL, time.monotonic() + 5)
        driver.close()


@pytest.mark.parametrize("op", [op for op in codec.OPS if op != codec.HELLO])
@pytest.mark.parametrize(("paired", "code"), [(True, "SESSION_REQUIRED"), (False, "NOT_PAIRED")])
def test_a_closed_module_does_nothing_in_the_clear(
    scene: Scene, tmp_path: Path, op: str, paired: bool, code: str
) -> None:
    keys = scene.module_keys if paired else line_keys(tmp_path / "strict", 4)
    gate = Gate(Desk(scene.engine), keys, clear=False)
    (reply,) = gate.take(codec.request(5, op, order_of(scene.intend())))
    read_reply = codec.read_reply(reply)
    assert read_reply is not None
    assert (read_reply.error, read_reply.outcome) == (code, Outcome.NOT_EXECUTED)
    assert scene.made() == 0


def test_as_many_tills_as_may_be_paired_all_get_in(scene: Scene, tmp_path: Path) -> None:
    tills = [line_keys(tmp_path / f"till {n}", 100 + n) for n in range(PEERS_MAX - 1)]
    for keys in tills:
        introduce(keys, scene.module_keys)
    for keys in (*tills, scene.till_keys):
        driver = scene.a_driver(keys)
        scene.open(driver)
        assert driver.is_sealed
        driver.close()
    with pytest.raises(StoreError) as caught:
        introduce(line_keys(tmp_path / "one more", 99), scene.module_keys)
    assert caught.value.code == "LINE_PEERS_FULL"


def test_a_till_that_is_unpaired_is_heard_no_more_in_its_running_session(scene: Scene) -> None:
    scene.open()
    scene.issue(scene.intend())
    elsewhere = line_keys(scene.module_keys._folder, 5)  # another process, the same folder
    assert elsewhere.forget(elsewhere.peers()[0].name)
    with pytest.raises(ModuleError) as caught:
        scene.issue(scene.intend())
    # On the cable anybody could have said so: what was sent stays unknown until it is fetched.
    assert (caught.value.code, caught.value.outcome) == ("NOT_PAIRED", Outcome.UNKNOWN)
    assert scene.made() == 1


def test_a_till_that_forgot_its_module_begins_no_new_session_with_it(scene: Scene) -> None:
    scene.open()
    scene.till_keys.forget(MODULE_ID)
    scene.issue(scene.intend())  # the session that there is goes on
    scene.cable.fault, _ = at_frame(TO_TILL, 1, "lost")
    with pytest.raises(ModuleError) as caught:
        scene.issue(scene.intend())
    assert (caught.value.code, caught.value.outcome) == ("NOT_PAIRED", Outcome.UNKNOWN)


def test_a_till_whose_own_files_are_damaged_says_what_it_knows_of_the_order(scene: Scene) -> None:
    scene.open()
    (scene.till_keys._folder / "line-peers").write_bytes(b"nonsense")
    scene.cable.fault, _ = at_frame(TO_TILL, 1, "lost")
    with pytest.raises(ModuleError) as caught:
        scene.issue(scene.intend())
    assert (caught.value.code, caught.value.outcome) == ("LINE_FILE_SEALED", Outcome.UNKNOWN)
    with pytest.raises(StoreError):
        scene.open()
    assert not scene.driver.is_open


def test_an_answer_in_the_clear_is_not_believed_in_a_session(scene: Scene) -> None:
    scene.open()
    forged = [0]

    def fault(way: str, data: bytes) -> list[bytes] | None:
        if way == TO_MODULE or forged[0]:
            return [data]
        forged[0] += 1
        return [frame(codec.refusal(scene.driver._call, "STALE", Outcome.NOT_EXECUTED, {}))]

    scene.cable.fault = fault
    assert not scene.issue(scene.intend()).replayed
    assert (forged, scene.driver.late, scene.made()) == ([1], 1, 1)


def test_peers_that_cannot_be_read_close_the_module(
    scene: Scene, expect_log: Callable[[str], None]
) -> None:
    expect_log("the line's keys cannot be used*")
    scene.open()
    (scene.module_keys._folder / "line-peers").write_bytes(b"nonsense")
    with pytest.raises(ModuleError) as caught:
        scene.issue(scene.intend())
    assert caught.value.code == "NOT_PAIRED"
    assert refusal(scene.a_driver(None)).code == "NOT_PAIRED"
    assert scene.made() == 0
