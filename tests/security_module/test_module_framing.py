"""Frames survive any slicing and any noise, and nothing wrong is ever taken for a frame."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.security_module.link import framing
from posapp.security_module.link.framing import Deframer, cobs_decode, cobs_encode, frame

RUN = bytes(range(1, 255))  # 254 non-zero bytes

KNOWN = [
    (b"", b"\x01"),
    (b"\x00", b"\x01\x01"),
    (b"\x00\x00", b"\x01\x01\x01"),
    (b"\x00\x11\x00", b"\x01\x02\x11\x01"),
    (b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33"),
    (b"\x11\x22\x33\x44", b"\x05\x11\x22\x33\x44"),
    (b"\x11\x00\x00\x00", b"\x02\x11\x01\x01\x01"),
    (RUN, b"\xff" + RUN),
    (b"\x00" + RUN, b"\x01\xff" + RUN),
    (RUN + b"\xff", b"\xff" + RUN + b"\x02\xff"),
    (RUN[1:] + b"\xff\x00", b"\xff" + RUN[1:] + b"\xff\x01\x01"),
    (RUN[2:] + b"\xff\x00\x01", b"\xfe" + RUN[2:] + b"\xff\x02\x01"),
]


@pytest.mark.parametrize(("plain", "encoded"), KNOWN)
def test_cobs_gives_the_known_answers(plain: bytes, encoded: bytes) -> None:
    assert cobs_encode(plain) == encoded
    assert cobs_decode(encoded) == plain


@given(st.binary(max_size=1200))
def test_cobs_takes_every_string_of_bytes_there_and_back(data: bytes) -> None:
    encoded = cobs_encode(data)
    assert 0 not in encoded
    assert len(encoded) <= len(data) + len(data) // 254 + 1
    assert cobs_decode(encoded) == data


@given(st.binary(max_size=300))
def test_cobs_decode_never_fails_on_garbage(data: bytes) -> None:
    decoded = cobs_decode(data)
    assert decoded is None or len(decoded) <= len(data)


@given(st.lists(st.binary(min_size=1, max_size=600), max_size=6), st.data())
def test_frames_come_out_whole_however_the_line_slices_them(
    payloads: list[bytes], data: st.DataObject
) -> None:
    line = b"".join(frame(p) for p in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(line)), max_size=12)))
    deframer = Deframer()
    got: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(line)], strict=True):
        got += deframer.feed(line[start:end])
    assert got == payloads
    assert (deframer.bad, deframer.overlong) == (0, 0)


@given(st.binary(max_size=5000), st.binary(min_size=1, max_size=framing.PAYLOAD_MAX))
def test_a_frame_after_any_noise_is_found(noise: bytes, payload: bytes) -> None:
    deframer = Deframer()
    assert (deframer.feed(noise) + deframer.feed(frame(payload)))[-1:] == [payload]


def test_half_a_frame_costs_only_itself() -> None:
    deframer = Deframer()
    whole = frame(b"the next one")
    assert deframer.feed(frame(b"a lost one")[:-4] + whole) == [b"the next one"]
    assert deframer.bad == 1


def test_an_overlong_frame_is_dropped_counted_and_holds_no_memory() -> None:
    deframer = Deframer()
    for _ in range(1000):
        assert deframer.feed(b"\x07" * 1000) == []
    assert len(deframer._half) <= framing.ENCODED_MAX
    assert deframer.overlong == 1
    assert deframer.feed(frame(b"after it")) == [b"after it"]


def test_the_largest_payload_fits_and_one_byte_more_does_not() -> None:
    largest = b"\x55" * framing.PAYLOAD_MAX
    assert Deframer().feed(frame(largest)) == [largest]
    with pytest.raises(AssertionError):
        frame(largest + b"\x55")


def test_no_single_flipped_bit_passes_for_a_frame() -> None:
    good = frame(b"ISSUE \x00 something \x00\x00 worth money")
    for bit in range(len(good) * 8):
        broken = bytearray(good)
        broken[bit // 8] ^= 1 << bit % 8
        got = Deframer().feed(bytes(broken))
        assert got in ([], [b"ISSUE \x00 something \x00\x00 worth money"])
        if got:  # only a broken outer zero can leave the frame itself whole
            assert bit // 8 == 0


def test_random_megabytes_give_no_frame_and_no_growth() -> None:
    deframer = Deframer()
    source = random.Random(1)
    for _ in range(60):
        assert deframer.feed(source.randbytes(16_384)) == []
    assert deframer.bad > 1000
