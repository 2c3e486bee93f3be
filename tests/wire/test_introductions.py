"""Module cards and trust: texts that are whole or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.codec.signing import SigningKey
from posapp.errors import InputError
from posapp.wire.introductions import ModuleCard, Trust

MODULE, OFFICE, SECOND = (SigningKey(bytes([n]) * 32) for n in (5, 1, 2))
CARD = ModuleCard.make("REF-1A2B3C4D", bytes(range(32)), MODULE.public, MODULE)
TRUST = Trust((OFFICE.public, SECOND.public), (MODULE.public,), 5_000_000)

keys = st.binary(min_size=32, max_size=32)


def test_a_card_reads_back_as_it_was():
    assert ModuleCard.read(CARD.to_text().encode()) == CARD
    assert len(CARD.fingerprint) == 19


@given(st.integers(0, len(CARD.to_text()) * 8 - 1))
def test_a_card_with_a_flipped_bit_is_refused_or_means_the_same(bit):
    data = bytearray(CARD.to_text().encode())
    data[bit // 8] ^= 1 << bit % 8
    try:
        again = ModuleCard.read(bytes(data))
    except InputError:
        return
    assert again == CARD  # white space


@given(
    st.lists(keys, min_size=2, max_size=8, unique=True),
    st.lists(keys, max_size=8, unique=True),
    st.none() | st.integers(0, 2**63 - 1),
)
def test_trust_reads_back_as_it_was(office, officers, two):
    trust = Trust(tuple(office), tuple(officers), two)
    assert Trust.read(trust.to_text().encode()) == trust


def test_two_are_needed_only_above_the_threshold():
    assert [TRUST.needed(n) for n in (0, 5_000_000, 5_000_001)] == [1, 1, 2]
    assert Trust((OFFICE.public,), (), None).needed(2**62) == 1


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("office", ((), (), None)),
        ("office", ((OFFICE.public, OFFICE.public), (), None)),
        ("office", ((b"short",), (), None)),
        ("office", ((OFFICE.public,), (), 100)),
        ("officers", ((OFFICE.public,), (b"",), None)),
        ("two_above_minor", ((OFFICE.public, SECOND.public), (), -1)),
        ("two_above_minor", ((OFFICE.public, SECOND.public), (), True)),
    ],
)
def test_trust_out_of_range_cannot_exist(field, arguments):
    with pytest.raises(InputError) as caught:
        Trust(*arguments)
    assert (caught.value.code, caught.value.params) == ("TRUST_INVALID", {"field": field})


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": True},
        {"more": 1},
        {"module_id": "ref"},
        {"module_id": 1},
        {"seal_key": "00"},
        {"seal_key": "zz" * 32},
        {"audit_key": 1},
        {"signature": "00" * 65},
    ],
)
def test_a_card_of_another_form_is_refused(change):
    text = json.dumps(json.loads(CARD.to_text()) | change)
    with pytest.raises(InputError, match="MODULE_CARD"):
        ModuleCard.read(text.encode())


@pytest.mark.parametrize(
    "change", [{"version": 0}, {"more": 1}, {"office": "x"}, {"officers": [1]}, {"office": ["AB"]}]
)
def test_trust_of_another_form_is_refused(change):
    text = json.dumps(json.loads(TRUST.to_text()) | change)
    with pytest.raises(InputError, match="TRUST_INVALID"):
        Trust.read(text.encode())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"version": 1, "version": 1}', bytes(9000)]
)
def test_what_is_no_such_text_at_all_is_refused(data):
    for read in (ModuleCard.read, Trust.read):
        with pytest.raises(InputError) as caught:
            read(data)
        assert caught.value.params == {"field": "form"}


def test_a_card_that_another_signed_is_refused():
    text = CARD.to_text().replace(CARD.seal_key.hex(), bytes(32).hex())
    with pytest.raises(InputError, match="SIGNATURE_INVALID"):
        ModuleCard.read(text.encode())
