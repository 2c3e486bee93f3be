"""Sealed secrets: the right PINs on the right device, or nothing at all."""

from __future__ import annotations

from itertools import count

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp.codec import cbor, sealed
from posapp.codec.sealed import Cost, SealedBox
from posapp.errors import InputError

CHEAP = Cost(8, 1)
DEVICE = bytes(range(32))
SECRET = b"twenty bytes of key!"
PURPOSE = "tests/1"


class Counting:
    """Random bytes that repeat in every run and never within one."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def bytes(self, count: int) -> bytes:
        return next(self._numbers).to_bytes(count, "big")


def a_box(*pins: str, secret: bytes = SECRET, device: bytes = DEVICE) -> SealedBox:
    return SealedBox.seal(
        secret, pins or ("123456",), device, purpose=PURPOSE, randomness=Counting(), cost=CHEAP
    )


BOX = a_box()


def refused(call) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert (caught.value.code, caught.value.params) == ("SEAL_REFUSED", {})


@settings(max_examples=50)
@given(
    st.binary(max_size=300),
    st.lists(st.text(max_size=12), min_size=1, max_size=4),
    st.just(b"") | st.binary(min_size=16, max_size=40),
)
def test_what_was_sealed_comes_back(secret, pins, device):
    box = SealedBox.read(a_box(*pins, secret=secret, device=device).to_bytes())
    assert box.open(pins, device, purpose=PURPOSE) == secret


def test_a_wrong_pin_and_a_wrong_device_are_one_error():
    refused(lambda: BOX.open(["123457"], DEVICE, purpose=PURPOSE))
    refused(lambda: BOX.open(["123456"], bytes(32), purpose=PURPOSE))
    refused(lambda: BOX.open(["123456"], b"", purpose=PURPOSE))
    refused(lambda: BOX.open(["123456", "123456"], DEVICE, purpose=PURPOSE))
    refused(lambda: BOX.open(["1" * 129], DEVICE, purpose=PURPOSE))
    refused(lambda: BOX.open(["123456"], DEVICE, purpose="tests/2"))
    assert BOX.open(["123456"], DEVICE, purpose=PURPOSE) == SECRET


def test_two_pins_open_only_together_and_in_their_order():
    box = a_box("first one", "second one")
    assert box.open(["first one", "second one"], DEVICE, purpose=PURPOSE) == SECRET
    for pins in (["first one"], ["first one", "x"], ["x", "second one"], ["second one"] * 2):
        refused(lambda pins=pins: box.open(pins, DEVICE, purpose=PURPOSE))
    refused(lambda: box.open(["second one", "first one"], DEVICE, purpose=PURPOSE))


def test_the_same_letters_typed_on_another_keyboard_open_it():
    box = a_box("gr\u00fcn")
    assert box.open(["gru\u0308n"], DEVICE, purpose=PURPOSE) == SECRET


@settings(max_examples=200)
@given(st.integers(0, len(BOX.to_bytes()) * 8 - 1))
def test_any_flipped_bit_opens_nothing(bit):
    data = bytearray(BOX.to_bytes())
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InputError):
        SealedBox.read(bytes(data)).open(["123456"], DEVICE, purpose=PURPOSE)


def test_the_form_is_what_the_page_says():
    """Opened here by hand, from the module's docstring alone."""
    box = cbor.decode(a_box("1234", "5678").to_bytes())
    memory, passes, lanes = box[3]
    stretched = [
        Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory).derive(
            pin
        )
        for pin, salt in zip((b"1234", b"5678"), box[4], strict=True)
    ]
    info = b"posapp/sealed/1\0tests/1"
    key = HKDF(SHA256(), 32, box[5], info).derive(b"".join(stretched) + DEVICE)
    header = cbor.encode({place: box[place] for place in range(7)})
    assert AESGCM(key).decrypt(box[6], box[7], header) == SECRET


def test_a_new_pin_takes_the_place_of_the_old_one():
    randomness = Counting()
    again = BOX.reseal(["123456"], ["7777"], DEVICE, purpose=PURPOSE, randomness=randomness)
    assert again.open(["7777"], DEVICE, purpose=PURPOSE) == SECRET
    assert again.cost == BOX.cost
    refused(lambda: again.open(["123456"], DEVICE, purpose=PURPOSE))
    refused(lambda: BOX.reseal(["0"], ["1"], DEVICE, purpose=PURPOSE, randomness=randomness))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("form", {8: 0}),
        ("version", {0: 2}),
        ("version", {0: True}),
        ("purpose", {1: b"x"}),
        ("purpose", {1: ""}),
        ("purpose", {1: "x" * 61}),
        ("device", {2: 1}),
        ("cost", {3: [8, 1]}),
        ("cost", {3: [8, 1, True]}),
        ("cost", {3: [100 * 1024 * 1024, 1, 1]}),  # 100 GiB
        ("cost", {3: [8, 1 << 31, 1]}),
        ("cost", {3: [8, 0, 1]}),
        ("cost", {3: [7, 1, 1]}),
        ("cost", {3: [8, 1, 2]}),
        ("cost", {3: [80, 1, 5]}),
        ("cost", {3: [512 * 1024, 16, 1]}),  # each alone is allowed
        ("salts", {4: []}),
        ("salts", {4: [bytes(16)] * 5}),
        ("salts", {4: [bytes(15)]}),
        ("salts", {5: bytes(31)}),
        ("salts", {6: bytes(13)}),
        ("content", {7: bytes(15)}),
        ("content", {7: "x"}),
    ],
)
def test_a_hostile_file_costs_nothing_to_refuse(field, change):
    data = cbor.encode(cbor.decode(BOX.to_bytes()) | change)
    with pytest.raises(InputError) as caught:
        SealedBox.read(data)
    assert (caught.value.code, caught.value.params) == ("SEAL_INVALID", {"field": field})


@pytest.mark.parametrize(
    "data", [b"", b"\0", cbor.encode([]), cbor.encode({True: 0}), bytes(sealed.BOX_BYTES_MAX + 1)]
)
def test_what_is_no_box_at_all_is_refused(data):
    with pytest.raises(InputError, match="SEAL_INVALID"):
        SealedBox.read(data)


def test_a_box_is_as_large_as_the_largest_secret_needs_and_no_larger():
    largest = a_box(secret=bytes(sealed.SECRET_BYTES_MAX))
    assert len(SealedBox.read(largest.to_bytes()).to_bytes()) <= sealed.BOX_BYTES_MAX
    room = sealed.BOX_BYTES_MAX - len(largest.to_bytes())
    content = cbor.decode(largest.to_bytes())
    SealedBox.read(cbor.encode(content | {7: content[7] + bytes(room)}))
    with pytest.raises(InputError) as caught:
        SealedBox.read(cbor.encode(content | {7: content[7] + bytes(room + 1)}))
    assert caught.value.params == {"field": "size"}


def test_nothing_of_the_secret_shows():
    box = a_box("my own pin")
    shown = repr(box) + str(box)
    assert "my own pin" not in shown and SECRET.decode() not in shown
    assert SECRET not in box.to_bytes() and DEVICE not in box.to_bytes()
    with pytest.raises(InputError) as caught:
        box.open(["another pin"], DEVICE, purpose=PURPOSE)
    assert "another pin" not in repr(caught.value)


def test_keys_on_the_way_are_overwritten(monkeypatch):
    wiped: list[bytes] = []
    seen: list[bytearray] = []

    def watched(buffer: bytearray) -> None:
        wiped.append(bytes(buffer))
        seen.append(buffer)
        buffer[:] = bytes(len(buffer))

    monkeypatch.setattr(sealed, "wipe", watched)
    BOX.open(["123456"], DEVICE, purpose=PURPOSE)
    assert wiped[0] == b"123456" and wiped[1].endswith(DEVICE) and len(wiped) == 3
    assert not any(map(any, seen))


def test_our_own_mistakes_are_no_input_errors():
    for change in ({"secret": bytes(sealed.SECRET_BYTES_MAX + 1)}, {"device": b"short"}):
        with pytest.raises(ValueError, match=r"secret"):
            a_box(**change)
    with pytest.raises(ValueError, match="PINs"):
        a_box(*"12345")
    with pytest.raises(ValueError, match="purpose"):
        SealedBox.seal(b"", ["1"], b"", purpose="ü", randomness=Counting(), cost=CHEAP)


def test_the_costs_we_use_may_be_read_back():
    for cost in (sealed.DAILY, sealed.RARE):
        assert cost.memory_kib * cost.passes <= sealed.WORK_KIB_MAX
