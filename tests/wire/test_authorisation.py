"""Authorisations: one value, one string of bytes, and nobody but head office can make one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp.codec import cbor
from posapp.codec.signing import SigningKey
from posapp.domain.lease import Lease
from posapp.errors import InputError
from posapp.wire import authorisation as words
from posapp.wire import signatures as signed
from posapp.wire.authorisation import Authorisation, Grant, SignedAuthorisation
from posapp.wire.fields import INT_MAX

OFFICE, SECOND, STRANGER = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
TRUSTED = frozenset({OFFICE.public, SECOND.public})
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LEASE = Lease(4, 5_000_000, 200_000, 100, NOW + timedelta(days=14))
GRANTS = (
    Grant("201457", 1, 1_000_000, 0, 25_000_000),
    Grant("600675", 2, 50_000, 7_000_000_000, 1_000_000),
)
HOURS = ((360, 1080), (1800, 2520))
PLAIN = Authorisation("REF-1A2B3C4D", 7, NOW, bytes(range(16)), "KES", LEASE, 14, 2000, GRANTS)
FULL = replace(PLAIN, opening_hours=HOURS)
SIGNED = SignedAuthorisation.sign(FULL, OFFICE, SECOND)


def code_of(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return caught.value.code


totals = st.integers(0, INT_MAX)
moments = st.integers(0, 1 << 47).map(lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + MS * ms)
MS = timedelta(milliseconds=1)
hours = st.lists(st.integers(0, words.MINUTES_A_WEEK), max_size=12, unique=True).map(
    lambda minutes: tuple(zip(sorted(minutes)[::2], sorted(minutes)[1::2], strict=False))
)
grants = st.dictionaries(
    st.tuples(st.from_regex(r"\A[0-9]{6}\Z"), st.integers(1, 9)),
    st.tuples(totals, totals, totals),
    max_size=6,
).map(lambda found: tuple(Grant(*key, *found[key]) for key in sorted(found)))
limits = st.lists(totals, min_size=2, max_size=2).map(sorted)
leases = st.builds(
    lambda number, total, sale, until: Lease(number, total, sale[1], sale[0], until),
    st.integers(1, INT_MAX),
    totals,
    limits,
    moments,
)
authorisations = st.builds(
    Authorisation,
    st.from_regex(r"\A[A-Z0-9][A-Z0-9-]{2,39}\Z"),
    st.integers(1, INT_MAX),
    moments,
    st.binary(min_size=16, max_size=16),
    st.from_regex(r"\A[A-Z]{3}\Z"),
    leases,
    st.integers(1, words.LEASE_DAYS_MAX),
    st.integers(1, words.UNACKNOWLEDGED_MAX),
    grants,
    hours,
)


@given(authorisations)
def test_an_authorisation_reads_back_as_it_was(authorisation):
    data = SignedAuthorisation.sign(authorisation, OFFICE).to_bytes()
    again = SignedAuthorisation.read(data)
    assert again.authorisation == authorisation
    assert again.to_bytes() == data
    again.check(TRUSTED, 1)


@settings(max_examples=300)
@given(st.integers(0, len(SIGNED.to_bytes()) * 8 - 1))
def test_any_flipped_bit_is_refused(bit):
    data = bytearray(SIGNED.to_bytes())
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InputError):
        SignedAuthorisation.read(bytes(data)).check(TRUSTED, 2)


@given(st.binary(max_size=400))
def test_noise_is_refused_with_a_code(data):
    with pytest.raises(InputError):
        SignedAuthorisation.read(data)


def test_two_signers_count_once_each():
    SIGNED.check(TRUSTED, 2)
    one = SignedAuthorisation.sign(FULL, OFFICE)
    one.check(TRUSTED, 1)
    assert code_of(one.check, TRUSTED, 2) == "SIGNERS_TOO_FEW"
    assert one.countersign(SECOND) == SIGNED
    assert one.countersign(OFFICE) == one
    doubled = signed.pack(one.document, one.signatures * 2)
    assert code_of(SignedAuthorisation.read, doubled) == "SIGNED_FORM"


def test_a_strangers_signature_counts_for_nothing():
    with_stranger = SignedAuthorisation.sign(FULL, OFFICE, STRANGER)
    with_stranger.check(TRUSTED, 1)
    with pytest.raises(InputError) as caught:
        with_stranger.check(TRUSTED, 2)
    assert caught.value.params == {"found": 1, "needed": 2}


def test_as_many_as_eight_may_sign_and_no_more():
    keys = [SigningKey(bytes([n]) * 32) for n in range(1, 10)]
    eight = SignedAuthorisation.sign(FULL, *keys[:8])
    SignedAuthorisation.read(eight.to_bytes()).check({key.public for key in keys}, 8)
    with pytest.raises(ValueError, match="signers"):
        SignedAuthorisation.sign(FULL, *keys)
    nine = signed.pack(eight.document, signed.sign(words.PURPOSE, eight.document, keys[8:]) * 9)
    assert code_of(SignedAuthorisation.read, nine) == "SIGNED_FORM"


def test_one_false_signature_spoils_the_others():
    pairs = (SIGNED.signatures[0], (SIGNED.signatures[1][0], bytes(64)))
    false = SignedAuthorisation.read(signed.pack(SIGNED.document, pairs))
    assert code_of(false.check, TRUSTED, 1) == "SIGNATURE_INVALID"


def test_a_signature_for_another_purpose_does_not_count():
    pairs = signed.sign(b"posapp/lease/1", SIGNED.document, [OFFICE, SECOND])
    other = SignedAuthorisation.read(signed.pack(SIGNED.document, pairs))
    assert code_of(other.check, TRUSTED, 1) == "SIGNATURE_INVALID"


def test_signers_in_another_order_are_another_string_of_bytes():
    turned = signed.pack(SIGNED.document, SIGNED.signatures[::-1])
    assert code_of(SignedAuthorisation.read, turned) == "SIGNED_FORM"


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("module_id", {"module_id": "ref-1"}),
        ("module_id", {"module_id": "A" * 41}),
        ("number", {"number": 0}),
        ("number", {"number": True}),
        ("issued_at", {"issued_at": datetime(2026, 1, 1)}),
        ("till_id", {"till_id": bytes(15)}),
        ("currency_code", {"currency_code": "kes"}),
        ("lease", {"lease": replace(LEASE, number=0)}),
        ("lease", {"lease": replace(LEASE, min_sale_minor=200_001)}),
        ("lease", {"lease": replace(LEASE, authorised_total_minor=-1)}),
        ("valid_until", {"lease": replace(LEASE, valid_until=datetime(2026, 1, 1))}),
        ("lease_days", {"lease_days": 0}),
        ("lease_days", {"lease_days": 91}),
        ("unacknowledged_max", {"unacknowledged_max": 0}),
        ("unacknowledged_max", {"unacknowledged_max": 100_001}),
        ("grants", {"grants": GRANTS[::-1]}),
        ("grants", {"grants": (GRANTS[0], GRANTS[0])}),
        ("opening_hours", {"opening_hours": ((10, 10),)}),
        ("opening_hours", {"opening_hours": ((0, 20), (10, 30))}),
        ("opening_hours", {"opening_hours": ((0, 20), (20, 30))}),
        ("opening_hours", {"opening_hours": ((0, 10_081),)}),
    ],
)
def test_a_value_out_of_range_cannot_exist(field, change):
    with pytest.raises(InputError) as caught:
        replace(FULL, **change)
    assert (caught.value.code, caught.value.params) == ("AUTHORISATION_INVALID", {"field": field})


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("sgc", ("20145", 1, 0, 0, 0)),
        ("sgc", ("20145٣", 1, 0, 0, 0)),
        ("krn", ("201457", 0, 0, 0, 0)),
        ("krn", ("201457", 10, 0, 0, 0)),
        ("units_total", ("201457", 1, -1, 0, 0)),
        ("money_units_total", ("201457", 1, 0, 1 << 63, 0)),
        ("value_total_minor", ("201457", 1, 0, 0, True)),
    ],
)
def test_a_grant_out_of_range_cannot_exist(field, arguments):
    with pytest.raises(InputError) as caught:
        Grant(*arguments)
    assert caught.value.params == {"field": field}


@pytest.mark.parametrize(
    "change",
    [
        {0: 2},  # a version of later software
        {11: 0},  # a key that nobody here knows
        {2: 1 << 64},
        {3: -1},
        {4: "till"},
        {6: [1, 2, 3]},
        {6: [1, 2, 3, 3, 4, 5]},
        {9: [["201457", 1, 2, 3]]},
        {9: [["201457", 1, 2, 3, 4, 5]]},
        {9: [[f"{n:06d}", 1, 0, 0, 0] for n in range(words.GRANTS_MAX + 1)]},
        {10: [[1]]},
        {10: [[n * 4, n * 4 + 1] for n in range(words.OPENINGS_MAX + 1)]},
        {10: 7},
    ],
)
def test_a_document_of_another_form_is_refused(change):
    document = cbor.encode(cbor.decode(SIGNED.document) | change)
    assert code_of(Authorisation.from_document, document) == "AUTHORISATION_INVALID"


@pytest.mark.parametrize("key", range(11))
def test_every_field_is_needed(key):
    value = cbor.decode(SIGNED.document)
    del value[key]
    document = cbor.encode(value)
    assert code_of(Authorisation.from_document, document) == "AUTHORISATION_INVALID"


def test_a_document_that_is_too_large_is_not_even_parsed():
    large = bytes(words.DOCUMENT_BYTES_MAX + 1)
    assert code_of(Authorisation.from_document, large) == "AUTHORISATION_INVALID"
    assert code_of(SignedAuthorisation.read, bytes(1 << 20)) == "SIGNED_FORM"


def test_a_container_of_another_form_is_refused():
    pair = list(SIGNED.signatures[0])
    for value in (
        [],
        {0: b""},
        {0: b"", 1: [pair], 2: 0},
        {False: b"", True: [pair]},
        {0: "", 1: [pair]},
        {0: b"", 1: []},
        {0: b"", 1: [pair] * 9},
        {0: b"", 1: [pair[:1]]},
        {0: b"", 1: [[b"short", pair[1]]]},
        {0: b"", 1: [[pair[0], b"short"]]},
    ):
        with pytest.raises(InputError) as caught:
            signed.unpack(cbor.encode(value), 100)
        assert caught.value.code == "SIGNED_FORM", value


def test_a_signer_who_signs_twice_or_none_at_all_is_our_own_mistake():
    for keys in ((), (OFFICE, OFFICE)):
        with pytest.raises(ValueError, match="signers"):
            SignedAuthorisation.sign(FULL, *keys)
    with pytest.raises(ValueError, match="signer"):
        SIGNED.check(TRUSTED, 0)


def test_the_largest_document_fits():
    most = replace(
        FULL,
        grants=tuple(
            Grant(f"{n:06d}", 9, INT_MAX, INT_MAX, INT_MAX) for n in range(words.GRANTS_MAX)
        ),
        opening_hours=tuple((n * 200, n * 200 + 199) for n in range(words.OPENINGS_MAX)),
    )
    data = SignedAuthorisation.sign(most, OFFICE, SECOND).to_bytes()
    assert SignedAuthorisation.read(data).authorisation == most


def test_times_are_cut_to_the_millisecond_when_they_are_signed():
    odd = replace(FULL, issued_at=NOW + timedelta(microseconds=1999))
    assert SignedAuthorisation.sign(odd, OFFICE).authorisation.issued_at == NOW + MS


def test_opening_hours_are_minutes_of_the_week_in_utc():
    monday = datetime(2026, 11, 16, tzinfo=UTC)
    assert PLAIN.open_at(monday)
    assert not FULL.open_at(monday + timedelta(minutes=359, seconds=59))
    assert FULL.open_at(monday + timedelta(minutes=360))
    assert not FULL.open_at(monday + timedelta(minutes=1080))
    assert FULL.open_at(monday + timedelta(minutes=1800))
    assert not FULL.open_at(monday + timedelta(days=6))
