"""A module's book: edits, gaps, cuts and copies show, and only its own key signs its head."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp.codec import cbor
from posapp.codec.signing import SigningKey
from posapp.errors import InputError
from posapp.wire import audit
from posapp.wire import signatures as signed
from posapp.wire.audit import (
    AuditAcknowledgement,
    AuditEntry,
    AuditFile,
    AuditHead,
    AuditKind,
    SignedAcknowledgement,
    genesis,
    verify_entries,
)
from posapp.wire.fields import INT_MAX

MODULE, OFFICE, STRANGER = (SigningKey(bytes([n]) * 32) for n in (5, 1, 3))
MODULE_ID = "REF-1A2B3C4D"
START = genesis(MODULE_ID)


def a_book(length: int, *, flavour: int = 0) -> tuple[bytes, ...]:
    """Entries 1..length."""
    rows: list[bytes] = []
    previous = START
    for number in range(1, length + 1):
        kind = tuple(AuditKind)[number % len(AuditKind)]
        entry = AuditEntry(number, previous, 1_000 * number, kind, {0: flavour, 1: b"\1" * 8})
        rows.append(entry.to_bytes())
        previous = entry.hash()
    return tuple(rows)


BOOK = a_book(9)
HEAD = AuditHead.sign(MODULE_ID, 9, audit.entry_hash(BOOK[-1]), MODULE)
FILE = AuditFile(0, START, BOOK, HEAD)

bodies = st.dictionaries(
    st.integers(0, 40),
    st.one_of(st.integers(-(2**63), 2**63), st.binary(max_size=40), st.text(max_size=40)),
    max_size=8,
)
hashes = st.binary(min_size=32, max_size=32)
numbers = st.integers(1, INT_MAX)
module_ids = st.from_regex(r"\A[A-Z0-9][A-Z0-9-]{2,39}\Z")


@given(numbers, hashes, st.integers(0, INT_MAX), st.sampled_from(AuditKind), bodies)
def test_an_entry_reads_back_as_it_was(number, previous, at_ms, kind, body):
    entry = AuditEntry(number, previous, at_ms, kind, body)
    data = entry.to_bytes()
    again = AuditEntry.from_bytes(data)
    assert again == entry and again.to_bytes() == data
    assert again.kind is kind
    assert entry.hash() == hashlib.sha256(b"posapp/audit/1\0" + data).digest()


def test_the_chain_begins_with_the_modules_name():
    assert hashlib.sha256(b"posapp/audit/1\0REF-1A2B3C4D").digest() == START
    assert genesis("REF-OTHER") != START


@given(module_ids, st.integers(0, INT_MAX), hashes, st.integers(0, INT_MAX))
def test_an_acknowledgement_reads_back_as_it_was(module_id, number, hash32, at_ms):
    word = AuditAcknowledgement(module_id, number, hash32, at_ms)
    data = SignedAcknowledgement.sign(word, OFFICE).to_bytes()
    again = SignedAcknowledgement.read(data)
    assert again.acknowledgement == word and again.to_bytes() == data
    again.check({OFFICE.public})


ACKNOWLEDGED = SignedAcknowledgement.sign(
    AuditAcknowledgement(MODULE_ID, 9, HEAD.hash32, 77), OFFICE
)


@given(st.integers(0, len(ACKNOWLEDGED.to_bytes()) * 8 - 1))
def test_any_flipped_bit_of_an_acknowledgement_is_refused(bit):
    data = bytearray(ACKNOWLEDGED.to_bytes())
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InputError):
        SignedAcknowledgement.read(bytes(data)).check({OFFICE.public})


def test_an_acknowledgement_is_head_offices_alone():
    word = ACKNOWLEDGED.acknowledgement
    with pytest.raises(InputError, match="SIGNERS_TOO_FEW"):
        SignedAcknowledgement.sign(word, STRANGER).check({OFFICE.public})
    other_purpose = signed.sign(b"posapp/authorisation/1", word.to_document(), [OFFICE])
    with pytest.raises(InputError, match="SIGNATURE_INVALID"):
        SignedAcknowledgement(word, word.to_document(), other_purpose).check({OFFICE.public})


@settings(max_examples=300)
@given(st.integers(0, len(FILE.to_bytes()) * 8 - 1))
def test_any_flipped_bit_of_an_audit_file_is_found(bit):
    data = bytearray(FILE.to_bytes())
    data[bit // 8] ^= 1 << bit % 8
    try:
        verdict = AuditFile.from_bytes(bytes(data)).check(MODULE.public)
    except InputError:
        return
    assert verdict.broken_number is not None


def test_a_whole_book_holds():
    again = AuditFile.from_bytes(FILE.to_bytes())
    assert again == FILE
    verdict = again.check(MODULE.public)
    assert (verdict.number, verdict.hash32, verdict.broken_number) == (9, HEAD.hash32, None)


def test_a_stretch_of_a_book_holds():
    stretch = AuditFile(4, audit.entry_hash(BOOK[3]), BOOK[4:], HEAD)
    assert AuditFile.from_bytes(stretch.to_bytes()).check(MODULE.public).broken_number is None


@pytest.mark.parametrize(
    ("rows", "number", "reason"),
    [
        ((*BOOK[:3], *BOOK[4:]), 4, "AUDIT_GAP"),
        ((*BOOK[:4], *BOOK[3:]), 4, "AUDIT_NUMBER_TWICE"),
        ((BOOK[1], BOOK[0], *BOOK[2:]), 1, "AUDIT_GAP"),
        ((*BOOK[:3], a_book(4, flavour=1)[3], *BOOK[4:]), 4, "AUDIT_HASH_BROKEN"),
        ((*BOOK[:5], b"\0", *BOOK[6:]), 6, "AUDIT_ENTRY_INVALID"),
        (BOOK[:-1], 9, "AUDIT_TRUNCATED"),
        (a_book(9, flavour=1), 10, "AUDIT_TRUNCATED"),
        ((), 1, "AUDIT_TRUNCATED"),
    ],
    ids=["deleted", "doubled", "reordered", "edited", "noise", "cut", "another book", "emptied"],
)
def test_the_first_broken_entry_is_named(rows, number, reason):
    verdict = replace(FILE, entries=rows).check(MODULE.public)
    assert (verdict.broken_number, verdict.reason) == (number, reason)


def test_a_book_of_another_module_does_not_begin_here():
    foreign = AuditHead.sign("REF-OTHER", 9, HEAD.hash32, MODULE)
    verdict = replace(FILE, head=foreign).check(MODULE.public)
    assert (verdict.broken_number, verdict.reason) == (1, "AUDIT_HASH_BROKEN")


def test_another_key_cannot_sign_the_head():
    with pytest.raises(InputError, match="SIGNATURE_INVALID"):
        FILE.check(STRANGER.public)


def test_entries_may_come_piece_by_piece():
    first = verify_entries(0, START, BOOK[:5])
    assert verify_entries(first.number, first.hash32, BOOK[5:]).hash32 == HEAD.hash32


@pytest.mark.parametrize(
    "value",
    [
        [],
        [0, START, 1, 1, {}],
        [True, START, 1, 1, {}],
        [1 << 64, START, 1, 1, {}],
        [1, START[:31], 1, 1, {}],
        [1, "x" * 32, 1, 1, {}],
        [1, START, -1, 1, {}],
        [1, START, 1, 0, {}],
        [1, START, 1, 10, {}],
        [1, START, 1, True, {}],
        [1, START, 1, 1, []],
        [1, START, 1, 1, {"word": 1}],
        [1, START, 1, 1, {True: 1}],
        [1, START, 1, 1, {}, 0],
        {},
    ],
)
def test_an_entry_of_another_form_is_refused(value):
    with pytest.raises(InputError, match="AUDIT_INVALID"):
        AuditEntry.from_bytes(cbor.encode(value))


def test_an_entry_has_a_largest_size():
    with pytest.raises(InputError, match="AUDIT_INVALID"):
        AuditEntry(1, START, 1, AuditKind.ISSUE, {0: bytes(audit.ENTRY_BYTES_MAX)}).to_bytes()
    with pytest.raises(InputError, match="AUDIT_INVALID"):
        AuditEntry.from_bytes(bytes(audit.ENTRY_BYTES_MAX + 1))


@pytest.mark.parametrize(
    "change",
    [
        {0: 2},
        {1: -1},
        {2: b""},
        {3: [1]},
        {3: 1},
        {4: {0: MODULE_ID, 1: 9, 2: HEAD.hash32}},
        {4: {**HEAD.to_body(), 4: 0}},
        {4: {**HEAD.to_body(), 0: "ref"}},
        {4: {**HEAD.to_body(), 3: b""}},
        {4: 3},
        {5: 0},
    ],
)
def test_an_audit_file_of_another_form_is_refused(change):
    data = cbor.encode(cbor.decode(FILE.to_bytes()) | change)
    with pytest.raises(InputError, match="AUDIT_INVALID"):
        AuditFile.from_bytes(data)


def test_an_acknowledgement_of_another_form_is_refused():
    document = cbor.decode(ACKNOWLEDGED.document)
    for change in ({0: "ref"}, {1: -1}, {2: b""}, {3: "now"}, {4: 0}):
        with pytest.raises(InputError, match="AUDIT_INVALID"):
            AuditAcknowledgement.from_document(cbor.encode(document | change))


def test_an_audit_file_has_a_largest_size():
    with pytest.raises(InputError, match="AUDIT_INVALID"):
        AuditFile.from_bytes(bytes(audit.FILE_BYTES_MAX + 1))
    with pytest.raises(InputError, match="AUDIT_INVALID"):
        replace(FILE, entries=BOOK[:1] * (audit.ENTRIES_MAX + 1)).to_bytes()
    with pytest.raises(InputError, match="AUDIT_INVALID"):
        replace(FILE, entries=(bytes(audit.ENTRY_BYTES_MAX),) * 2048).to_bytes()
