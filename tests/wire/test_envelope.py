"""A frame is believed only when the right key signed exactly these bytes for exactly this use."""

from datetime import UTC, datetime

import pytest

from posapp.codec import cbor
from posapp.codec.signing import SigningKey
from posapp.errors import InputError
from posapp.wire import compress, envelope
from posapp.wire.envelope import Reply, Request
from posapp.wire.feed import FeedRow
from posapp.wire.messages import Hello, Message, Pushed, Rows, Verdict, Welcome

TILL = SigningKey(bytes([1]) * 32)
OFFICE = SigningKey(bytes([2]) * 32)
TILL_ID = bytes(range(16))
NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
REQUEST = Request(Message.HELLO, TILL_ID, b"12345678", NOON, {0: "x" * 200, 1: b"\0" * 40})


def test_a_request_comes_back_as_it_was_sent():
    frame = envelope.read_request(envelope.write_request(REQUEST, TILL.sign))
    assert frame.till_id == TILL_ID
    assert frame.open(TILL.public) == REQUEST


def test_every_flipped_bit_of_a_request_is_found():
    data = envelope.write_request(REQUEST, TILL.sign)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << (place % 8)
        with pytest.raises(InputError, match=r"FRAME_|SIGNATURE_INVALID"):
            envelope.read_request(bytes(changed)).open(TILL.public)


def test_every_truncation_of_a_reply_is_found():
    reply = Reply(Message.HELLO, NOON, {0: "y" * 300})
    data = envelope.write_reply(reply, b"question", OFFICE.sign)
    assert envelope.read_reply(data, b"question", OFFICE.public) == reply
    for length in range(len(data)):
        with pytest.raises(InputError, match=r"FRAME_|SIGNATURE_INVALID"):
            envelope.read_reply(data[:length], b"question", OFFICE.public)


def test_an_old_answer_does_not_fit_a_new_question():
    data = envelope.write_reply(Reply(Message.PUSH, NOON, {}), b"old question", OFFICE.sign)
    with pytest.raises(InputError, match="SIGNATURE_INVALID"):
        envelope.read_reply(data, b"new question", OFFICE.public)


def test_a_request_signed_as_a_reply_is_no_request():
    def wrong_purpose(_purpose: bytes, message: bytes) -> bytes:
        return TILL.sign(envelope.REPLY_PURPOSE, message)

    data = envelope.write_request(REQUEST, wrong_purpose)
    with pytest.raises(InputError, match="SIGNATURE_INVALID"):
        envelope.read_request(data).open(TILL.public)


def test_a_small_frame_does_not_unpack_into_a_large_memory():
    bomb = compress.squeeze(b"\0" * (envelope.CONTENT_BYTES_MAX + 1))
    header = bytes([envelope.VERSION, 1, Message.HELLO]) + TILL_ID
    data = header + TILL.sign(envelope.REQUEST_PURPOSE, header + bomb) + bomb
    with pytest.raises(InputError, match="FRAME_INVALID"):
        envelope.read_request(data).open(TILL.public)


def test_bytes_after_the_compressed_content_are_refused():
    with pytest.raises(InputError, match="COMPRESSION_INVALID"):
        compress.expand(compress.squeeze(b"abc") + b"x", 100)


def test_another_version_of_the_frame_is_named():
    data = bytearray(envelope.write_request(REQUEST, TILL.sign))
    data[0] = 9
    with pytest.raises(InputError, match="FRAME_VERSION"):
        envelope.read_request(bytes(data))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Hello, {}),
        (Hello, {0: "a", 1: 1, 2: 1, 3: -1, 4: bytes(32)}),
        (Hello, {0: "a", 1: 1, 2: 1, 3: True, 4: bytes(32)}),
        (Hello, {0: "a", 1: 1, 2: 1, 3: 1, 4: bytes(31)}),
        (Hello, {0: "a" * 99, 1: 1, 2: 1, 3: 1, 4: bytes(32)}),
        (Welcome, {0: 1, 1: bytes(32), 2: [["global"]], 3: ""}),
        (Pushed, {0: 7, 1: 1, 2: bytes(32)}),
        (Rows, {0: "global", 1: 5, 2: 4, 3: []}),
        (Rows, {0: "global", 1: 5, 2: 9, 3: [[6, "x", "k", None]]}),
        (Rows, {0: "global", 1: 5, 2: 9, 3: [[4, "x", "k", None], [3, "x", "k", None]]}),
        (Rows, {0: "global", 1: 5, 2: 9, 3: [[4, "meter", 7, {0: "1"}]]}),
        (Rows, {0: "global", 1: 5, 2: 9, 3: 7}),
    ],
)
def test_a_message_with_an_impossible_field_is_refused(kind, body):
    with pytest.raises(InputError, match="MESSAGE_INVALID"):
        kind.from_body(body)


def test_messages_come_back_as_they_were():
    for message in (
        Hello("0.1.0", 1, 5, bytes(32)),
        Welcome(4, bytes(32), (("till:00", 3), ("global", 9)), "TILL_FORKED"),
        Pushed(Verdict.GAP, 3, bytes(32)),
        Rows("global", 5, 9, (FeedRow(4, "customer", "7", None, deleted=True),)),
    ):
        body = cbor.decode(cbor.encode(message.to_body()))
        assert type(message).from_body(body) == message
